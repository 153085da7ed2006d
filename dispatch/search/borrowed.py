"""Arrays without an owner: kernels that hand them around count no references.

A call that carries thirty owned arrays spends more time on atomic counters than on its work. The
outermost kernel borrows every array once; Python keeps the owners alive while it runs.
"""

from __future__ import annotations

from typing import Any

from numba import carray, types  # type: ignore[attr-defined]
from numba.extending import intrinsic

from dispatch.search.compiled import part
from dispatch.search.layout import Day, Tours, Walk


@intrinsic
def _pointer(_context: Any, address: Any = None) -> Any:
    """The address as a pointer to anything."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        from llvmlite import ir  # type: ignore[import-untyped]

        return builder.inttoptr(arguments[0], ir.IntType(8).as_pointer())

    return types.voidptr(address), generate


@part
def borrow(array: Any) -> Any:
    """The same memory as an array without an owner."""
    return carray(_pointer(array.ctypes.data), array.shape, array.dtype)


@part
def borrow_day(day: Day) -> Day:
    return Day(
        borrow(day.orders),
        borrow(day.crews),
        borrow(day.rests),
        borrow(day.rates),
        borrow(day.travel),
        borrow(day.back),
        borrow(day.first),
        borrow(day.options),
        borrow(day.near),
    )


@part
def borrow_tours(tours: Tours) -> Tours:
    return Tours(
        borrow(tours.cells),
        borrow(tours.rows),
        borrow(tours.labels),
        borrow(tours.limits),
        borrow(tours.hands),
        borrow(tours.spots),
        borrow(tours.totals),
        borrow(tours.memo),
        borrow(tours.scratch),
    )


@part
def borrow_walk(walk: Walk) -> Walk:
    return Walk(
        borrow(walk.book),
        borrow(walk.touched),
        borrow(walk.absent),
        borrow(walk.keys),
        borrow(walk.before),
        borrow(walk.best_stops),
        borrow(walk.best_length),
        borrow(walk.pool),
        borrow(walk.dice),
        borrow(walk.seeds),
    )
