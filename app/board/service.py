"""Service levels of a reader's scope: figures, the runs behind each, and the same as CSV."""

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlmodel.ext.asyncio.session import AsyncSession

from app.board import repository
from app.board.policy import CLOCKS, DIMENSIONS, Figure, Promise, Tally
from app.board.repository import Asked
from app.catalogue import service as catalogue
from app.catalogue import working_time
from app.catalogue.models import ServiceProfile
from app.core import clock, settings
from app.core.i18n import Language, Text
from app.core.permissions import Permission
from app.core.problems import InvalidInput
from app.core.scope import Principal
from app.organisation import service as organisation

LONGEST = timedelta(days=400)
USUAL = timedelta(days=29)


@dataclass(frozen=True, slots=True)
class Question:
    """What a reader wants told; days are the company's, both included."""

    since: date | None = None
    until: date | None = None
    grain: str = "month"
    group_by: Sequence[str] = DIMENSIONS
    station_id: UUID | None = None
    service_classes: Sequence[str] = ()
    clocks: Sequence[str] = ()
    profile: str | None = None

    def days(self) -> tuple[date, date]:
        """The first and the last day, by default the last thirty; raises InvalidInput."""
        today = clock.now().astimezone(settings.current().zone).date()
        last = self.until or max(today, self.since or today)
        first = self.since or last - USUAL
        if not first <= last <= first + LONGEST:
            raise InvalidInput("since comes before until, at most 400 days apart")
        return first, last


async def asked_of(session: AsyncSession, principal: Principal, question: Question) -> Asked:
    """The question inside the reader's scope; raises NotFound, UnknownProfile, InvalidInput."""
    zone = settings.current().zone
    first, last = question.days()
    scope = principal.stations(Permission.SERVICE_LEVELS_READ)
    if question.station_id is not None:
        scope = await organisation.subtree_in_scope(
            session, principal, Permission.SERVICE_LEVELS_READ, question.station_id
        )
    profile_id = None
    if question.profile is not None:
        profile_id = (await catalogue.profile_named(session, question.profile)).id
    now = clock.now()
    return Asked(
        since=datetime.combine(first, time(), zone),
        until=datetime.combine(last + timedelta(days=1), time(), zone),
        now=now,
        zone=settings.current().time_zone,
        grain=question.grain,
        clocks=question.clocks or CLOCKS,
        stations=None if scope is None else sorted(scope),
        classes=sorted(question.service_classes) or None,
        profile_id=profile_id,
        days_off=working_time.days_off(first, max(first, now.astimezone(zone).date())),
    )


async def figures(
    session: AsyncSession, principal: Principal, question: Question
) -> tuple[Asked, list[Figure]]:
    """Every clock's service level by what the question groups by."""
    asked = await asked_of(session, principal, question)
    wanted = [each for each in DIMENSIONS if each in question.group_by]
    if question.grain == "whole":
        wanted = [each for each in wanted if each != "period"]
    by_limit: dict[tuple[Any, ...], list[Promise]] = defaultdict(list)
    for row in await repository.tallies(session, asked, wanted, by_limit=True):
        by_limit[_place(row)].append(
            Promise(row.kind, row.limit_s, row.n, _tally(row, "net"), _tally(row, "gross"))
        )
    rows = await repository.tallies(session, asked, wanted, by_limit=False)
    return asked, [_figure(row, by_limit[_place(row)]) for row in rows]


async def judges(session: AsyncSession, question: Question) -> list[ServiceProfile]:
    """The profile that was asked for, else every profile that is no mere reference."""
    if question.profile is not None:
        return [await catalogue.profile_named(session, question.profile)]
    every = await catalogue.profiles_with_limits(session)
    return [profile for profile, _ in every if not profile.reference]


def _place(row: Row[Any]) -> tuple[str | None, str | None, str | None, str]:
    told = row._mapping
    station = told.get("station_id")
    return (
        told.get("period"),
        None if station is None else str(station),
        told.get("service_class"),
        row.clock,
    )


def _figure(row: Row[Any], promises: list[Promise]) -> Figure:
    net, gross = _tally(row, "net"), _tally(row, "gross")
    return Figure(*_place(row), row.n, net, gross, row.running, row.left_out, promises)


def _tally(row: Row[Any], time_of: str) -> Tally:
    told = row._mapping
    measures = (told[f"{name}_{time_of}_s"] for name in ("mean", "p50", "p90"))
    mean_s, p50_s, p90_s = (None if each is None else int(each) for each in measures)
    return Tally(mean_s, p50_s, p90_s, told[f"within_{time_of}"], told[f"late_{time_of}"])


HEADER = (
    Text("时段", "period"),
    Text("站点编码", "station_code"),
    Text("站点", "station"),
    Text("服务类别", "service_class"),
    Text("时钟", "clock"),
    Text("完成数", "n"),
    Text("净均值秒", "mean_net_s"),
    Text("净中位秒", "p50_net_s"),
    Text("净九成秒", "p90_net_s"),
    Text("净达标率", "share_net"),
    Text("毛均值秒", "mean_gross_s"),
    Text("毛中位秒", "p50_gross_s"),
    Text("毛九成秒", "p90_gross_s"),
    Text("毛达标率", "share_gross"),
    Text("超时数(净)", "late_net"),
    Text("超时数(毛)", "late_gross"),
    Text("进行中", "running"),
    Text("不计", "left_out"),
    Text("时限", "limits"),
    Text("兑现(净)", "kept_net"),
    Text("兑现(毛)", "kept_gross"),
)


def as_csv(
    found: Iterable[Figure], names: Mapping[str, tuple[str, str]], language: Language
) -> str:
    """The figures as a table for spreadsheets, with a byte-order mark, which they want."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([each.of(language) for each in HEADER])
    for each in found:
        code, name = names.get(each.station_id or "", ("", ""))
        net, gross = each.net, each.gross
        writer.writerow(
            [
                *(each.period, _plain(code), _plain(name), each.service_class, each.clock, each.n),
                *(net.mean_s, net.p50_s, net.p90_s, net.share),
                *(gross.mean_s, gross.p50_s, gross.p90_s, gross.share),
                *(net.late, gross.late, each.running, each.left_out),
                "; ".join(f"{promise.kind} {promise.limit_s}" for promise in each.promises),
                *(_all_kept([p.kept(getattr(p, time)) for p in each.promises]) for time in _TIMES),
            ]
        )
    return "\ufeff" + out.getvalue()


_TIMES = ("net", "gross")


def _all_kept(kept: Sequence[bool | None]) -> str:
    """Whether every promise is kept of those that can be told; empty when none can."""
    told = [each for each in kept if each is not None]
    return ("yes" if all(told) else "no") if told else ""


def _plain(value: str) -> str:
    """A name that a spreadsheet would run as a formula is told as text."""
    return f"'{value}" if value[:1] in {"=", "+", "-", "@"} else value
