"""Serial numbers: each series counts from 1 without a gap to where its counter stands."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from app.verification.difference import Difference, differ

CHECK = "serials"


async def check_serials(session: AsyncSession) -> list[Difference]:
    """Orders and joint crews are numbered without gaps, none twice; counters are at the end."""
    names = await session.execute(
        text("SELECT serial FROM work_orders UNION ALL SELECT code FROM crews WHERE kind = 'joint'")
    )
    counted = await session.execute(text("SELECT series, last FROM serial_counters"))
    counters = {row.series: row.last for row in counted}
    return list(compare(names.scalars(), counters))


def compare(names: Iterable[str], counters: dict[str, int]) -> Iterator[Difference]:
    """Numbers like `S01-260115-0042` against the counter of `S01-260115`."""
    numbers: dict[str, list[int]] = defaultdict(list)
    for name in names:
        series, _, number = name.rpartition("-")
        if not number.isdecimal():
            yield Difference(CHECK, name, name, "a series and a number")
            continue
        numbers[series].append(int(number))
    for series in sorted(numbers.keys() | counters.keys()):
        yield from _series(series, numbers.get(series, []), counters.get(series))


def _series(series: str, given: list[int], last: int | None) -> Iterator[Difference]:
    top = max([*given, last or 0])
    times = Counter(given)
    for number in range(1, top + 1):
        if times[number] != 1:
            subject = f"{series}-{number:04d}"
            yield Difference(CHECK, subject, f"given {times[number]} times", "given once")
    yield from differ(CHECK, f"{series} counter", last, max(given, default=0))
