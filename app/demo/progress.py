"""What people see while the morning runs: a live table, or plain lines where there is no screen."""

from datetime import datetime

from rich.console import Console
from rich.live import Live
from rich.table import Table

from app.core import clock
from app.demo.board import Board
from app.demo.inputs import COMPANY_ZONE, Inputs

STATES = (
    *("NEW", "SENT", "ACCEPTED", "ENROUTE", "ONSITE", "WORKING", "DONE", "REVISIT", "CLOSED"),
    *("HOLD", "RETURNED", "CANCELLED"),
)
_PLAIN_EVERY_S = 10.0


class Progress:
    """Shows the board until it is closed; use as a context manager."""

    def __init__(self, console: Console, inputs: Inputs, board: Board) -> None:
        self._console = console
        self._inputs = inputs
        self._board = board
        self._spoken = 0.0
        self._live = Live(console=console, refresh_per_second=2) if console.is_terminal else None

    def __enter__(self) -> "Progress":
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.update(self._table())
            self._live.stop()
        else:
            self._console.print(self._line(), soft_wrap=True)

    def show(self) -> None:
        """Bring the display up to date; plain lines come every ten seconds."""
        if self._live:
            self._live.update(self._table())
        elif clock.monotonic() - self._spoken >= _PLAIN_EVERY_S:
            self._spoken = clock.monotonic()
            self._console.print(self._line(), soft_wrap=True)

    def _business(self) -> datetime:
        return clock.now().astimezone(COMPANY_ZONE)

    def _line(self) -> str:
        states = self._board.by_state()
        shown = " ".join(f"{state}={states[state]}" for state in STATES if states[state])
        heads = " ".join(f"{name}={value}" for name, value in self._figures())
        return f"{self._business():%H:%M} {heads} | {shown}"

    def _figures(self) -> list[tuple[str, int]]:
        board, phones, pushes = self._board, self._board.phone_counts, self._board.push_counts
        return [
            ("calls", board.counts["calls"]),
            ("orders", len(board.orders)),
            ("urges", board.counts["urged"]),
            ("plans", board.counts["plans"]),
            ("pushes", pushes.get("accepted", 0)),
            ("lost", pushes.get("lost", 0)),
            ("commands", phones.get("commands_applied", 0)),
            ("files", phones.get("files_sent", 0)),
            ("reviews", board.counts["passed"] + board.counts["rejected"]),
            ("call-backs", board.counts["revisits"]),
        ]

    def _table(self) -> Table:
        table = Table(
            title=f"{self._inputs.city.name} {self._business():%Y-%m-%d %H:%M}",
            title_justify="left",
            show_header=False,
        )
        states = self._board.by_state()
        figures = self._figures()
        for row in range(max(len(STATES), len(figures))):
            state = STATES[row] if row < len(STATES) else ""
            count = states[state] if state else 0
            name, value = figures[row] if row < len(figures) else ("", 0)
            bar = "█" * min(40, count)
            table.add_row(state, str(count) if state else "", bar, name, str(value) if name else "")
        return table
