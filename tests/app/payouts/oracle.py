"""The second evaluator: pay worked out from the rule text (DOMAIN section 5), in fractions.

It shares no code with the product, and no idea of how that is built: it keeps for each line what
is left of it, while the product works that out from the lines that refer to it.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta, timezone
from fractions import Fraction
from math import floor
from typing import Any

from tests.app.payouts.oracle_days import following, kind_of_day
from tests.app.payouts.oracle_sums import Line, sums_of, thing_of
from tests.app.payouts.oracle_ways import Ways

CST = timezone(timedelta(hours=8))


def up(value: Fraction) -> int:
    """A half goes up; away from zero below it."""
    return -up(-value) if value < 0 else floor(value + Fraction(1, 2))


class Oracle:
    """Hears the same steps; `lines` are what must stand in the ledger."""

    def __init__(
        self,
        cards: Iterable[tuple[date, date | None, dict[str, Any]]],
        kind_of_day: Callable[[str], str] = kind_of_day,
    ) -> None:
        self.cards, self.kind_of_day = list(cards), kind_of_day
        self.lines: list[Line] = []
        self.of_order: dict[str, list[Line]] = defaultdict(list)
        self.of_month: dict[tuple[str, str], list[Line]] = defaultdict(list)
        self.orders: dict[str, Mapping[str, Any]] = {}
        self.ways = Ways()
        self.decided: dict[str, str] = {}
        self.shut: set[str] = set()

    def hear(self, step: Mapping[str, Any]) -> None:
        getattr(self, "_" + step["do"])(step)

    def told(self) -> list[tuple[str, str, str, str, str, str, int]]:
        return [
            (
                *(line["person"], line["order"], line["kind"], line["rule"], line["month"]),
                f"{'-' if line['h'] < 0 else ''}{abs(line['h']) // 100}.{abs(line['h']) % 100:02d}",
                line["fen"],
            )
            for line in self.lines
        ]

    def _card(self, order: Mapping[str, Any]) -> dict[str, Any]:
        day = order["done"].astimezone(CST).date()
        for starts, ends, card in self.cards:
            if starts <= day and (ends is None or day < ends):
                return card
        raise LookupError(day)

    def _rate(self, card: Mapping[str, Any]) -> int:
        return 100 if card.get("unit") == "fen" else int(card["point_minor"])

    def _month(self, at: datetime, step: Mapping[str, Any] | None = None) -> str:
        """The open month of an instant; what an appeal decides says its own."""
        if step and "month" in step:
            return str(step["month"])
        month = at.astimezone(CST).strftime("%Y-%m")
        while month in self.shut:
            month = following(month)
        return month

    def _post(self, like: Line, h: int, fen: int, **said: Any) -> Line:
        line = {"person": like["person"], "order": like["order"], "h": h, "fen": fen, "about": None}
        line |= {"left_h": h, "left_fen": fen, "times": 0, "was": said["kind"]} | said
        self.lines.append(line)
        self.of_order[line["order"]].append(line)
        self.of_month[line["month"], line["person"]].append(line)
        return line

    # 5.1 to 5.4

    def _arrive(self, step: Mapping[str, Any]) -> None:
        self.ways.arrive(step)

    def _leave(self, step: Mapping[str, Any]) -> None:
        self.ways.leave(step)

    def _pass(self, order: Mapping[str, Any]) -> None:
        self.orders[order["order"]] = order
        card = self._card(order)
        whole = up(self._value(order, card) * 100)
        money = up(Fraction(whole, 100) * self._rate(card))
        helpers = sorted(set(order["shares"]) - {order["leader"]})
        share = {name: Fraction(part) for name, part in order["shares"].items()}
        h = {name: up(whole * share[name]) for name in helpers}
        if sum(h.values()) > whole:
            h = {name: floor(whole * share[name]) for name in helpers}
        fen = {name: up(Fraction(h[name] * self._rate(card), 100)) for name in helpers}
        if sum(fen.values()) > money:
            fen = {name: floor(Fraction(h[name] * self._rate(card), 100)) for name in helpers}
        h[order["leader"]] = whole - sum(h.values())
        fen[order["leader"]] = money - sum(fen.values())
        own_fault = self.decided.get(order["order"]) == "workmanship" and order.get("repeats")
        for name in h:
            barred = bool(own_fault) and name in self.orders[order["repeats"]]["shares"]
            self._post(
                {"person": name, "order": order["order"]},
                0 if barred else h[name],
                0 if barred else fen[name],
                kind="EARN",
                rule="piece",
                month=self._month(order["done"]),
            )

    def _value(self, order: Mapping[str, Any], card: Mapping[str, Any]) -> Fraction:
        way = self.ways.worth(order, card["distance"])
        if order.get("merged"):
            return Fraction(0)
        fault = order.get("fault", "H01")
        own = card.get("base", {}).get("faults", {}).get(fault)
        per = Fraction(card.get("base", {}).get("per_catalogue_point", 1))
        value = Fraction(own) if own is not None else Fraction(order["points"]) * per
        grade = order.get("difficulty") or card["difficulty"].get("faults", {}).get(fault, "normal")
        value *= Fraction(card["difficulty"]["factors"][grade])
        value *= self._hour(order, card["time"])
        value += way
        outcome = order.get("outcome", "fixed")
        part = Fraction(card["outcome_factors"][outcome])
        if outcome == "handed_over" and "handed_over" in order:
            part = Fraction(order["handed_over"])
        return value * part / (100 if card.get("unit") == "fen" else 1)

    def _hour(self, order: Mapping[str, Any], bands: Mapping[str, Any]) -> Fraction:
        at = order.get("started", order["done"]).astimezone(CST)
        factors = {Fraction(1)}
        if at.hour >= 22 or at.hour < 6:
            factors.add(Fraction(bands["night"]))
        kind = self.kind_of_day(at.date().isoformat())
        if kind != "workday":
            factors.add(Fraction(bands[kind]))
        return max(factors)

    # 5.5

    def _earned(self, order: str) -> list[Line]:
        return [x for x in self.of_order[order] if x["kind"] == "EARN"]

    def _added(self, step: Mapping[str, Any], rule: str, part: Any) -> None:
        rate = self._rate(self._card(self.orders[step["order"]]))
        for line in self._earned(step["order"]):
            if Fraction(part) and line["left_h"]:
                h = up(line["h"] * Fraction(part))
                fen = up(Fraction(h * rate, 100))
                self._post(line, h, fen, kind="BONUS", rule=rule, month=self._month(step["at"]))

    def _rate_step(self, step: Mapping[str, Any]) -> None:
        card = self._card(self.orders[step["order"]])
        self._added(step, "rating", card["bonuses"]["rating"].get(str(step["rating"]), 0))

    def _last(self, step: Mapping[str, Any]) -> None:
        card = self._card(self.orders[step["order"]])
        self._added(step, "first-time-fix", card["bonuses"]["first_time_fix"])

    def _deduct(self, step: Mapping[str, Any]) -> None:
        card = self._card(self.orders[step["order"]])
        own = [
            x
            for x in self.of_order[step["order"]]
            if x["person"] == step["person"] and x["kind"] != "CARRY"
        ]
        earned = next(x for x in own if x["kind"] == "EARN")
        h = up(earned["h"] * Fraction(card["deductions"][step["kind"]]))
        fen = up(Fraction(h * self._rate(card), 100))
        h = min(h, max(0, sum(x["h"] for x in own)))
        fen = min(fen, max(0, sum(x["fen"] for x in own)))
        rule = f"deduct-{step['kind']}"
        self._post(earned, -h, -fen, kind="DEDUCT", rule=rule, month=self._month(step["at"]))

    def _adjust(self, step: Mapping[str, Any]) -> None:
        card = self._card(self.orders[step["order"]])
        line = next(x for x in self._earned(step["order"]) if x["person"] == step["person"])
        h = up(Fraction(step["points"]) * 100)
        fen = up(Fraction(h * self._rate(card), 100))
        month = self._month(step["at"], step)
        self._post(line, h, fen, kind="ADJUST", rule="adjust", month=month)

    # 5.6

    def _attribute(self, step: Mapping[str, Any]) -> None:
        self.decided[step["order"]] = step["cause"]
        if step["cause"] != "workmanship":
            return
        people = self.orders[step["repeats"]]["shares"]
        for line in self.of_order[step["repeats"]] + self.of_order[step["order"]]:
            if line["person"] in people and line["kind"] not in ("REVERSE", "CARRY"):
                self._undo(line, self._month(step["at"]))

    def _undo(self, line: Line, month: str) -> None:
        if not line["left_h"] and not line["left_fen"]:
            return
        back = self._post(
            line,
            -line["left_h"],
            -line["left_fen"],
            kind="REVERSE",
            rule=f"reverse-{line['rule']}",
            month=month,
            about=line,
        )
        if line["kind"] == "REVERSE":  # undone itself: what it undid stands again
            line["about"]["left_h"] += back["h"]
            line["about"]["left_fen"] += back["fen"]
        line["left_h"] = line["left_fen"] = 0

    def _grant(self, step: Mapping[str, Any]) -> None:
        self._undo(self._find(step), self._month(step["at"], step))

    def _find(self, step: Mapping[str, Any]) -> Line:
        """A person's line of an order by its rule; `nth` from 0 when there are several."""
        key = (step["person"], step["rule"])
        lines = [x for x in self.of_order[step["order"]] if (x["person"], x["rule"]) == key]
        return lines[step.get("nth", 0)]

    # 5.8 and 5.9

    def _publish(self, step: Mapping[str, Any]) -> None:
        self.shut.add(step["month"])

    def _close(self, step: Mapping[str, Any]) -> None:
        month = step["month"]
        self.shut.add(month)
        waiting = {id(self._find(each)) for each in step.get("undecided", ())}
        last = {"done": datetime.fromisoformat(f"{month}-28T12:00:00+08:00")}
        limits = self._card(last)["limits"]
        for of, person in sorted(self.of_month):
            if of == month:
                mine = list(self.of_month[of, person])
                self._close_person(mine, month, waiting, limits)

    def _close_person(
        self, mine: list[Line], month: str, waiting: set[int], limits: Mapping[str, Any]
    ) -> None:
        left = []
        for lines in sums_of(mine):
            if any(id(thing_of(line)) in waiting for line in lines):
                for line in lines:
                    self._carry(line, line["h"], line["fen"], month, "carry-open", 0)
            else:
                left.append(lines)
        earned, besides, wanted = 0, 0, []
        for lines in left:
            line, h, fen = lines[0], sum(x["h"] for x in lines), sum(x["fen"] for x in lines)
            limited = {"DEDUCT", "REVERSE"} if limits["reversals_count"] else {"DEDUCT"}
            gives = line["kind"] in ("EARN", "BONUS")
            if gives or (line["rule"] == "carry-open" and line["fen"] > 0):
                earned += fen
            elif fen < 0 and line["was"] in limited:
                wanted.append((line, h, fen))
            else:
                besides += fen
        room = floor(Fraction(limits["deduction_share"]) * max(earned, 0))
        room = max(0, min(room, earned + besides - limits["minimum_pay_minor"]))
        for line, h, fen in wanted:
            over = max(0, -fen - room)
            room = max(0, room + fen)
            if over:
                points = up(Fraction(h * over, -fen))
                again = line["times"] < limits["carry_months"]
                rule = "carry-excess" if again else "carry-dropped"
                self._carry(line, points, -over, month, rule, line["times"] + 1)

    def _carry(self, line: Line, h: int, fen: int, month: str, rule: str, times: int) -> None:
        source = thing_of(line)
        said = {"kind": "CARRY", "rule": rule, "about": source, "times": times, "was": line["was"]}
        self._post(line, -h, -fen, month=month, **said)
        if rule == "carry-dropped":
            source["left_h"] -= h
            source["left_fen"] -= fen
        else:
            self._post(line, h, fen, month=following(month), **said)


def evaluate(
    cards: Iterable[tuple[date, date | None, dict[str, Any]]],
    steps: Iterable[Mapping[str, Any]],
    kind_of_day: Callable[[str], str] = kind_of_day,
) -> list[tuple[str, str, str, str, str, str, int]]:
    """Every line that the story must leave in the ledger, in the order in which they come."""
    oracle = Oracle(cards, kind_of_day)
    for step in steps:
        name = "rate_step" if step["do"] == "rate" else step["do"]
        getattr(oracle, "_" + name)(step)
    return oracle.told()
