"""The summary that people read at the end, and one order's whole story."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from app.demo.accounting import Story
from app.demo.inputs import COMPANY_ZONE

CLOSED_AT_LEAST = 0.85
IN_FLIGHT_AT_MOST = 0.03
OSRM_AT_LEAST = 0.99
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
        "nothing was planned": report["planning"]["runs"] == 0,
        "no evidence file was verified": report["evidence"]["files"] == 0,
        "nobody earned anything": report["pay"]["points_total"] <= 0,
        f"only {report['routing']['sources'].get('osrm', 0):.1%} of legs are real roads": (
            roads and report["routing"]["sources"].get("osrm", 0) < OSRM_AT_LEAST
        ),
    }
    return [why for why, is_so in checks.items() if is_so]


def show_summary(console: Console, report: dict[str, Any]) -> None:
    """The report as a table."""
    table = Table(title="The day", title_justify="left", show_header=False)
    for section, figures in report.items():
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
