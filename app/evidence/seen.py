"""An order's files as a reviewer sees them: what they hold, and what does not fit the visit."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlmodel.ext.asyncio.session import AsyncSession

from app.evidence import limits
from app.evidence.flags import Flag, Shown, Visit, flags_of
from app.evidence.models import EvidenceFile, EvidenceInspection

_FACTS = """
SELECT f.id, ST_X(i.taken_place::geometry) AS lon, ST_Y(i.taken_place::geometry) AS lat,
       ST_Distance(coalesce(i.taken_place, f.captured_place), o.location) AS away_m,
       ARRAY(SELECT DISTINCT t.order_id FROM evidence_files t
              WHERE t.sha256 = f.sha256 AND t.order_id <> f.order_id AND t.state = 'verified'
              ORDER BY t.order_id LIMIT 20) AS reused_in
  FROM evidence_files f
  JOIN work_orders o ON o.id = f.order_id
  LEFT JOIN evidence_inspections i ON i.file_id = f.id
 WHERE f.order_id = :order_id
"""
_VISIT = """
SELECT o.serial, ST_X(o.location::geometry) AS lon, ST_Y(o.location::geometry) AS lat,
       (SELECT min(e.at) FROM work_order_events e
         WHERE e.order_id = o.id AND e.action = 'arrived') AS arrived_at,
       (SELECT max(e.at) FROM work_order_events e
         WHERE e.order_id = o.id AND e.action = 'completed') AS done_at
  FROM work_orders o WHERE o.id = :order_id
"""


class SeenFile(NamedTuple):
    """A file with what its bytes told; `taken_place` is (lon, lat)."""

    file: EvidenceFile
    inspection: EvidenceInspection | None
    taken_place: tuple[float, float] | None
    flags: list[Flag]


class SeenVisit(NamedTuple):
    """The visit that the files are held against."""

    place: tuple[float, float]
    arrived_at: datetime | None
    done_at: datetime | None


async def seen(
    session: AsyncSession,
    order_id: UUID,
    files: Sequence[EvidenceFile],
    inspections: dict[UUID, EvidenceInspection],
) -> tuple[SeenVisit, list[SeenFile]]:
    """`files`, all those of the order, with flags; in their order."""
    told = (await session.execute(text(_VISIT), {"order_id": order_id})).mappings().one()
    rows = (await session.execute(text(_FACTS), {"order_id": order_id})).mappings()
    facts = {row["id"]: row for row in rows}
    visit = Visit(told["serial"], told["arrived_at"], told["done_at"])
    shown = {file.id: _shown(file, inspections.get(file.id), facts[file.id]) for file in files}
    wanted = limits.current().flags
    return SeenVisit((told["lon"], told["lat"]), visit.arrived_at, visit.done_at), [
        SeenFile(
            file,
            inspections.get(file.id),
            _place(facts[file.id]),
            flags_of(
                shown[file.id],
                visit,
                [each for each in shown.values() if each.id != file.id],
                wanted,
            )
            if file.state == "verified"
            else [],
        )
        for file in files
    ]


def _shown(file: EvidenceFile, inspection: EvidenceInspection | None, facts: RowMapping) -> Shown:
    return Shown(
        id=file.id,
        sha256=file.sha256,
        kind=file.kind,
        source=file.source,
        captured_at=file.captured_at,
        taken_at=inspection.taken_at if inspection else None,
        away_m=facts["away_m"],
        signature=inspection.signature if inspection else None,
        reused_in=facts["reused_in"],
    )


def _place(facts: RowMapping) -> tuple[float, float] | None:
    return None if facts["lon"] is None else (facts["lon"], facts["lat"])
