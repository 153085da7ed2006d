"""Danger is priced among the crews near it, and those who may take over what gives way."""

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from app.planning.nearby import nearest, part_of
from app.planning.snapshot import CrewNow, Facts, Job, Published, Snapshot
from dispatch import may_have
from routing import Place

AT = datetime(2027, 1, 13, tzinfo=UTC)
HOME = uuid4()


def place(east: int) -> Place:
    return Place(117.0 + east / 100, 36.6)


def job(serial: str, east: int = 0, skill: str = "HP1", size: int = 1) -> Job:
    return Job(
        id=uuid4(),
        serial=serial,
        station_id=HOME,
        facts=Facts("NEW", None, False, None, None, None, "H3", uuid4()),
        place=place(east),
        building=None,
        service_s=1800,
        skills=((skill, 1),),
        crew_size=size,
        reported_at=AT,
        arrive_by=None,
        window=None,
        vulnerable=False,
    )


def crew(code: str, east: int, skill: str = "HP1") -> CrewNow:
    return CrewNow(
        id=uuid4(),
        code=code,
        station_id=HOME,
        place=place(east),
        shift=(AT, AT + timedelta(hours=8)),
        rests=(),
        skills={skill: 1},
        size=1,
        load_s=0,
        held=(),
    )


def snapshot(jobs: list[Job], crews: list[CrewNow], **planned: str) -> Snapshot:
    """`planned` is serial -> crew."""
    visits = {
        each.id: Published(planned[each.serial], 0, AT) for each in jobs if each.serial in planned
    }
    return Snapshot(
        station_id=HOME,
        at=AT,
        dirty_seqs={HOME: 1},
        jobs=tuple(jobs),
        beyond=(),
        crews=tuple(crews),
        idle_crews=(),
        published=visits,
    )


def nearby(whole: Snapshot, asked: Job, most: int, helpers: int) -> Snapshot:
    """What danger is priced on, from a snapshot of everything."""
    places = defaultdict(list, {each.code: [each.place] for each in whole.crews})
    for each in whole.jobs:
        if each.id in whole.published:
            places[whole.published[each.id].crew_code].append(each.place)
    for away in whole.elsewhere:
        places[away.crew_code].append(away.job.place)
    for team in whole.crews:
        places[team.code] += [held.job.place for held in team.held]
    return part_of(whole, nearest(asked, whole.crews, places, most, helpers), [asked])


def codes(found: Snapshot) -> set[str]:
    return {each.code for each in found.crews}


class TestNearby:
    def test_the_nearest_of_those_who_could_have_it_and_their_days(self) -> None:
        danger, mine, other, waits = job("d"), job("m", 1), job("o", 9), job("w", 1)
        teams = [crew("a", 1), crew("b", 2), crew("c", 9)]
        whole = snapshot([danger, mine, other, waits], teams, m="a", o="c")
        found = nearby(whole, danger, 2, 0)
        assert codes(found) == {"a", "b"}
        assert [each.serial for each in found.jobs] == ["d", "m"], "whom nobody plans can wait"
        assert set(found.published) == {mine.id}

    def test_who_comes_past_today_is_near(self) -> None:
        danger, errand = job("d"), job("e", 0)
        whole = snapshot([danger, errand], [crew("a", 3), crew("b", 9)], e="b")
        assert codes(nearby(whole, danger, 1, 0)) == {"b"}

    def test_helpers_come_though_they_could_not_have_it(self) -> None:
        danger = job("d", skill="PL")
        teams = [crew("a", 5, "PL"), crew("b", 1), crew("c", 2)]
        assert codes(nearby(snapshot([danger], teams), danger, 4, 1)) == {"a", "b"}

    def test_nobody_comes_when_none_could_have_it(self) -> None:
        danger = job("d", skill="PH")
        assert nearby(snapshot([danger], [crew("a", 1)]), danger, 4, 4).crews == ()

    def test_pins_bans_size_and_skills_decide_who_could(self) -> None:
        asked, team = job("d"), crew("a", 1)
        assert may_have(asked, team, team.code)
        assert not may_have(job("d", size=2), team, team.code)
        assert not may_have(job("d", skill="PL"), team, team.code)
        assert not may_have(replace(asked, pinned_crew="b"), team, team.code)
        assert not may_have(replace(asked, forbidden_crews=frozenset({"a"})), team, team.code)
