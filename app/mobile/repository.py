"""The working set in one statement, and what is known of orders and devices."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, text, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.identity.models import Device
from app.mobile.policy import FRESH
from app.work_orders.states import IN_CREW_HANDS, State

ON_THE_PHONE = sorted({*IN_CREW_HANDS, State.DONE})
"""DONE stays until it is reviewed: files may be missing, and the reviewer may send it back."""

LOCK_WAIT_MS = 2_000

_JOBS = """
SELECT o.id, o.serial, o.state, o.version, o.assignment_id, a.crew_id, a.assigned_at,
       a.accepted_at, o.caller_name, o.caller_phone, o.address, p.unit, p.room,
       ST_X(o.location::geometry) AS lon, ST_Y(o.location::geometry) AS lat,
       o.zone, o.domain, o.service_class, o.description, o.notes, o.flags,
       o.appointment_from, o.appointment_to, o.due_at, o.arrive_by, o.reported_at, o.urges,
       o.rework_of, o.evidence_state, o.fault_code,
       f.name_zh, f.name_en, f.service_minutes, f.safety_level, f.evidence,
       (SELECT min(c.due_at) FROM work_order_clocks c
         WHERE c.order_id = o.id AND c.clock = 'K2' AND c.stopped_at IS NULL) AS accept_by,
       ARRAY(SELECT e.id FROM evidence_files e WHERE e.order_id = o.id
              AND (e.state IN ('declared', 'receiving')
                   OR e.state = 'rejected' AND e.rejected_why = 'hash-differs')
             ORDER BY e.id) AS missing_files,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('file_id', e.id, 'kind', e.kind,
                                                     'why', e.rejected_why) ORDER BY e.id), '[]')
          FROM evidence_files e
         WHERE e.order_id = o.id AND e.state = 'rejected' AND e.rejected_why <> 'hash-differs'
           AND (e.in_manifest OR o.evidence_state = 'none')) AS rejected_files,
       CASE WHEN o.state = 'WORKING' THEN
         (SELECT v.payload ->> 'reason' FROM work_order_events v
           WHERE v.order_id = o.id AND v.action = 'rejected' ORDER BY v.seq DESC LIMIT 1)
       END AS rejected_because
  FROM work_orders o
  JOIN assignments a ON a.id = o.assignment_id AND a.ended_at IS NULL
  JOIN fault_codes f ON f.id = o.fault_code_id
  LEFT JOIN premises p ON p.id = o.premises_id
 WHERE a.crew_id = ANY(:crews) AND o.state = ANY(:states)
   AND (NOT :some OR o.id = ANY(:ids))
 ORDER BY o.id
"""

_CREWS = """
SELECT c.id, c.code, c.name, c.kind,
       (SELECT jsonb_agg(jsonb_build_object('technician_id', t.id, 'name', t.name,
                                            'role', m.role) ORDER BY m.role <> 'leader', t.name)
          FROM crew_members m JOIN technicians t ON t.id = m.technician_id
         WHERE m.crew_id = c.id AND m.until IS NULL) AS members
  FROM crews c WHERE c.id = ANY(:crews) ORDER BY c.code
"""


async def jobs(
    session: AsyncSession, crew_ids: Collection[UUID], order_ids: Collection[UUID] | None
) -> list[RowMapping]:
    """Open orders that the crews hold, all or those of `order_ids`."""
    rows = await session.execute(
        text(_JOBS),
        {
            "crews": list(crew_ids),
            "states": ON_THE_PHONE,
            "some": order_ids is not None,
            "ids": list(order_ids or ()),
        },
    )
    return list(rows.mappings())


async def crews(session: AsyncSession, crew_ids: Collection[UUID]) -> list[RowMapping]:
    """The crews with their members, leader first."""
    rows = await session.execute(text(_CREWS), {"crews": list(crew_ids)})
    return list(rows.mappings())


_SHIFTS = """
SELECT s.crew_id, s.starts_at, s.ends_at, s.breaks FROM shifts s
 WHERE s.crew_id = ANY(:crews) AND s.ends_at > :now AND s.starts_at < :until
 ORDER BY s.starts_at, s.crew_id
"""


async def shifts(
    session: AsyncSession, crew_ids: Collection[UUID], now: datetime, until: datetime
) -> list[RowMapping]:
    """Shifts of the crews that run now or begin before `until`."""
    values = {"crews": list(crew_ids), "now": now, "until": until}
    return list((await session.execute(text(_SHIFTS), values)).mappings())


async def job_versions(session: AsyncSession, crew_ids: Collection[UUID]) -> dict[UUID, int]:
    """Version of each job that the crews hold."""
    rows = await session.execute(
        text(
            "SELECT o.id, o.version FROM work_orders o"
            " JOIN assignments a ON a.id = o.assignment_id AND a.ended_at IS NULL"
            " WHERE a.crew_id = ANY(:crews) AND o.state = ANY(:states)"
        ),
        {"crews": list(crew_ids), "states": ON_THE_PHONE},
    )
    return {row[0]: row[1] for row in rows}


async def commands_here(session: AsyncSession, device_id: UUID, user_id: UUID) -> int:
    """How many commands came from the device in this person's hands."""
    row = await session.execute(
        text(
            "SELECT count(*) FROM phone_commands WHERE device_id = :device AND user_id = :user"
            " AND outcome <> 'lost'"
        ),
        {"device": device_id, "user": user_id},
    )
    return int(row.scalar_one())


async def wait_briefly(session: AsyncSession) -> None:
    """Let this transaction wait no longer for a lock: it is told `busy` and comes again.

    A phone that sends all it has again and again would otherwise hold a connection per request
    while they wait in line for its own row.
    """
    await session.execute(
        text("SELECT set_config('lock_timeout', :most, true)"), {"most": f"{LOCK_WAIT_MS}ms"}
    )


async def lock_device(session: AsyncSession, device_id: UUID) -> None:
    """Wait in line, briefly, with the device's commands; what only names the device need not."""
    await wait_briefly(session)
    await session.execute(
        select(Device.id).where(Device.id == device_id).with_for_update(key_share=True)
    )


async def device_heard(
    session: AsyncSession, device_id: UUID, at: datetime, skew_ms: int | None
) -> None:
    """The device spoke; keep its skew when it was measured."""
    values: dict[str, Any] = {"last_seen_at": at}
    if skew_ms is not None:
        values["skew_ms"] = skew_ms
    await session.execute(update(Device).where(col(Device.id) == device_id).values(**values))


async def device_standing(session: AsyncSession, device_id: UUID) -> dict[str, Any]:
    """What the server knows of the installation, as `DeviceOut`."""
    query = select(Device.id, Device.last_command_seq, Device.skew_ms)
    row = (await session.exec(query.where(Device.id == device_id))).one()
    return {"id": row[0], "last_seq": row[1], "skew_ms": row[2]}


async def crews_last_act(
    session: AsyncSession, order_id: UUID, crew_ids: Collection[UUID]
) -> datetime | None:
    """When the crew that holds the order last acted on it, or got it; None when it has none."""
    row = await session.execute(
        text(
            "SELECT greatest(a.assigned_at, (SELECT max(v.at) FROM work_order_events v"
            "  WHERE v.order_id = a.order_id AND v.assignment_id = a.id"
            "  AND v.actor_role = 'technician'))"
            " FROM assignments a WHERE a.order_id = :order AND a.ended_at IS NULL"
            " AND a.crew_id = ANY(:crews)"
        ),
        {"order": order_id, "crews": list(crew_ids)},
    )
    return row.scalar_one_or_none()


async def crew_held_since(
    session: AsyncSession, order_id: UUID, crew_id: UUID, before: datetime
) -> datetime | None:
    """When the crew last got the order before that time, or acted on it since then."""
    row = await session.execute(
        text(
            "SELECT greatest(max(a.assigned_at), max(v.at)) FROM assignments a"
            " LEFT JOIN work_order_events v ON v.order_id = a.order_id AND v.assignment_id = a.id"
            "  AND v.actor_role = 'technician'"
            " WHERE a.order_id = :order AND a.crew_id = :crew AND a.assigned_at <= :before"
        ),
        {"order": order_id, "crew": crew_id, "before": before},
    )
    return row.scalar_one_or_none()


async def distance_m(session: AsyncSession, order_id: UUID, lon: float, lat: float) -> int:
    """Metres between the order's place and a WGS-84 point."""
    row = await session.execute(
        text(
            "SELECT ST_Distance(location, ST_SetSRID(ST_MakePoint(:lon, :lat), 4326)::geography)"
            " FROM work_orders WHERE id = :id"
        ),
        {"id": order_id, "lon": lon, "lat": lat},
    )
    metres: float = row.scalar_one()
    return round(metres)


async def tracked_m(
    session: AsyncSession, order_id: UUID, technician_id: UUID | None, at: datetime
) -> int | None:
    """Metres from the order's place to where the technician's phone was tracked nearest to `at`.

    None without a fix of about then.
    """
    row = await session.execute(
        text(
            "SELECT ST_Distance(o.location, p.place) FROM positions p, work_orders o"
            " WHERE o.id = :order AND p.technician_id = :technician AND NOT p.mocked"
            "  AND p.at BETWEEN :since AND :until"
            " ORDER BY greatest(p.at, :at) - least(p.at, :at) LIMIT 1"
        ),
        {
            "order": order_id,
            "technician": technician_id,
            "at": at,
            "since": at - FRESH,
            "until": at + FRESH,
        },
    )
    metres: float | None = row.scalar_one_or_none()
    return round(metres) if metres is not None else None
