"""What the planner did in the day, read back from its stored runs through the API."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from app.demo.client import Caller
from app.demo.many import some_at_once

Json = dict[str, Any]
_PARTS = {"insertion": "insertion", "search": "search", "master": "cp_sat"}
"""The parts of the planner in the order in which they work, and how people know them."""


async def planning_figures(manager: Caller) -> tuple[Json, Json]:
    """(planning, routing): what plans cost and gained, and where the legs came from they drove."""
    runs = await manager.pages("/planning-runs")
    read = await some_at_once(
        [run["id"] for run in runs if run["state"] in ("published", "answered")],
        lambda key: manager.get(f"/planning-runs/{key}"),
    )
    published = [run["result"] for run in read if run["state"] == "published"]
    planning = {
        "runs": len(published),
        "what_if_runs": len(read) - len(published),
        "failed": sum(run["state"] == "failed" for run in runs),
        "churn": churn_of(published),
        "dropped": sum(each["churn"].get("dropped", 0) for each in published),
        "price_min": prices(published),
        "gained_min": gains(published),
        "lending": lending(published),
        "merged": merges(published),
    }
    return planning, routing_figures([each["routing"] for each in published])


def churn_of(results: Iterable[Json]) -> float:
    """Share of planned orders that a later plan gave to another crew; what it left out apart."""
    compared = moved = 0
    for each in results:
        compared += each["churn"]["compared"]
        moved += each["churn"]["moved"]
    return round(moved / compared, 4) if compared else 0.0


def prices(results: Sequence[Json]) -> dict[str, float]:
    """What the mean published plan costs, term by term, in minutes."""
    total: Counter[str] = Counter()
    for each in results:
        total.update(each["price"] | {"total": each["total"]})
    count = len(results) or 1
    return {term: round(value / count / 60, 1) for term, value in total.items()}


def gains(results: Sequence[Json]) -> Json:
    """What each part took off the price of all plans, in minutes, in how many it gained and ran."""
    minutes: Counter[str] = Counter()
    plans: Counter[str] = Counter()
    ran: Counter[str] = Counter()
    for each in results:
        for part, name in _PARTS.items():
            gained = each["parts"].get(part, 0)
            minutes[name] += gained
            plans[name] += gained > 0
            ran[name] += part in each["parts"]
    return {
        name: {"min": round(minutes[name] / 60, 1), "plans": plans[name], "ran": ran[name]}
        for name in _PARTS.values()
    }


def lending(results: Iterable[Json]) -> dict[str, int]:
    """How often a neighbour's crew was there to be asked, and what it was given."""
    lent = [route for each in results for route in each["routes"] if route["lent"]]
    given = [
        visit["order_id"]
        for route in lent
        for visit in route["visits"]
        if not visit["locked"] and not visit["elsewhere"]
    ]
    return {"offered": len(lent), "visits": len(given), "orders": len(set(given))}


def merges(results: Iterable[Json]) -> dict[str, int]:
    """Orders that came while a search ran, and still got into its plan or had to wait."""
    told = [each["merged"] for each in results]
    inserted = [len(each["inserted"]) for each in told]
    return {
        "runs": sum(count > 0 for count in inserted),
        "orders": sum(inserted),
        "waited": sum(len(each["not_fitting"]) for each in told),
    }


def routing_figures(routings: Sequence[Json]) -> Json:
    """Legs of all plans: shares by source, and counts by graph version, hour bucket and source."""
    legs: Counter[str] = Counter()
    by_hour: dict[str, Counter[str]] = {}
    for routing in routings:
        legs.update(routing["legs"])
        hour = f"{routing['graph_version']} {routing['hour_bucket']}"
        by_hour.setdefault(hour, Counter()).update(routing["legs"])
    total = legs.total() or 1
    return {
        "sources": {source: round(count / total, 4) for source, count in sorted(legs.items())},
        "legs": legs.total(),
        "by_map_and_hour": {
            hour: {source: count for source, count in sorted(counts.items()) if count}
            for hour, counts in sorted(by_hour.items())
            if counts.total()
        },
    }
