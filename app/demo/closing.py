"""After the morning: what happened, one order's story, the books checked, then on with serving."""

import asyncio
import json
import signal
from pathlib import Path
from typing import Any

from rich.console import Console

from app.demo.accounting import (
    Story,
    arrival_figures,
    evidence_figures,
    order_figures,
    read_stories,
)
from app.demo.board import Board
from app.demo.founding import ADMIN, Company
from app.demo.inputs import Inputs
from app.demo.mileage import drive_figures, learning_figures, until_matched
from app.demo.month import FOLDER, MonthEnd, books_checked
from app.demo.opening import House
from app.demo.options import DemoOptions
from app.demo.planning import planning_figures
from app.demo.promises import promise_figures
from app.demo.sabotage import corrupt
from app.demo.service import service_level_figures, word_figures
from app.demo.summary import (
    missed,
    most_telling,
    show_open_orders,
    show_service,
    show_summary,
    show_timeline,
    show_walk,
)

_SHOWN_DIFFERENCES = 8
_SHOWN_LOGINS = (ADMIN, "manager", "dispatcher", "agent1", "reviewer1", "revisitor1", "tech01")


class Closing:
    """The end of one demo."""

    def __init__(
        self, options: DemoOptions, console: Console, house: House, company: Company, board: Board
    ) -> None:
        self.options, self.console, self.house = options, console, house
        self.company, self.board = company, board

    async def account(self, inputs: Inputs, database_url: str) -> int:
        """Print and write the figures, serve on unless asked to end; the exit status."""
        if self.options.has_roads() and self.options.shorten == 1:
            await until_matched(self.board.driven)
        stories = await read_stories(self.company.as_("manager"))
        report = await self._report(inputs, stories)
        show_service(self.console, report)
        show_open_orders(self.console, stories)
        if story := most_telling(stories):
            show_timeline(self.console, story)
        report["month"] = month = await self._close_month(f"{inputs.opens_at:%Y-%m}")
        month["books"], (_, report["verify"]) = await asyncio.gather(
            books_checked(self.house), self._verify()
        )
        show_summary(self.console, report)
        failures = missed(
            report, roads=self.options.has_roads(), pushes_lost=self.options.push_loss >= 1
        )
        if self.options.sabotage:
            failures += await self._sabotage(report, database_url)
        self._write(report | {"failures": failures})
        for failure in failures:
            self.console.print(f"FAILED: {failure}", markup=False)
        if not self.options.once:
            await self.house.start_workers()
            await self._serve_on()
        return 1 if failures else 0

    async def _report(self, inputs: Inputs, stories: list[Story]) -> dict[str, Any]:
        manager = self.company.as_("manager")
        planning, routing = await planning_figures(manager)
        month = f"{inputs.opens_at:%Y-%m}"
        pay = (await manager.get("/payouts/summary", month=month))["totals"]["total"]
        busy_min = sum(story.crew_seconds() for story in stories) / 60
        return {
            "inputs_sha256": inputs.inputs_sha256,
            "orders": order_figures(stories, self.board.counts["posted"]),
            "arrival": arrival_figures(stories),
            "planning": planning,
            "routing": routing,
            **await self._travel(inputs, stories),
            **await word_figures(
                manager, self.house.push_url, self.board.phone_counts.get("pushes_heard", 0)
            ),
            "service_levels": await service_level_figures(manager, inputs.opens_at.date()),
            "evidence": evidence_figures(stories),
            "pay": {
                "points_total": float(pay["points"]),
                "amount_minor": pay["amount_minor"],
                "entries": pay["entries"],
            },
            "utilisation": {
                "planned": inputs.load.utilisation,
                "driven_and_worked": round(busy_min / inputs.load.available_min, 4),
                "mean_work_min": inputs.load.mean_work_min,
            },
            "desk": dict(sorted(self.board.counts.items())),
            "phones": self.board.phone_counts,
        }

    async def _close_month(self, month: str) -> dict[str, Any]:
        """Three weeks later: the month is closed, and a photo of it looked at."""
        self.console.print(f"the office closes {month}: draft, appeal, lock, settlement")
        ended = MonthEnd(self.house, self.company, month)
        told = await ended.closed(self.options.folder / FOLDER)
        show_walk(self.console, told["walk"])
        return told

    async def _travel(self, inputs: Inputs, stories: list[Story]) -> dict[str, Any]:
        """Simulated, as their names say: nobody drove, and nothing here was measured outside."""
        events = {story.order["id"]: story.events for story in stories}
        figures: dict[str, Any] = {
            "promises_simulated": promise_figures(self.board.promises, events)
        }
        if self.options.has_roads():
            day, driven = inputs.opens_at.date(), self.board.driven
            figures["drives_simulated"] = await drive_figures(
                self.company.as_("manager"), self.company.crews, day, driven
            )
            figures["learning_simulated"] = await learning_figures(
                self.house.children, self.house.maps_dir, self.options.seed, driven
            )
        return figures

    async def _verify(self) -> tuple[int, dict[str, int]]:
        """Run `paigong verify`; its exit status and how many differences it found."""
        status, printed = await self.house.children.attempt("verify", "app.cli", "verify", "--json")
        lines = [line for line in printed.splitlines() if line.startswith("[")]
        differences = json.loads(lines[-1]) if lines else []
        for each in differences[:_SHOWN_DIFFERENCES]:
            self.console.print(f"verify: {each}", markup=False)
        if status and not differences:
            differences = [{"check": "verify", "subject": f"ended with status {status}"}]
        return status, {"differences": len(differences)}

    async def _sabotage(self, report: dict[str, Any], database_url: str) -> list[str]:
        """Corrupt the day; that `verify` finds it is what this demo is to show."""
        kind = self.options.sabotage
        assert kind is not None
        damage = await asyncio.to_thread(corrupt, kind, database_url, self.options.folder)
        self.console.print(f"SABOTAGE {kind}: {damage.sentence}", markup=False)
        status, report["verify"] = await self._verify()
        report["verify"]["sabotage"] = kind
        found = status != 0 and report["verify"]["differences"] > 0
        self.console.print(
            f"verify after the sabotage: {report['verify']['differences']} differences,"
            f" exit status {status}: {'found' if found else 'NOT FOUND'}"
        )
        return [] if found else [f"verify did not find the sabotage {kind}"]

    def _write(self, report: dict[str, Any]) -> None:
        if self.options.report:
            path = Path(self.options.report)
            path.parent.mkdir(parents=True, exist_ok=True)
            text = json.dumps(report, ensure_ascii=False, indent=1)
            path.write_text(text + "\n", "utf-8")
            self.console.print(f"report written to {path}")

    async def _serve_on(self) -> None:
        """Print where to look and serve until somebody presses Ctrl-C."""
        self.console.print(f"API: {self.house.api_url}/docs  (OpenAPI: /openapi.json)")
        self.console.print(f"push server: {self.house.push_url}/counts")
        for username in _SHOWN_LOGINS:
            self.console.print(
                f"  login {username} / {self.company.passwords[username]}", markup=False
            )
        self.console.print(f"all logins: {self.options.folder / 'logins.json'}; end with Ctrl-C")
        await self._until_interrupted()

    async def _until_interrupted(self) -> None:
        """Serve until Ctrl-C or an end by the system; raises ProcessFailed when a process ends."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        waiting = [asyncio.create_task(stop.wait()), asyncio.create_task(self.house.watch())]
        done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        for task in done:
            task.result()
