"""A tiny city in OSM XML: a mainland grid, a one-way street, a one-way trap and an island.

The corners are moved a little so that no two ways take equally long. Keep it small: a grid of
equal roads has no hierarchy to contract, 24 x 24 takes 20 s and 40 x 40 minutes (cities do not).
"""

import random
from dataclasses import dataclass, field
from xml.sax.saxutils import quoteattr

from routing import Place

WEST, SOUTH, STEP = 117.0, 36.6, 0.002
SIZE = 10


def corner(column: float, row: float) -> Place:
    """Give the place at a grid position (about 180 m east, 220 m north per step)."""
    return Place(round(WEST + column * STEP, 7), round(SOUTH + row * STEP, 7))


MAINLAND = [corner(1, 1), corner(7.5, 2), corner(4, 8.5), corner(0, 6)]
ISLAND = [corner(30, 1), corner(31, 2)]
TRAP_END = corner(4, -4)
FAR_OFF = corner(-15, 5)
ONE_WAY_WEST, ONE_WAY_EAST = corner(4.4, 5), corner(4.6, 5)


@dataclass
class Drawing:
    """OSM elements being written down."""

    nodes: list[str] = field(default_factory=list)
    ways: list[str] = field(default_factory=list)

    def node(self, place: Place, **tags: str) -> int:
        """Add a node and give its number."""
        number = len(self.nodes) + 1
        self.nodes.append(
            f'<node id="{number}" version="1" lon="{place.lon:.7f}" lat="{place.lat:.7f}">'
            f"{_tags(tags)}</node>"
        )
        return number

    def way(self, nodes: list[int], **tags: str) -> None:
        """Add a way along numbered nodes."""
        refs = "".join(f'<nd ref="{number}"/>' for number in nodes)
        self.ways.append(f'<way id="{len(self.ways) + 1}" version="1">{refs}{_tags(tags)}</way>')

    def xml(self) -> str:
        """Give the whole file."""
        return "\n".join(['<osm version="0.6">', *self.nodes, *self.ways, "</osm>\n"])


def _tags(tags: dict[str, str]) -> str:
    return "".join(f"<tag k={quoteattr(k)} v={quoteattr(v)}/>" for k, v in tags.items())


def grid_city() -> str:
    """Draw the city; the same text every time."""
    wobble = random.Random(7)
    drawing = Drawing()
    grid = [
        [
            drawing.node(
                corner(
                    c + wobble.uniform(-0.1, 0.1), r if r == 5 else r + wobble.uniform(-0.1, 0.1)
                )
            )
            for c in range(SIZE)
        ]
        for r in range(SIZE)
    ]
    for r in range(SIZE):
        drawing.way(grid[r], highway="residential", **({"oneway": "yes"} if r == 5 else {}))
    for c in range(SIZE):
        drawing.way([row[c] for row in grid], highway="secondary")
    trap = [grid[0][4], drawing.node(corner(4, -2)), drawing.node(TRAP_END)]
    drawing.way(trap, highway="residential", oneway="yes")
    shore = [drawing.node(corner(c, r)) for c, r in ((30, 1), (31, 1), (31, 2), (30, 2))]
    drawing.way([*shore, shore[0]], highway="residential")
    return drawing.xml()
