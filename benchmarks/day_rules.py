"""The rules of a simulated day, checked on what was lived through."""

from collections.abc import Mapping, Sequence

from dispatch import Break, Problem, Visit


def demand_honest(problem: Problem, done: Mapping[str, Sequence[Visit]]) -> None:
    """What was lived through keeps the day's own rules, whoever planned it."""
    travel = problem.travel
    for crew in problem.crews:
        place, free_s = crew.start_place, crew.shift[0]
        gaps = []
        for visit in done.get(crew.id, []):
            order = problem.order_by_id[visit.order_id]
            assert order.window is not None
            drive_s = int(travel[place, order.place])
            assert visit.start_s >= free_s + drive_s, f"{visit} of crew {crew.id} comes too soon"
            assert order.opens_s <= visit.start_s <= order.window[1], f"{visit}: {order.window}"
            assert all(crew.skills.get(skill, 0) for skill, _ in order.skills), f"{visit}"
            gaps.append((free_s, visit.start_s, drive_s))
            place, free_s = order.place, visit.start_s + order.service_s
        home_s = 0 if crew.end_place is None else int(travel[place, crew.end_place])
        assert free_s + home_s <= crew.shift[1], f"crew {crew.id} comes home too late"
        gaps.append((free_s, crew.shift[1], home_s))
        for rest in crew.breaks:
            assert any(rests(rest, *gap) for gap in gaps), f"crew {crew.id} never rests: {gaps}"


def rests(rest: Break, free_s: int, start_s: int, drive_s: int) -> bool:
    """True when the break fits between two stops, beside the drive."""
    begins_s = max(free_s, rest.earliest_s)
    ends_s = begins_s + rest.duration_s
    return begins_s <= rest.latest_s and max(ends_s, free_s + drive_s + rest.duration_s) <= start_s
