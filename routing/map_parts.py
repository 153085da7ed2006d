"""Says how much of a road graph hangs together, read from an extracted dataset of OSRM."""

import tarfile
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from routing.map_source import MapRefused, MapRefusedCode

_LOW_31_BITS: Final = np.uint32(0x7FFFFFFF)
"""The first bit of these fields is a mark (direction; small part), the others are the number."""


def largest_part_share(dataset: Path) -> float:
    """Give the share of the road nodes that touch the largest strongly connected part, in (0, 1].

    The parts are those that osrm-extract found when one-way roads, barriers and forbidden turns
    are obeyed, so from any node of the largest part every other one of it can be reached.
    Raises MapRefused when the dataset is not laid out as OSRM 26 does.
    """
    try:
        edges = _numbers(dataset, "ebg_nodes", "/common/ebg_node_data/nodes").reshape(-1, 3)
        starts = _numbers(dataset, "geometry", "/common/segment_data/index")
        nodes = _numbers(dataset, "geometry", "/common/segment_data/nodes")
        geometry, part = edges[:, 0] & _LOW_31_BITS, edges[:, 1] & _LOW_31_BITS
        _, parts, sizes = np.unique(part, return_inverse=True, return_counts=True)
        mainland = geometry[parts == sizes.argmax()]
        whole = _touched(nodes, starts, geometry)
        return float(_touched(nodes, starts, mainland).sum() / whole.sum())
    except (OSError, tarfile.TarError, KeyError, ValueError, IndexError) as error:
        raise MapRefused(
            MapRefusedCode.TOOL_FAILED, f"the extracted roads cannot be read: {error!r}"
        ) from error


def _touched(
    nodes: NDArray[np.uint32], starts: NDArray[np.uint32], geometry: NDArray[np.uint32]
) -> NDArray[np.bool_]:
    """Mark the nodes along the given lines; line k is nodes[starts[k]:starts[k + 1]]."""
    lines = np.zeros(len(starts) - 1, dtype=np.bool_)
    lines[geometry] = True
    marked = np.zeros(int(nodes.max()) + 1, dtype=np.bool_)
    lengths = starts[1:].astype(np.int64) - starts[:-1].astype(np.int64)
    marked[nodes[np.repeat(lines, lengths)]] = True
    return marked


def _numbers(dataset: Path, kind: str, member: str) -> NDArray[np.uint32]:
    with tarfile.open(f"{dataset}.{kind}") as archive:
        file = archive.extractfile(member)
        return np.frombuffer(file.read() if file else b"", dtype="<u4")
