"""Travel times as the planner takes them."""

import numpy as np

import dispatch
from app.core.settings import Settings
from app.planning.roads import extended, roads_between, traffic
from routing import UNREACHABLE_S, Estimate, Matrix, Place
from tests.factories.world import NOW

PLACES = [Place(117.02, 36.65), Place(117.04, 36.66), Place(117.06, 36.67)]


class Island(Estimate):
    """Claims road times, and no road to or from the last place."""

    async def matrix(self, sources, targets, depart_at):  # type: ignore[no-untyped-def]
        found = await super().matrix(sources, targets, depart_at)
        cut_off = np.zeros(found.seconds.shape, dtype=np.bool_)
        cut_off[-1, :-1] = cut_off[:-1, -1] = True
        return Matrix(
            seconds=np.where(cut_off, UNREACHABLE_S, found.seconds).astype(np.int32),
            unreachable=cut_off,
            estimated=np.zeros(cut_off.shape, dtype=np.bool_),
            graph_version="island",
            hour_bucket=found.hour_bucket,
        )


class TestRoadsBetween:
    async def test_no_road_is_the_planners_own_unreachable(self, config: Settings) -> None:
        roads = await roads_between(Island(traffic()), PLACES, [], NOW)
        assert roads.travel[0, 2] == dispatch.UNREACHABLE_S
        assert 0 < roads.travel[0, 1] < 3600
        assert roads.count([(0, 1), (0, 2)]).unreachable == 1

    async def test_a_leg_that_must_be_driven_is_estimated_and_labelled(
        self, config: Settings
    ) -> None:
        roads = await roads_between(Island(traffic()), PLACES, [[0, 2]], NOW)
        assert 0 < roads.travel[0, 2] < 3600
        assert roads.source_of((0, 2)) == "estimate"
        assert roads.source_of((0, 1)) == "osrm"
        assert roads.travel[2, 0] == dispatch.UNREACHABLE_S, "only the way that is driven"

    async def test_new_places_leave_what_was_known_as_it_was(self, config: Settings) -> None:
        known = await roads_between(Island(traffic()), PLACES, [[0, 2]], NOW)
        more = [Place(117.05, 36.69)]
        roads = await extended(Estimate(traffic()), known, PLACES, more, NOW)
        assert roads.travel.shape == (4, 4)
        assert (roads.travel[:3, :3] == known.travel).all()
        whole = await roads_between(Estimate(traffic()), [*PLACES, *more], [], NOW)
        assert (roads.travel[3] == whole.travel[3]).all()
        assert (roads.travel[:, 3] == whole.travel[:, 3]).all()
        assert [roads.source_of(leg) for leg in ((0, 1), (0, 3), (3, 0))] == [
            "osrm",
            "estimate",
            "estimate",
        ]
        assert roads.matrix.graph_version == "island"
        assert await extended(Estimate(traffic()), known, PLACES, [], NOW) is known
