"""Learns speed factors by road class and hour from drives that were made.

The model: a drive takes sum over classes of free_s[class] / factor[class] seconds, times noise
with a heavy right tail (a lorry unloads, nobody finds a place to park). What is fitted is the
*median* drive, on logarithms:

- the mean follows the tail, and the tail is no property of a road: one crew that has breakfast on
  the way would slow down the street for everybody;
- the error that a customer feels, |arrival - promise|, is smallest at the median.

Who needs the tail (a promise kept nine times in ten, slack in a plan) multiplies by `Spread`.
The unit is the whole drive, not the piece between two signals: the median piece meets no red
light, and a sum of such medians is always too early.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from routing.drives import Drive, predicted_s
from routing.speed_files import LEARNT_MARK
from routing.speeds import ROAD_CLASSES, HourBucket, SpeedProfile

type _Array = NDArray[np.float64]

LOWEST_SHARE: Final = 0.5
HIGHEST_SHARE: Final = 2.0
"""A learnt factor stays within these shares of the prior's (issue 3: 50-200 %)."""

_COMMON_WEIGHT: Final = 1.0  # (spread of drives 0.2 / doubt about the prior's hours 0.2) squared
_CLASS_WEIGHT: Final = 1.0  # the same for a road class within its hour
_THIN_DRIVES: Final = 20.0  # few drives share a day's weather: they tell less than their number
_HALF_WEIGHT_S: Final = 180.0  # parking is most of the noise of a short drive
_FARTHEST_RATIO: Final = 5.0  # slower or faster than predicted by more: not a drive
_HUBER: Final = 1.0  # in spreads; beyond it a drive pulls with constant force, as for a median
_LEAST_SPREAD: Final = 0.02
_FOLDS: Final = 5
_ROUNDS: Final = 60
_LONGEST_STEP: Final = 0.5
_SETTLED: Final = 1e-9


class Spread(NamedTuple):
    """How far drives stray: the 10th and the 90th percentile of taken / predicted."""

    early: float
    late: float


@dataclass(frozen=True, slots=True)
class Learned:
    """Learnt speeds, and how much they help.

    `used` counts the drives that were learnt from (the others are no drives at all: five times
    slower or faster than predicted). The errors are mean absolute errors in seconds over the used
    drives: `error_before` with the prior, `error_after` with speeds learnt from the *other* drives
    (five folds), so that it is honest; both 0.0 without drives. When it is not smaller than
    `error_before`, nothing was learnt that is worth a new map.
    """

    profile: SpeedProfile
    used: int
    error_before: float
    error_after: float
    drives_by_bucket: Mapping[HourBucket, int]
    spread_by_bucket: Mapping[HourBucket, Spread]


def learn(
    drives: Iterable[Drive],
    prior: SpeedProfile,
    *,
    learnt_on: date,
    common_weight: float = _COMMON_WEIGHT,
    class_weight: float = _CLASS_WEIGHT,
    thin_drives: float = _THIN_DRIVES,
) -> Learned:
    """Fit the speed factors of every hour bucket that has drives; the others keep the prior's.

    A class is drawn to its hour's common factor and that to the prior's, as if `class_weight` and
    `common_weight` drives had confirmed them, times 1 + `thin_drives` / number of drives: one
    drive says next to nothing. Classes that always occur together share what is found. No factor
    leaves 50-200 % of the prior's. The order of `drives` does not matter, and no clock is read:
    `learnt_on` goes into the name.

    `prior` must be the profile of before any learning: learning upon a learnt one would let the
    factors wander out of their limits night by night. Raises ValueError for weights that are not
    positive.
    """
    if not (common_weight > 0 and class_weight > 0 and thin_drives >= 0):
        raise ValueError("the prior's weights must be positive")
    pull = _Pull(common_weight, class_weight, thin_drives)
    fits = {
        bucket: _fit_bucket(prior, bucket, sorted(each, key=_order), pull)
        for bucket, each in _by_bucket(drives, prior).items()
    }
    used = sum(fit.drives for fit in fits.values())
    return Learned(
        profile=_profile(prior, fits, learnt_on),
        used=used,
        error_before=sum(fit.missed_before_s for fit in fits.values()) / max(used, 1),
        error_after=sum(fit.missed_after_s for fit in fits.values()) / max(used, 1),
        drives_by_bucket={
            bucket: fits[bucket].drives if bucket in fits else 0 for bucket in HourBucket
        },
        spread_by_bucket={bucket: fit.spread for bucket, fit in fits.items()},
    )


@dataclass(frozen=True, slots=True)
class _Fit:
    """What the drives of one bucket say; `common` and `ratios` are factors as shares of prior."""

    drives: int
    ratios: _Array
    common: float
    missed_before_s: float
    missed_after_s: float
    spread: Spread


def _by_bucket(drives: Iterable[Drive], prior: SpeedProfile) -> dict[HourBucket, list[Drive]]:
    """Sort out what is no drive, and the rest by bucket, in the order of HourBucket."""
    found: dict[HourBucket, list[Drive]] = {bucket: [] for bucket in HourBucket}
    for drive in drives:
        expected_s = predicted_s(prior, drive)
        if max(drive.taken_s, expected_s) <= _FARTHEST_RATIO * min(drive.taken_s, expected_s):
            found[drive.bucket].append(drive)
    return {bucket: each for bucket, each in found.items() if each}


def _order(drive: Drive) -> tuple[float, ...]:
    """Sums in one fixed order give the same last digit however the drives arrive."""
    return (*drive.class_seconds, drive.taken_s)


@dataclass(frozen=True, slots=True)
class _Pull:
    """How strongly the prior holds: in drives, more of them where drives are few."""

    common: float
    by_class: float
    thin_drives: float

    def matrix(self, drives: int) -> _Array:
        """Give the penalty of log factors t: least by_class |t - m|^2 + common m^2 over m."""
        count = len(ROAD_CLASSES)
        shared = self.by_class / (self.common + count * self.by_class)
        doubt = 1 + self.thin_drives / max(drives, 1)
        return np.asarray(doubt * self.by_class * (np.eye(count) - shared), dtype=np.float64)


def _fit_bucket(prior: SpeedProfile, bucket: HourBucket, drives: list[Drive], pull: _Pull) -> _Fit:
    factors = np.array([prior.factor(bucket, road) for road in ROAD_CLASSES])
    expected_s = np.array([drive.class_seconds for drive in drives]) / factors
    taken_s = np.array([drive.taken_s for drive in drives])
    change = _log_change(expected_s, taken_s, pull)
    held_out_s = np.empty_like(taken_s)
    fold = np.arange(len(drives)) % _FOLDS
    for number in np.unique(fold):
        others = fold != number
        apart = _log_change(expected_s[others], taken_s[others], pull)
        held_out_s[~others] = expected_s[~others] @ np.exp(-apart)
    before_s, after_s = expected_s.sum(axis=1), expected_s @ np.exp(-change)
    early, late = np.quantile(taken_s / after_s, (0.1, 0.9)).tolist()
    return _Fit(
        drives=len(drives),
        ratios=np.exp(change),
        common=float(before_s.sum() / after_s.sum()),
        missed_before_s=float(np.abs(taken_s - before_s).sum()),
        missed_after_s=float(np.abs(taken_s - held_out_s).sum()),
        spread=Spread(early, late),
    )


def _log_change(expected_s: _Array, taken_s: _Array, prior: _Pull) -> _Array:
    """Fit log(factor / prior's factor) by class; rows of `expected_s` are drives at the prior.

    Newton steps (Gauss) on Huber's loss of log(taken / predicted): the slope of a drive's log
    time in a class's log factor is minus its share of the time there.
    """
    low, high = np.log(LOWEST_SHARE), np.log(HIGHEST_SHARE)
    change, pull = np.zeros(len(ROAD_CLASSES)), prior.matrix(len(taken_s))
    reliance = 1 / (1 + (_HALF_WEIGHT_S / np.maximum(expected_s.sum(axis=1), 1e-9)) ** 2)
    for _ in range(_ROUNDS):
        by_class_s = expected_s * np.exp(-change)
        predicted = by_class_s.sum(axis=1)
        missed = np.log(taken_s / predicted)
        shares = by_class_s / predicted[:, None]
        weights = reliance * _huber(missed)
        bend = shares.T @ (weights[:, None] * shares) + pull
        slope = -shares.T @ (weights * missed) - pull @ change
        step = _step_inside(bend, slope, change <= low, change >= high)
        step = np.clip(step, -_LONGEST_STEP, _LONGEST_STEP)
        fresh = np.clip(change + step, low, high)
        moved = float(np.abs(fresh - change).max())
        change = fresh
        if moved < _SETTLED:
            break
    return change


def _huber(missed: _Array) -> _Array:
    """Weigh drives down that miss by more than the usual."""
    if not missed.size:
        return missed
    usual = max(float(np.median(np.abs(missed))) * 1.4826, _LEAST_SPREAD)
    weights: _Array = np.minimum(1.0, _HUBER * usual / np.maximum(np.abs(missed), 1e-12))
    return weights


def _step_inside(
    bend: _Array, slope: _Array, at_low: NDArray[np.bool_], at_high: NDArray[np.bool_]
) -> _Array:
    """Solve for a step that holds classes at their limit when they would leave it."""
    free = ~((at_low & (slope < 0)) | (at_high & (slope > 0)))
    step = np.zeros_like(slope)
    if free.any():
        step[free] = np.linalg.solve(bend[np.ix_(free, free)], slope[free])
    return step


def _profile(prior: SpeedProfile, fits: Mapping[HourBucket, _Fit], learnt_on: date) -> SpeedProfile:
    """Put the fits into the prior; the hour's own factor (of the estimate) moves with them."""
    factors, class_factors = dict(prior.factors), dict(prior.class_factors)
    provenance = dict(prior.provenance)
    for bucket, fit in fits.items():
        factors[bucket] = _limited(prior.factors[bucket], fit.common)
        class_factors[bucket] = {
            road: _limited(prior.factor(bucket, road), float(ratio))
            for road, ratio in zip(ROAD_CLASSES, fit.ratios, strict=True)
        }
        provenance[f"class_factors.{bucket.value}"] = (
            f"learnt {learnt_on.isoformat()} from {fit.drives} drives, within "
            f"{LOWEST_SHARE:.0%}-{HIGHEST_SHARE:.0%} of {prior.name}"
        )
    return replace(
        prior,
        name=f"{prior.name}{LEARNT_MARK}{learnt_on.isoformat()}",
        factors=factors,
        class_factors=class_factors,
        provenance=provenance,
    )


def _limited(prior_factor: float, share: float) -> float:
    """Give four decimals (a file is read by people) inside the limits."""
    low, high = prior_factor * LOWEST_SHARE, prior_factor * HIGHEST_SHARE
    return min(max(round(prior_factor * share, 4), low), high)
