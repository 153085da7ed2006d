"""How fast the demo's streets really are: drawn from its seed; the service must find it out."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from random import Random

from routing import CHINA_CITY, ROAD_CLASSES, HourBucket, SpeedProfile

_SHARE = (0.7, 1.2)
"""Of the prior's speed: most streets are a little slower than thought."""


def hidden_speeds(seed: int, prior: SpeedProfile = CHINA_CITY) -> SpeedProfile:
    """The prior with a true factor for every road class and hour; equal seeds, equal streets."""
    random = Random(f"speeds-{seed}")
    return replace(
        prior,
        name=f"hidden-{seed}",
        class_factors={
            bucket: {
                road: prior.factor(bucket, road) * random.uniform(*_SHARE) for road in ROAD_CLASSES
            }
            for bucket in HourBucket
        },
    )


def factor_error(
    believed: SpeedProfile, true: SpeedProfile, free_s: Mapping[HourBucket, Sequence[float]]
) -> float | None:
    """Mean of |believed factor / true factor - 1|, weighted by the seconds driven.

    `free_s` holds the seconds at factor 1 by bucket, in the order of ROAD_CLASSES; None when
    nobody drove.
    """
    missed = total = 0.0
    for bucket, by_class in free_s.items():
        for road, seconds in zip(ROAD_CLASSES, by_class, strict=True):
            ratio = believed.factor(bucket, road) / true.factor(bucket, road)
            missed += seconds * abs(ratio - 1)
            total += seconds
    return missed / total if total else None
