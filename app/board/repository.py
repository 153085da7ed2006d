"""The measured runs of clocks, in one statement, inside the reader's row scope."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlmodel.ext.asyncio.session import AsyncSession

from app.board.policy import FULFILS

# Net time leaves out the pauses; an open pause counts from the base that a customer's wish gave.
# What counts for a limit in working days leaves out the days off as well, and the net time shows
# it. Bookable work is owed in its slot, and a tolerance on both sides.
_RUNS = """
idle AS (
    SELECT CAST(day AS timestamp) AT TIME ZONE :zone AS begins,
        (CAST(day AS timestamp) + interval '1 day') AT TIME ZONE :zone AS ends
    FROM unnest(CAST(:days_off AS date[])) AS day
),
runs AS (
    SELECT c.order_id, c.clock, c.span, c.started_at, c.stopped_at, c.stopped_by,
        o.serial, o.station_id, o.service_class, o.domain, o.zone, o.reported_at,
        to_char(date_trunc(:grain, o.reported_at AT TIME ZONE :zone), 'YYYY-MM-DD') AS period,
        coalesce(l.limit_s, s.limit_s + slot.length_s) AS limit_s, coalesce(l.kind, s.kind) AS kind,
        t.gross_s, greatest(0, t.gross_s - c.paused_s - t.open_pause_s - u.net_off_s) AS net_s,
        t.gross_s - u.gross_off_s AS gross_used_s,
        c.clock || ':' || c.stopped_by = ANY(:fulfils) AS fulfilled,
        s.id IS NOT NULL AS in_slot,
        c.stopped_at < o.appointment_from - s.limit_s * interval '1 second' AS too_early
    FROM work_order_clocks c
    JOIN work_orders o ON o.id = c.order_id
    CROSS JOIN LATERAL (
        SELECT coalesce(CAST(:profile_id AS uuid), o.service_profile_id) AS id
    ) p
    LEFT JOIN service_limits l
        ON l.profile_id = p.id AND l.service_class = o.service_class AND l.domain = o.domain
        AND l.zone = o.zone AND l.clock = c.clock
    LEFT JOIN service_limits s
        ON s.profile_id = p.id AND s.service_class = o.service_class AND s.domain = o.domain
        AND s.zone = o.zone AND s.clock = 'SLOT'
        AND c.clock = 'K4' AND l.id IS NULL AND o.appointment_from IS NOT NULL
    CROSS JOIN LATERAL (
        SELECT greatest(0, CAST(round(CAST(extract(epoch FROM
                coalesce(c.stopped_at, :now) - c.started_at) AS float8)) AS bigint)) AS gross_s,
            CASE WHEN c.paused_since IS NULL THEN 0 ELSE greatest(0, CAST(round(CAST(
                extract(epoch FROM coalesce(c.stopped_at, :now) - greatest(c.paused_since,
                c.started_at + c.paused_s * interval '1 second')) AS float8)) AS bigint))
            END AS open_pause_s
    ) t
    CROSS JOIN LATERAL (
        SELECT CASE WHEN l.calendar = 'working_days' THEN (
                SELECT coalesce(CAST(round(CAST(sum(extract(epoch FROM
                    least(idle.ends, ended) - greatest(idle.begins, c.started_at))) AS float8))
                    AS bigint), 0)
                FROM idle WHERE idle.begins < ended AND idle.ends > c.started_at
            ) ELSE 0 END AS gross_off_s,
            CASE WHEN l.calendar = 'working_days' THEN (
                SELECT coalesce(CAST(round(CAST(sum(extract(epoch FROM
                    least(idle.ends, stood) - greatest(idle.begins, base))) AS float8))
                    AS bigint), 0)
                FROM idle WHERE idle.begins < stood AND idle.ends > base AND base < stood
            ) ELSE 0 END AS net_off_s
        FROM (
            SELECT coalesce(c.stopped_at, :now) AS ended,
                c.started_at + c.paused_s * interval '1 second' AS base,
                coalesce(c.paused_since, c.stopped_at, :now) AS stood
        ) i
    ) u
    CROSS JOIN LATERAL (
        SELECT greatest(0, CAST(round(CAST(extract(epoch FROM o.appointment_to
            - CASE WHEN c.paused_s > 0 THEN greatest(o.appointment_from, c.started_at)
                ELSE c.started_at END) AS float8)) AS bigint)) AS length_s
    ) slot
    WHERE o.state <> 'DRAFT' AND c.clock = ANY(:clocks)
    AND o.reported_at >= :since AND o.reported_at < :until AND c.started_at <= :now
    AND (CAST(:stations AS uuid[]) IS NULL OR o.station_id = ANY(:stations))
    AND (CAST(:classes AS text[]) IS NULL OR o.service_class = ANY(:classes))
),
judged AS (
    SELECT runs.*, coalesce(fulfilled, false) AS done,
        CASE WHEN limit_s IS NULL THEN NULL
            WHEN net_s > limit_s OR (in_slot AND fulfilled AND too_early) THEN true
            WHEN fulfilled THEN false END AS late_net,
        CASE WHEN limit_s IS NULL THEN NULL
            WHEN in_slot AND (net_s > limit_s OR (fulfilled AND too_early)) THEN true
            WHEN NOT in_slot AND gross_used_s > limit_s THEN true
            WHEN fulfilled THEN false END AS late_gross
    FROM runs
)
"""

_TALLY = """
count(*) FILTER (WHERE done) AS n,
round(avg(net_s) FILTER (WHERE done)) AS mean_net_s,
round(avg(gross_s) FILTER (WHERE done)) AS mean_gross_s,
percentile_disc(0.5) WITHIN GROUP (ORDER BY net_s) FILTER (WHERE done) AS p50_net_s,
percentile_disc(0.5) WITHIN GROUP (ORDER BY gross_s) FILTER (WHERE done) AS p50_gross_s,
percentile_disc(0.9) WITHIN GROUP (ORDER BY net_s) FILTER (WHERE done) AS p90_net_s,
percentile_disc(0.9) WITHIN GROUP (ORDER BY gross_s) FILTER (WHERE done) AS p90_gross_s,
count(*) FILTER (WHERE late_net IS FALSE) AS within_net,
count(*) FILTER (WHERE late_net) AS late_net,
count(*) FILTER (WHERE late_gross IS FALSE) AS within_gross,
count(*) FILTER (WHERE late_gross) AS late_gross,
count(*) FILTER (WHERE stopped_at IS NULL) AS running,
count(*) FILTER (WHERE stopped_at IS NOT NULL AND NOT done AND late_gross IS NOT TRUE) AS left_out
"""

_COLUMN = {"period": "period", "station": "station_id", "service_class": "service_class"}


@dataclass(frozen=True, slots=True)
class Asked:
    """Which runs a reader asks for; `stations` and `classes` of None are all in scope."""

    since: datetime
    until: datetime
    now: datetime
    zone: str
    grain: str
    clocks: Sequence[str]
    stations: Sequence[UUID] | None
    classes: Sequence[str] | None
    profile_id: UUID | None
    days_off: Sequence[date]
    """From the first day that is asked for until now, for limits in working days."""

    def given(self) -> dict[str, Any]:
        """Parameters of the statement; the whole time is cut by no grain finer than a century."""
        fulfils = [f"{clock}:{action}" for clock, each in FULFILS.items() for action in each]
        return {
            "since": self.since,
            "until": self.until,
            "now": self.now,
            "zone": self.zone,
            "grain": "month" if self.grain == "whole" else self.grain,
            "clocks": list(self.clocks),
            "stations": None if self.stations is None else list(self.stations),
            "classes": None if self.classes is None else list(self.classes),
            "profile_id": self.profile_id,
            "fulfils": fulfils,
            "days_off": list(self.days_off),
        }


async def tallies(
    session: AsyncSession, asked: Asked, dimensions: Sequence[str], *, by_limit: bool
) -> list[Row[Any]]:
    """One row per clock and `dimensions`, and with `by_limit` per kind and limit as well."""
    columns = [_COLUMN[each] for each in dimensions] + ["clock"]
    columns += ["kind", "limit_s"] if by_limit else []
    grouped = ", ".join(columns)
    where = "WHERE limit_s IS NOT NULL" if by_limit else ""
    statement = (
        f"WITH {_RUNS} SELECT {grouped}, {_TALLY} FROM judged {where}"
        f" GROUP BY {grouped} ORDER BY {grouped}"
    )
    return list(await session.execute(text(statement), asked.given()))


async def runs(
    session: AsyncSession,
    asked: Asked,
    *,
    late: bool | None,
    after: tuple[str, int] | None,
    limit: int,
) -> list[Row[Any]]:
    """The runs themselves by order and span; `late` keeps those that were late in either time."""
    verdict = {
        None: "",
        True: "AND (late_net OR late_gross)",
        False: "AND done AND late_gross IS NOT TRUE",
    }[late]
    statement = (
        f"WITH {_RUNS} SELECT * FROM judged WHERE (CAST(:order_id AS uuid) IS NULL"
        f" OR (order_id, span) > (CAST(:order_id AS uuid), :span)) {verdict}"
        " ORDER BY order_id, span LIMIT :limit"
    )
    order_id, span = after or (None, 0)
    given = asked.given() | {"order_id": order_id, "span": span, "limit": limit}
    return list(await session.execute(text(statement), given))


async def stations(session: AsyncSession) -> Mapping[str, tuple[str, str]]:
    """Station -> its code and name."""
    rows = await session.execute(text("SELECT id, code, name FROM stations"))
    return {str(row.id): (row.code, row.name) for row in rows}
