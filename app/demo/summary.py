"""The summary that people read at the end, and one order's whole story."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from app.demo.accounting import Story
from app.demo.inputs import COMPANY_ZONE
from app.demo.month import month_missed

CLOSED_AT_LEAST = 0.85
IN_FLIGHT_AT_MOST = 0.03
OSRM_AT_LEAST = 0.99
_DELIVERY_WITHIN = 0.05
_CLOCKS = {*(f"K{n}" for n in range(1, 9)), "SAFE"}
_TELLING = {
    *("reworked", "rejected", "held", "resumed", "refused", "transferred", "resent", "returned"),
    *("urged", "revisit_tried", "made_safe", "withdrawn", "accept_expired"),
}


def missed(report: dict[str, Any], *, roads: bool, pushes_lost: bool) -> list[str]:
    """Which promises of the demo did not hold, one sentence each."""
    orders = report["orders"]
    checks = {
        f"closed {orders['closed_share']:.1%} is under {CLOSED_AT_LEAST:.0%}": (
            orders["closed_share"] < CLOSED_AT_LEAST
        ),
        f"in flight {orders['in_flight_share']:.1%} is over {IN_FLIGHT_AT_MOST:.0%}": (
            orders["in_flight_share"] > IN_FLIGHT_AT_MOST
        ),
        f"{orders['unexplained']} orders are unexplained": orders["unexplained"] > 0,
        "orders were lost or came from nowhere": (
            orders["posted"] + orders["reworks"] != sum(orders["by_state"].values())
        ),
        f"verify found {report['verify']['differences']} differences": (
            report["verify"]["differences"] > 0
        ),
        "no push was acknowledged": not pushes_lost and report["pushes"]["acknowledged"] == 0,
        "no phone heard a push": not pushes_lost and report["phones"].get("pushes_heard", 0) == 0,
        "a clock of the day has no figure": not _CLOCKS.issubset(report["service_levels"]),
        "a push arrived that no phone told of": not pushes_lost and not _delivery_is_true(report),
        "nothing was planned": report["planning"]["runs"] == 0,
        "no evidence file was verified": report["evidence"]["files"] == 0,
        "nobody earned anything": report["pay"]["points_total"] <= 0,
        f"only {report['routing']['sources'].get('osrm', 0):.1%} of legs are real roads": (
            roads and report["routing"]["sources"].get("osrm", 0) < OSRM_AT_LEAST
        ),
    }
    found = [why for why, is_so in checks.items() if is_so]
    return [*found, *month_missed(report["month"])]


_OWN_TABLES = ("word", "customers", "service_levels")


def _delivery_is_true(report: dict[str, Any]) -> bool:
    """Whether the service's delivery rate is what really came to the phones.

    Pushes of the last seconds, and those to phones off line, may not be told of yet.
    """
    told, true = report["pushes"]["delivery_rate"], report["pushes"]["really_delivered"]
    return told is not None and true is not None and abs(told - true) <= _DELIVERY_WITHIN


def show_summary(console: Console, report: dict[str, Any]) -> None:
    """The report as a table, but for what `show_service` shows."""
    table = Table(title="The day", title_justify="left", show_header=False)
    for section, figures in report.items():
        if section in _OWN_TABLES:
            continue
        if section == "month":
            figures = {name: told for name, told in figures.items() if name != "walk"}
        if isinstance(figures, dict):
            table.add_row(section, _figures(figures))
        else:
            table.add_row(section, str(figures))
    console.print(table)


def _figures(figures: dict[str, Any]) -> str:
    """Name and value; a group of figures in brackets."""
    shown = {
        name: f"({_figures(value)})" if isinstance(value, dict) else value
        for name, value in figures.items()
    }
    return ", ".join(f"{name} {value}" for name, value in shown.items())


def show_service(console: Console, report: dict[str, Any]) -> None:
    """Delivery by channel, climbs by ladder, and how each clock was kept."""
    word = report["word"]
    channels = {
        name: [figures[each] for each in _CHANNEL[1:-2]]
        + [_percent(figures["accepted_share"]), _percent(figures["heard_share"])]
        for name, figures in word["channels"].items()
    }
    console.print(_table("Word by channel", _CHANNEL, channels))
    steps = sorted({step for climbs in word["climbs"].values() for step in climbs})
    header = ("ladder", *(f"step {step}" for step in steps))
    climbed = {
        name: [climbs.get(step, 0) for step in steps] for name, climbs in word["climbs"].items()
    }
    ends = {name: value for name, value in word.items() if isinstance(value, int)}
    console.print(_table(f"Ladder climbs ({_figures(ends)})", header, climbed))
    told = {kind: list(each.values()) for kind, each in report["customers"].items()}
    console.print(_table("Messages to customers", _CUSTOMER, told))
    clocks = {
        clock: [each["n"]]
        + [
            value
            for time in ("net", "gross")
            for value in (
                _minutes(each[time]["mean_s"]),
                _minutes(each[time]["p90_s"]),
                _percent(each[time]["share"]),
            )
        ]
        for clock, each in sorted(report["service_levels"].items())
    }
    console.print(_table("Service levels, in minutes", _CLOCK, clocks))


_CHANNEL = (
    *("channel", "attempts", "accepted", "arrived", "heard", "by_itself"),
    *("accepted share", "heard share"),
)
_CUSTOMER = ("kind", "messages", "sent", "failed", "moot")
_CLOCK = (
    *("clock", "n", "net mean", "net p90", "net within"),
    *("gross mean", "gross p90", "gross within"),
)


def _table(title: str, header: Sequence[str], rows: Mapping[str, Sequence[object]]) -> Table:
    table = Table(*header, title=title, title_justify="left")
    for name, values in rows.items():
        table.add_row(name, *map(str, values))
    return table


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.1%}"


def _minutes(seconds: int | None) -> str:
    return "–" if seconds is None else f"{seconds / 60:.1f}"


def show_open_orders(console: Console, stories: Sequence[Story]) -> None:
    """Every order that is not closed, with why."""
    for story in stories:
        order = story.order
        if order["state"] != "CLOSED":
            why = story.explanation() or ("in flight" if story.in_flight() else "UNEXPLAINED")
            console.print(
                f"  {order['serial']} {order['fault_code']} {order['state']}: {why}", markup=False
            )


def most_telling(stories: Sequence[Story]) -> Story | None:
    """The order in which most different things happened."""

    def weight(story: Story) -> tuple[int, int]:
        actions = {event["action"] for event in story.events}
        return len(actions & _TELLING), len(story.events)

    return max(stories, key=weight, default=None)


def show_walk(console: Console, steps: Sequence[str]) -> None:
    """From the month's total to one photo, request by request."""
    console.print("From the month's total down to one photo:")
    for number, step in enumerate(steps, start=1):
        console.print(f"  {number}. {step}", markup=False, soft_wrap=True)


def show_timeline(console: Console, story: Story) -> None:
    """All that happened to one order, from the call to the end."""
    order = story.order
    table = Table(
        title=f"{order['serial']} {order['fault_code']} {order['address']}: {order['description']}",
        title_justify="left",
    )
    for column in ("time", "action", "state", "who", "said"):
        table.add_column(column)
    for event in story.events:
        at = datetime.fromisoformat(event["at"]).astimezone(COMPANY_ZONE)
        who = event["actor_role"] or event["actor_kind"]
        table.add_row(
            f"{at:%H:%M:%S}", event["action"], event["to_state"], who, _said(event["payload"])
        )
    console.print(table)


def _said(payload: dict[str, Any]) -> str:
    """The words of an event that people understand."""
    wanted = ("reason", "note", "outcome", "cause_code", "distance_m", "rating", "result")
    return ", ".join(f"{name}: {payload[name]}" for name in wanted if payload.get(name) is not None)
