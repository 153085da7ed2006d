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
PENALTY, POINTS, RANK, OWNER, ACCEPTED, CROWD, REMOTE, UNITS = range(8, 16)
ORDER_COLUMNS = 16
"""Two cache lines of 64 bytes. CROWD: crews that could serve it; REMOTE: the nearest crew's way."""

# Columns of `Day.crews`.
START, END, READY, SHIFT_END, HARD_END, INSIDE, LOCKED, RESTS = range(8)
LOAD, EARNED, CAPACITY, AWAY = range(8, 12)
CREW_COLUMNS = 12
"""AWAY: 1 for a crew that drives to its end place even without an order."""

# Columns of `Day.rests`.
EARLIEST, LATEST, DURATION = range(3)

# Cells of `Day.rates`.
TRAVEL_RATE, OVER_RATE, SPREAD_RATE, INCOME_RATE, MOST_MOVES = range(5)

# Columns of `Tours.cells`, about stop i of a route and the gap before it: order and its fee, place
# the crew comes from, drive, drive and set-up, number of labels before the stop, the earliest that
# the crew is free, the latest start of the stop, and what lies between them beside the drive.
# Cell [row, length] is about the way home, [row, length + 1, FROM] is the end place or -1.
STOP, FEE, FROM, DRIVE, LEG, LABELS, EARLY, UNTIL, ROOM = range(9)

# Columns of `Tours.rows`. VERSION: a number that no other content of any row has had.
LENGTH, TIME_PRICE, DRIVEN, WORK, FLAT_PRICE, INCOME, VERSION, CARRIED = range(8)

# Columns of `Tours.hands`: a crew's row in use, published orders that others have taken from it,
# the last round that touched it, whether this search may change it.
ROW, LOST, TOUCHED_IN, MAY_CHANGE = range(4)

# Columns of `Tours.spots`: an order's crew, -1 while left out; the last round that listed it;
# whether this search may move it.
WHERE, LISTED_IN, MAY_MOVE = range(3)

# Columns of `Day.options`.
WHO, FLAT = range(2)

# A label: when free, rests taken, price of lateness so far.
AT, TAKEN, LATE = range(3)
# A limit: latest start that keeps every hard rule behind it, and latest start that costs nothing.
HARD, FREE = range(2)


# Columns of `Tours.memo`: the row's version, price (thousandths), position or -1, and more work.
MEMO_VERSION, MEMO_PRICE, MEMO_AT, MEMO_WORK = range(4)

# Cells of `Tours.totals`.
ALL_WORK, ALL_INCOME, PRICE, NEWEST, WORK_TILT, INCOME_TILT = range(6)

# Cells of `Walk.book`.
CURRENT, BEST, ROUND, IMPROVED, TOUCHED, ABSENT, SEATED, SEEDS = range(8)


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
    """`first[x]..first[x + 1]` are the rows of `options` that order x has."""
    options: Ints
    """Crews that could serve the order, and its price with them come what may: area and move."""
    near: Ints
    """[order, rank]: the orders nearest to it by road."""


class Tours(NamedTuple):
    """The crews' routes; crew c has rows 2c and 2c + 1, one in use and one from before."""

    cells: Ints
    """[row, position, column]."""
    rows: Ints
    """[row, column]: sums of one route."""
    labels: Ints
    """[row, i, label, column]: undominated ways to have done the first i stops."""
    limits: Ints
    """[row, i, rests taken, column] for the start of stop i (or the end)."""
    hands: Ints
    """[crew, column]."""
    spots: Ints
    """[order, column]."""
    totals: Ints
    """Of all crews together: work, income (both with what was before), the price without its
    spreads; the last version; how many more crews are below the mean (of work, of income) than
    above it.
    """
    memo: Ints
    """[row of `Day.options`, which of the crew's rows, column]: the order's cheapest place there.

    Position -1: it costs at least that price.
    """
    scratch: Ints
    """[half, label, column]: two label sets in the making."""


class Stops(NamedTuple):
    """A plan: which orders each crew has, one after the other."""

    at: Ints
    """[crew, position], by the orders' positions in the problem."""
    length: Ints
    """[crew]."""


class Walk(NamedTuple):
    """Where a search stands."""

    book: Ints
    """Price now and best price, rounds done, how often the best improved, lengths of two lists,
    the price of the given tours, and the length of `seeds`."""
    touched: Ints
    """Crews whose row has changed in this round."""
    absent: Ints
    """Orders to insert in this round."""
    keys: NDArray[np.float64]
    """What `absent` is sorted by."""
    before: Ints
    """`Tours.totals` at the start of the round."""
    best_stops: Ints
    """[crew, position] of the best plan so far."""
    best_length: Ints
    pool: Ints
    """[slot, column]: crew + 1, number of orders, then the orders of routes that were good once."""
    dice: NDArray[np.uint64]
    seeds: Ints
    """Orders around which a round may remove; `book[SEEDS]` of them."""
