"""Finds the OSRM command-line tools that the osrm-bindings wheel carries."""

import importlib.metadata
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from routing.engine import RoutingError

OWN_PROFILES: Final = Path(__file__).parent / "profiles"


class OsrmToolsMissing(RoutingError):
    """The osrm-bindings wheel, or one of its tools, is not installed."""


@dataclass(frozen=True, slots=True)
class OsrmTools:
    """Paths of the tools and of the stock profiles, and the wheel's version."""

    extract: Path
    contract: Path
    routed: Path
    stock_profiles: Path
    version: str

    def lua_path(self) -> str:
        """Give the LUA_PATH for a tool's own folder, the stock profiles and ours, in this order.

        OSRM puts the folder of the profile itself in front, so none of ours may bear the name of a
        stock one.
        """
        return f"./?.lua;{self.stock_profiles}/?.lua;{OWN_PROFILES}/?.lua;;"


def find_osrm_tools() -> OsrmTools:
    """Find the tools without importing the binding (it is heavy and holds the GIL)."""
    spec = importlib.util.find_spec("osrm")
    if spec is None or not spec.submodule_search_locations:
        raise OsrmToolsMissing("the package osrm-bindings is not installed")
    home = Path(next(iter(spec.submodule_search_locations)))
    tools = OsrmTools(
        extract=home / "bin" / "osrm-extract",
        contract=home / "bin" / "osrm-contract",
        routed=home / "bin" / "osrm-routed",
        stock_profiles=home / "share" / "profiles",
        version=importlib.metadata.version("osrm-bindings"),
    )
    for path in (tools.extract, tools.contract, tools.routed, tools.stock_profiles):
        if not path.exists():
            raise OsrmToolsMissing(f"the installed osrm-bindings wheel lacks {path.name}")
    return tools
