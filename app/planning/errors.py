"""Refusals of the planning room."""

from app.core.i18n import Text
from app.core.problems import Problem


class NothingToPlan(Problem):
    """No active crew stands at the station or below it."""

    status = 409
    type = "nothing-to-plan"
    title = Text("该站点及下属站点没有班组", "Neither the station nor those below it have a crew")
    action = Text("请选择有班组的站点", "Choose a station that has crews")


class PlanTooLarge(Problem):
    """One station has more orders or crews than a problem takes."""

    status = 409
    type = "plan-too-large"
    title = Text("单个站点的工单或班组过多", "Too many orders or crews at one station")
    action = Text(
        "请把该站点划分为几个下属站点：下属站点会逐个排程，相邻站点之间互借班组",
        "Divide the station: those below are planned in steps, and neighbours share their crews",
    )


class DangerTakesNoSlot(Problem):
    """E1 and E2 are served at once, not by appointment (DOMAIN section 6)."""

    status = 409
    type = "danger-takes-no-slot"
    title = Text("紧急报修不预约时段", "Danger is served at once, not by appointment")
    action = Text("请立即建单，系统马上派工", "Take the order now: it is dispatched at once")


class NoSlotToPrice(Problem):
    """No slot of the days that were asked for lies ahead."""

    status = 409
    type = "no-slot-to-price"
    title = Text("所选日期没有可预约时段", "No slot of these days lies ahead")
    action = Text(
        "请选择今天起七天内的日期，或直接给出时段",
        "Choose days from today to a week ahead, or give the slots themselves",
    )


class PlanNotKept(Problem):
    """The run's problem is not kept (any more), so its plan cannot be priced again."""

    status = 409
    type = "plan-not-kept"
    title = Text("该次排程的数据已不保留", "What this run was asked is kept no more")
    action = Text(
        "只保留每站最近几次排程；请重新排程后再比较",
        "Only the last runs of a station are kept: plan again, then compare",
    )


class PlanRefused(Exception):
    """A plan broke a rule of its own problem: nothing of it was published."""

    def __init__(self, codes: list[str]) -> None:
        super().__init__(f"the plan broke its rules: {', '.join(codes)}")
        self.codes = codes


class SolverFailed(Exception):
    """The solving process died or ran over its time."""
