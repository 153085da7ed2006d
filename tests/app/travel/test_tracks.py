"""Which fixes are one drive: pure rules."""

import itertools
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.travel import policy
from app.travel.tracks import (
    Run,
    Span,
    Spell,
    believed,
    moved,
    pieces,
    runs,
    segments,
    settled_until,
    united,
)
from routing import Fix, Place

NOW = datetime(2026, 1, 15, 1, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def fix(minute: float, metres: float | None = None, accuracy_m: float = 8.0) -> Fix:
    """A fix so many minutes after NOW, so many metres north of the start; 100 m per minute."""
    north = 100 * minute if metres is None else metres
    return Fix(Place(117.0, 36.6 + north / 111_195), NOW + minute * MINUTE, accuracy_m)


def fixes(*minutes: float) -> list[Fix]:
    return [fix(each) for each in minutes]


def span(first: float, last: float) -> Span:
    return Span(NOW + first * MINUTE, NOW + last * MINUTE)


def told(found: list[tuple[Fix, ...]]) -> list[list[float]]:
    return [[(each.at - NOW) / MINUTE for each in segment] for segment in found]


class TestSegments:
    def test_nothing_of_what_is_matched_is_matched_again(self) -> None:
        phone = fixes(0, 1, 2, 3, 4, 5)
        assert told(segments([phone], [span(0, 5)])) == []
        assert told(segments([phone], [span(0, 3)])) == [[3, 4, 5]]

    def test_what_came_late_fills_the_hole(self) -> None:
        phone = fixes(0, 1, 11, 12, 13, 25, 26)
        known = [span(0, 1), span(25, 26)]
        assert told(segments([phone], known)) == [[1, 11, 12, 13]]

    def test_a_late_fix_inside_of_what_is_matched_adds_nothing(self) -> None:
        assert told(segments([fixes(0, 1, 1.5, 2)], [span(0, 2)])) == []

    def test_a_long_silence_is_no_way_driven(self) -> None:
        assert told(segments([fixes(0, 1, 12, 13)], [])) == [[0, 1], [12, 13]]

    def test_the_other_phone_speaks_only_where_the_first_is_silent(self) -> None:
        leader, helper = fixes(0, 1, 2, 20, 21), fixes(0.5, 1.5, 5, 6, 7, 20.5, 22, 23)
        assert told(segments([leader, helper], [])) == [[0, 1, 2], [20, 21], [5, 6, 7], [22, 23]]

    @settings(max_examples=100, deadline=None)
    @given(
        st.lists(st.lists(st.integers(0, 120), max_size=25, unique=True).map(sorted), max_size=3),
        st.integers(0, 120),
    )
    def test_no_second_is_ever_matched_twice_whatever_comes_when(
        self, phones: list[list[int]], until: int
    ) -> None:
        early = [fixes(*(m for m in phone if m <= until)) for phone in phones]
        first = segments(early, [])
        known = [Span(each[0].at, each[-1].at) for each in first]
        later = segments([fixes(*phone) for phone in phones], known)
        whole = sorted([*known, *(Span(each[0].at, each[-1].at) for each in later)])
        assert all(a.to_at <= b.from_at for a, b in itertools.pairwise(whole))
        assert segments([fixes(*phone) for phone in phones], whole) == []


class TestUnited:
    def test_spans_that_touch_become_one(self) -> None:
        assert united([span(3, 5), span(0, 3), span(7, 8)]) == [span(0, 5), span(7, 8)]


class TestBelieved:
    def test_the_leader_then_whoever_measured_most(self) -> None:
        leader, busy, idle = uuid4(), uuid4(), uuid4()
        phones = {idle: fixes(0), busy: fixes(0, 1), leader: fixes(5)}
        assert believed(phones, leader) == [fixes(5), fixes(0, 1), fixes(0)]
        assert believed(phones, None)[0] == fixes(0, 1)


class TestSettled:
    def test_the_youngest_fixes_wait_for_late_batches(self) -> None:
        assert settled_until(NOW, []) == NOW - policy.SETTLED_AFTER

    def test_a_drive_that_lasts_is_left_whole(self) -> None:
        lasting = Spell(uuid4(), NOW - 40 * MINUTE, None, False)
        assert settled_until(NOW, [lasting]) == lasting.from_at

    def test_a_drive_that_ended_just_now_is_not_cut_in_two(self) -> None:
        ended = Spell(uuid4(), NOW - 25 * MINUTE, NOW - 2 * MINUTE, True)
        before = Spell(uuid4(), NOW - 60 * MINUTE, NOW - 24 * MINUTE, True)
        long_ago = Spell(uuid4(), NOW - 90 * MINUTE, NOW - 70 * MINUTE, True)
        assert settled_until(NOW, [ended, long_ago]) == ended.from_at
        assert settled_until(NOW, [before, ended]) == before.from_at

    def test_a_forgotten_departure_holds_up_nothing(self) -> None:
        forgotten = Spell(uuid4(), NOW - policy.LONGEST_DRIVE, None, False)
        assert settled_until(NOW, [forgotten]) == NOW - policy.SETTLED_AFTER


class TestRuns:
    def test_a_segment_is_cut_where_spells_begin_and_end(self) -> None:
        spell = Spell(uuid4(), NOW + 2 * MINUTE, NOW + 4 * MINUTE, True)
        found = list(runs(fixes(0, 1, 2, 3, 4, 5, 6), [spell]))
        assert found == [
            Run(tuple(fixes(0, 1, 2)), None),
            Run(tuple(fixes(2, 3, 4)), spell),
            Run(tuple(fixes(4, 5, 6)), None),
        ]

    def test_the_time_parked_before_the_departure_is_no_part_of_the_drive(self) -> None:
        """The phone slept from minute 0 to 9; the crew set out at 8.5."""
        spell = Spell(uuid4(), NOW + 8.5 * MINUTE, NOW + 18.5 * MINUTE, True)
        parked, driving = fix(0, metres=0), [fix(9 + n, metres=50 + 100 * n) for n in range(10)]
        before, drive = runs([parked, *driving], [spell])
        assert before == Run((parked,), None)
        assert drive.fixes == (parked._replace(at=spell.from_at), *driving)

    def test_a_drive_that_follows_another_begins_where_that_ended(self) -> None:
        first = Spell(uuid4(), NOW, NOW + 2 * MINUTE, True)
        second = Spell(uuid4(), NOW + 2.5 * MINUTE, NOW + 4 * MINUTE, True)
        found = list(runs(fixes(0, 1, 2, 3, 4), [first, second]))
        assert [run.spell for run in found] == [first, second]
        assert [each.at for each in found[1].fixes] == [NOW + n * MINUTE for n in (2.5, 3, 4)]


class TestMoved:
    def test_a_standing_phones_noise_is_no_way(self) -> None:
        standing = [fix(n / 2, metres=8 * (n % 3)) for n in range(60)]
        assert moved(standing) == [standing[0]._replace(at=standing[-1].at)]

    def test_a_drive_begins_when_the_phone_was_last_seen_standing(self) -> None:
        waiting = [fix(n, metres=5) for n in range(20)]
        driving = [fix(20 + n, metres=400 * n) for n in range(1, 4)]
        found = moved([*waiting, *driving])
        assert [each.at for each in found] == [waiting[-1].at, *(each.at for each in driving)]

    def test_creeping_adds_up(self) -> None:
        creeping = [fix(n, metres=10 * n) for n in range(10)]
        assert [each.at for each in moved(creeping)] == [creeping[n].at for n in (2, 3, 6, 9)]

    def test_a_poor_fix_must_lie_beyond_its_own_doubt(self) -> None:
        assert len(moved([fix(0), fix(1, metres=60, accuracy_m=80)])) == 1
        assert len(moved([fix(0), fix(1, metres=90, accuracy_m=80)])) == 2


class TestPieces:
    @pytest.mark.parametrize(
        ("count", "sizes"), [(0, []), (1, []), (2, [2]), (100, [100]), (101, [100, 2])]
    )
    def test_at_most_a_hundred_that_share_their_ends(self, count: int, sizes: list[int]) -> None:
        found = pieces(fixes(*range(count)))
        assert [len(each) for each in found] == sizes
        assert all(a[-1] == b[0] for a, b in itertools.pairwise(found))
