"""The last resort: travel times from straight distances, labelled as estimates."""

from collections.abc import Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from routing.answers import Fix, LegSource, Matrix, Route, Snap, Stretch, Trace
from routing.places import Place, coordinates, same_place, straight_m
from routing.speeds import Traffic


class Estimate:
    """An engine that needs no map: a fitted power law of the straight distance (ROUTING).

    It answers everywhere and never fails. It knows no rivers and no closed roads.
    """

    def __init__(self, traffic: Traffic) -> None:
        self.traffic = traffic
        self.graph_version = f"estimate:{traffic.speeds.name}"

    def seconds(
        self, sources: NDArray[np.float64], targets: NDArray[np.float64], depart_at: datetime
    ) -> NDArray[np.int32]:
        """Give whole seconds for coordinate arrays [n, 2] and [m, 2]; 0 only for one place."""
        speeds = self.traffic.speeds
        free_s = speeds.coefficient * straight_m(sources, targets) ** speeds.exponent
        whole_s = np.maximum(np.rint(free_s / self.traffic.factor_at(depart_at)), 1)
        whole_s[same_place(sources, targets)] = 0
        return whole_s.astype(np.int32)

    async def snap(self, points: Sequence[Place]) -> list[Snap]:
        """Leave every point where it is: there are no roads to join."""
        coordinates(points)
        return [
            Snap(point, point, 0.0, False, LegSource.ESTIMATE, self.graph_version)
            for point in points
        ]

    async def matrix(
        self, sources: Sequence[Place], targets: Sequence[Place], depart_at: datetime
    ) -> Matrix:
        """Estimate every cell."""
        seconds = self.seconds(coordinates(sources), coordinates(targets), depart_at)
        return Matrix(
            seconds=seconds,
            unreachable=np.zeros(seconds.shape, dtype=np.bool_),
            estimated=np.ones(seconds.shape, dtype=np.bool_),
            graph_version=self.graph_version,
            hour_bucket=self.traffic.bucket_at(depart_at),
        )

    async def route(self, points: Sequence[Place], depart_at: datetime) -> Route:
        """Estimate a drive; the line is straight from point to point, metres are straight too."""
        if len(points) < 2:
            raise ValueError("a route needs at least two points")
        array = coordinates(points)
        legs_s = np.diagonal(self.seconds(array[:-1], array[1:], depart_at))
        return Route(
            seconds=int(legs_s.sum()),
            metres=int(np.rint(np.diagonal(straight_m(array[:-1], array[1:])).sum())),
            geometry=tuple(points),
            legs_s=tuple(legs_s.tolist()),
            source=LegSource.ESTIMATE,
            graph_version=self.graph_version,
            hour_bucket=self.traffic.bucket_at(depart_at),
        )

    async def match(self, fixes: Sequence[Fix]) -> Trace:
        """Join the fixes by straight lines; one within its own accuracy of the last is no move."""
        if len(fixes) < 2:
            raise ValueError("a trace needs at least two fixes")
        places = coordinates([fix.place for fix in fixes])
        kept, stretches = 0, []
        for index in range(1, len(fixes)):
            left, reached = fixes[kept], fixes[index]
            metres = float(straight_m(places[kept : kept + 1], places[index : index + 1])[0, 0])
            if reached.at <= left.at or metres <= max(left.accuracy_m, reached.accuracy_m):
                continue
            road_s = self.seconds(places[kept : kept + 1], places[index : index + 1], fixes[0].at)[
                0, 0
            ]
            stretches.append(Stretch(left.at, reached.at, metres, float(road_s), None))
            kept = index
        return Trace(
            stretches=tuple(stretches),
            dropped=len(fixes) - len(stretches) - bool(stretches),
            source=LegSource.ESTIMATE,
            graph_version=self.graph_version,
            hour_bucket=self.traffic.bucket_at(fixes[0].at),
        )
