"""Refusals of the planning room."""

from app.core.i18n import Text
from app.core.problems import Problem


class NothingToPlan(Problem):
    """No active crew stands at the station or below it."""

    status = 409
    type = "nothing-to-plan"
    title = Text("该站点及下属站点没有班组", "Neither the station nor those below it have a crew")
    action = Text("请选择有班组的站点", "Choose a station that has crews")


class PlanRefused(Exception):
    """A plan broke a rule of its own problem: nothing of it was published."""

    def __init__(self, codes: list[str]) -> None:
        super().__init__(f"the plan broke its rules: {', '.join(codes)}")
        self.codes = codes


class SolverFailed(Exception):
    """The solving process died or ran over its time."""
