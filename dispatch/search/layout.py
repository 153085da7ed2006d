"""How a problem and a set of tours lie in memory: rows of integers that kernels can read.

Prices are in thousandths of a second of price, times in seconds, places are rows of the matrix.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Matrix = NDArray[np.int32]

NEVER = 1 << 60
"""Later than any time, dearer than any price."""
FAR = 100_000_000
"""A leg of this many seconds has no road (`dispatch.UNREACHABLE_S`)."""

# Columns of `Day.orders`.
PLACE, SERVICE, SETUP, BUILDING, OPENS, CLOSE, DUE, LATE_RATE = range(8)
PENALTY, POINTS, RANK, OWNER, ACCEPTED, CROWD, REMOTE = range(8, 15)
ORDER_COLUMNS = 16
"""Two cache lines of 64 bytes. CROWD: crews that could serve it; REMOTE: the nearest crew's way."""

# Columns of `Day.crews`.
START, END, READY, SHIFT_END, HARD_END, INSIDE, LOCKED, RESTS, LOAD, EARNED = range(10)
CREW_COLUMNS = 10

# Columns of `Day.rests`.
EARLIEST, LATEST, DURATION = range(3)

# Cells of `Day.rates`.
TRAVEL_RATE, OVER_RATE, SPREAD_RATE, INCOME_RATE, MOST_MOVES = range(5)

# Columns of `Tours.sums`, each of one route.
TIME_PRICE, DRIVEN, WORK, FLAT_PRICE, INCOME = range(5)

# A label: when free, rests taken, price of lateness so far.
AT, TAKEN, LATE = range(3)
# A limit: latest start that keeps every hard rule behind it, and latest start that costs nothing.
HARD, FREE = range(2)


# Cells of `Tours.totals`.
ALL_WORK, ALL_INCOME, PRICE = range(3)

# Cells of `Walk.book`.
CURRENT, BEST, ROUND, IMPROVED, TOUCHED, ABSENT = range(6)


class Day(NamedTuple):
    """The problem; never changes."""

    orders: Ints
    crews: Ints
    rests: Ints
    """[crew, rest, column]: only those still owed."""
    rates: Ints
    travel: Matrix
    """[from, to]."""
    back: Matrix
    """[to, from]: the same, so that both directions are read along a row."""
    first: Ints
    """`first[x]..first[x + 1]` are order x's cells in `who` and `flat`."""
    who: Ints
    """Crews that could serve the order."""
    flat: Ints
    """Price of the order with that crew, whatever else it does: area and move."""
    near: Ints
    """[order, rank]: the orders nearest to it by road."""


class Tours(NamedTuple):
    """The crews' routes; each crew has two rows, the one in use and the one before the change."""

    row: Ints
    """[crew] -> its row in use."""
    stops: Ints
    """[row, position] -> order."""
    fee: Ints
    """[row, position] -> what `Day.flat` asks for that order with this crew."""
    length: Ints
    place: Ints
    """[row, 0] is the start, [row, i + 1] stop i, [row, length + 1] the end or -1."""
    drive: Ints
    """[row, i]: driving to stop i; [row, length] the way home."""
    leg: Ints
    """Driving and set-up before stop i."""
    labels: Ints
    """[row, i, label, column]: undominated ways to have done the first i stops."""
    labelled: Ints
    """[row, i]: how many labels."""
    limits: Ints
    """[row, i, rests taken, column] for the start of stop i (or the end)."""
    sums: Ints
    where: Ints
    """[order] -> crew, -1 while left out."""
    lost: Ints
    """[crew] -> published orders that others have taken."""
    totals: Ints
    """Of all crews together: work, income, and the price without its spreads."""
    scratch: Ints
    """[half, label, column]: two label sets in the making."""


class Walk(NamedTuple):
    """Where a search stands."""

    book: Ints
    """Price now and best price, rounds done, how often the best improved, lengths of two lists."""
    touched: Ints
    """Crews whose row has changed in this round."""
    touched_in: Ints
    """[crew] -> the round that touched it last."""
    absent: Ints
    """Orders to insert in this round."""
    absent_in: Ints
    """[order] -> the round that listed it last."""
    keys: NDArray[np.float64]
    """What `absent` is sorted by."""
    before: Ints
    """`Tours.totals` at the start of the round."""
    best_stops: Ints
    """[crew, position] of the best plan so far."""
    best_length: Ints
    dice: NDArray[np.uint64]
