"""Travel times between places: a pure library, without web or database.

Engines (`RoutingEngine`): `OsrmEmbedded` serves the imported map by child processes of its own,
`OsrmHttp` asks `osrm-routed` servers elsewhere, `Estimate` works anywhere, `Fallback` asks several
in order. Every answer (`Matrix`, `Route`, `Trace`, `Snap`) says its source, its graph's version and
its hour bucket. `import_map` builds a city's road graphs, `MatrixCache` remembers matrices.
`to_wgs84` and `from_wgs84` convert Chinese datums.

    zone = ZoneInfo("Asia/Shanghai")
    import_map(Path("city.osm.pbf"), maps_dir)
    async with OsrmEmbedded(maps_dir, zone, cache=MatrixCache(maps_dir / "matrices")) as roads:
        engine = Fallback([roads, Estimate(Traffic(CHINA_CITY, zone))])
        matrix = await engine.matrix(places, places, depart_at)
"""

from routing.answers import (
    LEG_SOURCES,
    UNREACHABLE_S,
    Fix,
    LegCount,
    LegSource,
    Matrix,
    Route,
    Snap,
    Stretch,
    Trace,
)
from routing.datums import Datum, from_wgs84, in_china_box, to_wgs84
from routing.engine import EngineFailed, NoRoadBetween, RoutingEngine, RoutingError
from routing.estimate import Estimate
from routing.fallback import BreakerState, CircuitBreaker, Fallback
from routing.map_report import MapReport, current_map
from routing.map_source import MapRefused, MapRefusedCode
from routing.map_versions import current_speeds
from routing.maps import ImportStep, Progress, chosen_profile, import_map
from routing.matrix_cache import MatrixCache
from routing.osrm_embedded import OsrmEmbedded
from routing.osrm_http import OsrmHttp
from routing.osrm_server import OsrmServer, OsrmServerFailed, routed_command
from routing.osrm_tools import OsrmToolsMissing
from routing.osrm_wire import FAR_SNAP_M
from routing.places import Place
from routing.quality import TriangleExcess, triangle_excess
from routing.speed_files import (
    CHINA_CITY,
    EBIKE,
    LEARNT_FILES,
    PRIORS,
    SpeedFileRefused,
    load_profile,
    store_profile,
)
from routing.speeds import (
    ROAD_CLASSES,
    HourBucket,
    RoadClass,
    SpeedProfile,
    Traffic,
    Vehicle,
)

__all__ = [
    "CHINA_CITY",
    "EBIKE",
    "FAR_SNAP_M",
    "LEARNT_FILES",
    "LEG_SOURCES",
    "PRIORS",
    "ROAD_CLASSES",
    "UNREACHABLE_S",
    "BreakerState",
    "CircuitBreaker",
    "Datum",
    "EngineFailed",
    "Estimate",
    "Fallback",
    "Fix",
    "HourBucket",
    "ImportStep",
    "LegCount",
    "LegSource",
    "MapRefused",
    "MapRefusedCode",
    "MapReport",
    "Matrix",
    "MatrixCache",
    "NoRoadBetween",
    "OsrmEmbedded",
    "OsrmHttp",
    "OsrmServer",
    "OsrmServerFailed",
    "OsrmToolsMissing",
    "Place",
    "Progress",
    "RoadClass",
    "Route",
    "RoutingEngine",
    "RoutingError",
    "Snap",
    "SpeedFileRefused",
    "SpeedProfile",
    "Stretch",
    "Trace",
    "Traffic",
    "TriangleExcess",
    "Vehicle",
    "chosen_profile",
    "current_map",
    "current_speeds",
    "from_wgs84",
    "import_map",
    "in_china_box",
    "load_profile",
    "routed_command",
    "store_profile",
    "to_wgs84",
    "triangle_excess",
]
