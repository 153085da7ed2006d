"""Writing checked rows of customers.csv, a few statements per chunk of rows.

Each statement takes its rows as one JSON parameter. What is on record by its natural key is kept;
ids of a chunk are then read back by the same key.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock
from app.core.ids import new_id
from app.customers.import_rows import PlacedRow
from app.customers.policy import BILLING_FLAGS
from app.organisation.import_files import ImportReport

CHUNK = 2000

_COMMUNITIES = """
WITH r AS (SELECT * FROM jsonb_to_recordset(cast(:rows AS jsonb))
  AS r(id uuid, name text, district text)),
added AS (INSERT INTO communities (id, name, district) SELECT id, name, district FROM r
  ON CONFLICT (name, district) DO NOTHING RETURNING id, name, district)
SELECT id, name, district FROM added
UNION ALL SELECT c.id, c.name, c.district FROM communities c JOIN r USING (name, district)
"""
_BUILDINGS = """
INSERT INTO buildings (id, community_id, station_id, number, address, location, original_lon,
  original_lat, datum, zone)
SELECT id, community_id, station_id, number, address,
  ST_SetSRID(ST_MakePoint(lon, lat), 4326)::geography, original_lon, original_lat, datum, zone
FROM jsonb_to_recordset(cast(:rows AS jsonb)) AS r(id uuid, community_id uuid, station_id uuid,
  number text, address text, lon float8, lat float8, original_lon float8, original_lat float8,
  datum text, zone text)
ON CONFLICT (community_id, number) DO UPDATE SET station_id = excluded.station_id,
  address = excluded.address, location = excluded.location, zone = excluded.zone,
  original_lon = excluded.original_lon, original_lat = excluded.original_lat,
  datum = excluded.datum
WHERE (buildings.station_id, buildings.address, buildings.original_lon, buildings.original_lat,
  buildings.datum, buildings.zone) IS DISTINCT FROM (excluded.station_id, excluded.address,
  excluded.original_lon, excluded.original_lat, excluded.datum, excluded.zone)
"""
_BUILDING_IDS = """
SELECT b.id, b.community_id, b.number FROM buildings b
JOIN jsonb_to_recordset(cast(:rows AS jsonb)) AS r(community_id uuid, number text)
  USING (community_id, number)
"""
_PREMISES = """
INSERT INTO premises (id, building_id, unit, room)
SELECT id, building_id, unit, room FROM jsonb_to_recordset(cast(:rows AS jsonb))
  AS r(id uuid, building_id uuid, unit text, room text)
ON CONFLICT (building_id, unit, room) DO NOTHING
"""
_PREMISES_IDS = """
SELECT p.id, p.building_id, p.unit, p.room FROM premises p
JOIN jsonb_to_recordset(cast(:rows AS jsonb)) AS r(building_id uuid, unit text, room text)
  USING (building_id, unit, room)
"""
_CUSTOMERS = """
INSERT INTO customers (id, customer_no, name, language)
SELECT id, customer_no, name, language FROM jsonb_to_recordset(cast(:rows AS jsonb))
  AS r(id uuid, customer_no text, name text, language text)
ON CONFLICT (customer_no) DO UPDATE SET name = excluded.name, language = excluded.language,
  version = customers.version + 1
WHERE (customers.name, customers.language) IS DISTINCT FROM (excluded.name, excluded.language)
RETURNING customer_no, (xmax = 0) AS created
"""
_CUSTOMER_IDS = "SELECT id, customer_no FROM customers WHERE customer_no = ANY(:numbers)"
_PHONES = """
INSERT INTO customer_phones (id, customer_id, phone)
SELECT id, customer_id, phone FROM jsonb_to_recordset(cast(:rows AS jsonb))
  AS r(id uuid, customer_id uuid, phone text)
ON CONFLICT (customer_id, phone) DO NOTHING RETURNING customer_id
"""
_OCCUPANCIES = """
INSERT INTO occupancies (id, customer_id, premises_id)
SELECT id, customer_id, premises_id FROM jsonb_to_recordset(cast(:rows AS jsonb))
  AS r(id uuid, customer_id uuid, premises_id uuid)
ON CONFLICT (customer_id, premises_id) DO NOTHING RETURNING customer_id
"""
_END_FLAGS = """
UPDATE account_flags SET ended_at = :at
WHERE premises_id = ANY(:premises) AND kind = ANY(:kinds) AND ended_at IS NULL
  AND NOT EXISTS (SELECT FROM jsonb_to_recordset(cast(:rows AS jsonb))
    AS r(premises_id uuid, kind text)
    WHERE r.premises_id = account_flags.premises_id AND r.kind = account_flags.kind)
RETURNING premises_id
"""
_FLAGS = """
INSERT INTO account_flags (id, premises_id, kind, since)
SELECT id, premises_id, kind, :at FROM jsonb_to_recordset(cast(:rows AS jsonb))
  AS r(id uuid, premises_id uuid, kind text)
ON CONFLICT (premises_id, kind) WHERE ended_at IS NULL DO NOTHING RETURNING premises_id
"""


@dataclass
class Ids:
    """Ids that later chunks need again, by natural key."""

    stations: dict[str, UUID]
    communities: dict[tuple[str, str], UUID] = field(default_factory=dict)
    buildings: dict[tuple[str, str, str], UUID] = field(default_factory=dict)
    flags: dict[UUID, set[str]] = field(default_factory=dict)
    """What the file has said of each premises so far: two holders add up."""
    counted: set[str] = field(default_factory=set)
    """Customers that are in the report."""


async def write_chunk(
    session: AsyncSession, rows: Sequence[PlacedRow], ids: Ids, report: ImportReport
) -> None:
    """Write the rows, and count each customer in the report once."""
    await _write_communities(session, rows, ids)
    await _write_buildings(session, rows, ids)
    premises = await _write_premises(session, rows, ids)
    customers, created, changed = await _write_customers(session, rows)
    phones = [
        {"customer_id": customers[each.row.customer_no], "phone": phone}
        for each in rows
        for phone in each.row.phones
    ]
    held = [
        {
            "customer_id": customers[each.row.customer_no],
            "premises_id": premises[each.row.premises_key],
        }
        for each in rows
    ]
    touched = {row.customer_id for row in await _run(session, _PHONES, phones)}
    touched |= {row.customer_id for row in await _run(session, _OCCUPANCIES, held)}
    flagged = await _write_flags(session, rows, premises, ids)
    for each in rows:
        number = each.row.customer_no
        touched_too = customers[number] in touched or premises[each.row.premises_key] in flagged
        if touched_too:
            changed.add(number)
    _count(rows, ids, created, changed, report)


def _count(
    rows: Sequence[PlacedRow],
    ids: Ids,
    created: set[str],
    changed: set[str],
    report: ImportReport,
) -> None:
    for number in dict.fromkeys(each.row.customer_no for each in rows):
        if number in ids.counted:
            continue
        ids.counted.add(number)
        if number in created:
            report.count("created")
        else:
            report.count("updated" if number in changed else "unchanged")


async def _run(session: AsyncSession, sql: str, rows: Iterable[dict[str, Any]], **more: Any) -> Any:
    """Run a statement over rows, each with a new id; the rows are one JSON parameter."""
    given = [{"id": new_id(), **row} for row in rows]
    found = await session.execute(text(sql), {"rows": json.dumps(given, default=str), **more})
    return found.all() if found.returns_rows else []  # type: ignore[attr-defined]


async def _write_communities(session: AsyncSession, rows: Sequence[PlacedRow], ids: Ids) -> None:
    new = {(each.row.community, each.row.district) for each in rows} - ids.communities.keys()
    given = [{"name": name, "district": district} for name, district in sorted(new)]
    for row in await _run(session, _COMMUNITIES, given):
        ids.communities[row.name, row.district] = row.id


async def _write_buildings(session: AsyncSession, rows: Sequence[PlacedRow], ids: Ids) -> None:
    new = {each.row.building_key: each for each in reversed(rows)}
    new = {key: each for key, each in new.items() if key not in ids.buildings}
    given = [_building(each, ids) for each in new.values()]
    await _run(session, _BUILDINGS, given)
    keys = {(row["community_id"], row["number"]): key for row, key in zip(given, new, strict=True)}
    for row in await _run(session, _BUILDING_IDS, given):
        ids.buildings[keys[row.community_id, row.number]] = row.id


def _building(each: PlacedRow, ids: Ids) -> dict[str, Any]:
    row = each.row
    return {
        "community_id": ids.communities[row.community, row.district],
        "station_id": ids.stations[row.station_code],
        "number": row.building,
        "address": row.address(),
        "lon": each.lon,
        "lat": each.lat,
        "original_lon": row.lon,
        "original_lat": row.lat,
        "datum": row.datum.value,
        "zone": row.zone,
    }


async def _write_premises(
    session: AsyncSession, rows: Sequence[PlacedRow], ids: Ids
) -> dict[tuple[str, ...], UUID]:
    keys: dict[tuple[UUID, str, str], tuple[str, ...]] = {}
    for each in rows:
        place = (ids.buildings[each.row.building_key], each.row.unit, each.row.room)
        keys[place] = each.row.premises_key
    given = [{"building_id": building, "unit": unit, "room": room} for building, unit, room in keys]
    await _run(session, _PREMISES, given)
    found = await _run(session, _PREMISES_IDS, given)
    return {keys[row.building_id, row.unit, row.room]: row.id for row in found}


async def _write_customers(
    session: AsyncSession, rows: Sequence[PlacedRow]
) -> tuple[dict[str, UUID], set[str], set[str]]:
    given = {
        each.row.customer_no: {
            "customer_no": each.row.customer_no,
            "name": each.row.name,
            "language": each.row.language,
        }
        for each in rows
    }
    written = await _run(session, _CUSTOMERS, given.values())
    found = (await session.execute(text(_CUSTOMER_IDS), {"numbers": list(given)})).all()
    created = {row.customer_no for row in written if row.created}
    changed = {row.customer_no for row in written if not row.created}
    return {row.customer_no: row.id for row in found}, created, changed


async def _write_flags(
    session: AsyncSession,
    rows: Sequence[PlacedRow],
    premises: dict[tuple[str, ...], UUID],
    ids: Ids,
) -> set[UUID]:
    here = {premises[each.row.premises_key] for each in rows}
    for each in rows:
        ids.flags.setdefault(premises[each.row.premises_key], set()).update(each.row.flags)
    given = [
        {"premises_id": room, "kind": kind} for room in here for kind in sorted(ids.flags[room])
    ]
    now = clock.now()
    ended = await _run(
        session, _END_FLAGS, given, at=now, premises=list(here), kinds=sorted(BILLING_FLAGS)
    )
    begun = await _run(session, _FLAGS, given, at=now)
    return {row.premises_id for row in (*ended, *begun)}
