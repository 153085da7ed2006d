"""Speed profiles as TOML files: the shipped ones, a company's own, and learnt ones."""

import tomllib
from pathlib import Path
from typing import Any, Final

import tomli_w

from routing.engine import RoutingError
from routing.speeds import HourBucket, RoadClass, SpeedProfile, Vehicle

PROFILES: Final = Path(__file__).parent / "profiles"
_SPANS: Final = ("morning_peak", "evening_peak", "night")


class SpeedFileRefused(RoutingError):
    """A speed file cannot be used; the text says where and why."""


def load_profile(path: Path) -> SpeedProfile:
    """Read a speed profile; raises SpeedFileRefused."""
    try:
        return _profile(tomllib.loads(path.read_text("utf-8")))
    except (OSError, UnicodeDecodeError, ValueError, TypeError, KeyError) as error:
        raise SpeedFileRefused(f"{path}: {type(error).__name__} {error}") from error


def store_profile(profile: SpeedProfile, path: Path) -> None:
    """Write a profile in one step: a reader sees the old file or the whole new one."""
    fresh = path.with_suffix(".fresh")
    fresh.write_text(profile_text(profile), "utf-8")
    fresh.replace(path)


def profile_text(profile: SpeedProfile) -> str:
    """Give the file's text; the same profile gives the same text."""
    return tomli_w.dumps(
        {
            "name": profile.name,
            "vehicle": profile.vehicle.value,
            "hours": {name: list(getattr(profile, name)) for name in _SPANS},
            "estimate": {"coefficient": profile.coefficient, "exponent": profile.exponent},
            "factors": {bucket.value: profile.factors[bucket] for bucket in HourBucket},
            "speeds_kmh": {road.value: profile.speeds_kmh[road] for road in RoadClass},
            "class_factors": {
                bucket.value: {road.value: factor for road, factor in sorted(by_road.items())}
                for bucket, by_road in sorted(profile.class_factors.items())
            },
            "provenance": dict(profile.provenance),
        }
    )


def _profile(read: dict[str, Any]) -> SpeedProfile:
    hours, estimate = read["hours"], read["estimate"]
    spans = {name: _span(hours[name]) for name in _SPANS}
    return SpeedProfile(
        name=str(read["name"]),
        vehicle=Vehicle(read["vehicle"]),
        coefficient=float(estimate["coefficient"]),
        exponent=float(estimate["exponent"]),
        factors={HourBucket(name): float(each) for name, each in read["factors"].items()},
        speeds_kmh={RoadClass(name): float(each) for name, each in read["speeds_kmh"].items()},
        class_factors={
            HourBucket(bucket): {RoadClass(name): float(each) for name, each in by_road.items()}
            for bucket, by_road in read.get("class_factors", {}).items()
        },
        provenance={name: str(each) for name, each in read.get("provenance", {}).items()},
        **spans,
    )


def _span(read: list[int]) -> tuple[int, int]:
    first, last = read
    if not all(isinstance(hour, int) and 0 <= hour <= 24 for hour in read):
        raise ValueError(f"hours must be whole and 0-24: {read}")
    return first, last


CHINA_CITY: Final = load_profile(PROFILES / "china_city.toml")
"""The prior for cars in Chinese cities (ROUTING, "The estimate")."""

EBIKE: Final = load_profile(PROFILES / "ebike.toml")
"""The prior for crews on electric bicycles."""

PRIORS: Final = {Vehicle.CAR: CHINA_CITY, Vehicle.EBIKE: EBIKE}
"""What each vehicle's speeds are before anything was learnt."""

LEARNT_FILES: Final = {Vehicle.CAR: "speeds.toml", Vehicle.EBIKE: "speeds-ebike.toml"}
"""Names in the folder of maps: what was learnt, for the next map build."""

LEARNT_MARK: Final = "+learnt-"
"""Stands in the name of a learnt profile, between its prior's name and the day."""
