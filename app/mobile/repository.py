"""The working set in one statement, and the command inbox."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.identity.models import Device
from app.mobile.models import PhoneCommand
from app.work_orders.states import IN_CREW_HANDS, State

ON_THE_PHONE = sorted({*IN_CREW_HANDS, State.DONE})
"""DONE stays until it is reviewed: files may be missing, and the reviewer may send it back."""
MOST_GAPS = 20

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
              AND e.state IN ('declared', 'receiving') ORDER BY e.id) AS missing_files,
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


async def device_heard(
    session: AsyncSession, device_id: UUID, at: datetime, skew_ms: int | None
) -> None:
    """The device spoke; keep its skew when it was measured."""
    values: dict[str, Any] = {"last_seen_at": at}
    if skew_ms is not None:
        values["skew_ms"] = skew_ms
    await session.execute(update(Device).where(col(Device.id) == device_id).values(**values))


async def locked_device(session: AsyncSession, device_id: UUID) -> tuple[int | None, int]:
    """(skew_ms, last_command_seq) under the device's row lock: its commands wait in line."""
    statement = (
        select(Device.skew_ms, Device.last_command_seq)
        .where(Device.id == device_id)
        .with_for_update()
    )
    row = (await session.exec(statement)).one()
    return row[0], row[1]


async def raise_last_seq(session: AsyncSession, device_id: UUID, seq: int) -> None:
    """Remember the highest sequence number that came."""
    await session.execute(
        update(Device)
        .where(col(Device.id) == device_id, col(Device.last_command_seq) < seq)
        .values(last_command_seq=seq)
    )


async def claim(session: AsyncSession, row: PhoneCommand) -> PhoneCommand | None:
    """Insert the inbox row, waiting for a twin in flight; the stored row when there is one."""
    claimed = await session.execute(
        insert(PhoneCommand)
        .values(row.model_dump())
        .on_conflict_do_nothing(index_elements=["id"])
        .returning(col(PhoneCommand.id))
    )
    if claimed.first() is not None:
        return None
    return (await session.exec(select(PhoneCommand).where(PhoneCommand.id == row.id))).one()


async def store_answer(
    session: AsyncSession, command_id: UUID, outcome: str, answer: dict[str, Any]
) -> None:
    await session.execute(
        update(PhoneCommand)
        .where(col(PhoneCommand.id) == command_id)
        .values(outcome=outcome, answer=answer)
    )


async def sequence(
    session: AsyncSession, device_id: UUID, user_id: UUID
) -> tuple[int, list[tuple[int, int]]]:
    """(highest number that came, runs of numbers that never came) of one person's device."""
    rows = await session.execute(
        text(
            "SELECT before + 1, device_seq - 1 FROM (SELECT device_seq,"
            " lag(device_seq, 1, 0::bigint) OVER (ORDER BY device_seq) AS before"
            " FROM phone_commands WHERE device_id = :device AND user_id = :user) numbered"
            " WHERE device_seq > before + 1 ORDER BY device_seq LIMIT :most"
        ),
        {"device": device_id, "user": user_id, "most": MOST_GAPS},
    )
    gaps = [(row[0], row[1]) for row in rows]
    last = await session.exec(select(Device.last_command_seq).where(Device.id == device_id))
    return last.one(), gaps


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
