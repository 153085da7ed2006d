"""Writes a speed profile's hours as Lua for osrm-extract, and says which hours are alike."""

from pathlib import Path
from typing import Final

from routing.map_source import MapRefused, MapRefusedCode
from routing.osrm_tools import OWN_PROFILES
from routing.speeds import ROAD_CLASSES, HourBucket, SpeedProfile, Vehicle

SPEEDS_MODULE: Final = "paigong_speeds.lua"
_SLOWEST_KMH: Final = 1.0
_FASTEST_KMH: Final = 200.0


def lua_profile(vehicle: Vehicle) -> Path:
    """Give the Lua profile by which a vehicle's roads are read."""
    return OWN_PROFILES / f"paigong_{vehicle.value}.lua"


def lua_rules(vehicle: Vehicle) -> bytes:
    """Give the content of every Lua file of ours that decides a vehicle's graph."""
    return b"\0".join(
        path.read_bytes() for path in (lua_profile(vehicle), OWN_PROFILES / "paigong_roads.lua")
    )


def speeds_lua(profile: SpeedProfile, bucket: HourBucket) -> str:
    """Give the module `paigong_speeds` of one hour: `kmh` and `factor`, both by road class.

    Raises MapRefused when a speed is beyond what a road graph can hold (1-200 km/h).
    """
    kmh, factor = [], []
    for road in ROAD_CLASSES:
        of_hour = profile.factor(bucket, road)
        speed = profile.speeds_kmh[road] * of_hour
        if not _SLOWEST_KMH <= speed <= _FASTEST_KMH:
            raise MapRefused(
                MapRefusedCode.PROFILE_BROKEN,
                f"profile {profile.name}: {speed:g} km/h on {road.value} roads at {bucket.value}",
            )
        kmh.append(f"{road.value} = {float(profile.speeds_kmh[road])!r}")
        factor.append(f"{road.value} = {float(of_hour)!r}")
    return (
        f"return {{\n  kmh = {{ {', '.join(kmh)} }},\n  factor = {{ {', '.join(factor)} }},\n}}\n"
    )


def built_for(profile: SpeedProfile) -> dict[HourBucket, HourBucket]:
    """Say for each bucket whose dataset it uses: the first of those with equal speeds."""
    first: dict[str, HourBucket] = {}
    return {bucket: first.setdefault(speeds_lua(profile, bucket), bucket) for bucket in HourBucket}
