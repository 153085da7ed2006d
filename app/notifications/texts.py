"""The sentences that people hear: one job, or a burst of them in one sentence."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.core.i18n import Language, Text
from app.notifications.policy import (
    CHANGED,
    ESCALATED,
    NEW,
    REJECTED,
    SUPERVISED,
    UNHEARD,
    URGED,
    WITHDRAWN,
)

SEVERAL = "several"
"""The kind of a message that tells of different things at once."""

_ONE: dict[str, Text] = {
    NEW: Text("新任务{where}：{fault}（{grade}），请接单", "New job{where}: {fault} ({grade})"),
    CHANGED: Text("任务有变动{where}：{fault}", "Job changed{where}: {fault}"),
    WITHDRAWN: Text("任务已撤回{where}，请勿前往", "Job withdrawn{where}: do not go there"),
    URGED: Text("客户催办{where}：{fault}", "Customer urges{where}: {fault}"),
    REJECTED: Text("审核退回{where}：{fault}", "Sent back by review{where}: {fault}"),
    SUPERVISED: Text(
        "督办任务{where}：{fault}（{grade}），请限时回复",
        "Supervised{where}: {fault} ({grade}), a reply is owed",
    ),
    ESCALATED: Text(
        "审批超时{where}：{fault}（{grade}），请处理",
        "A request waits undecided{where}: {fault} ({grade})",
    ),
    UNHEARD: Text(
        "{crew}未响应任务{where}：{fault}（{grade}），请处理",
        "Crew {crew} does not answer{where}: {fault} ({grade})",
    ),
}
_MANY: dict[str, Text] = {
    NEW: Text("{where}有{n}个新任务，请接单", "{n} new jobs{where}"),
    CHANGED: Text("{where}有{n}个任务变动", "{n} jobs changed{where}"),
    WITHDRAWN: Text("{where}有{n}个任务已撤回，请勿前往", "{n} jobs withdrawn{where}"),
    URGED: Text("{where}有{n}个客户催办", "{n} customers urge{where}"),
    REJECTED: Text("{where}有{n}个任务被审核退回", "{n} jobs sent back by review{where}"),
    SUPERVISED: Text("{where}有{n}个督办任务，请限时回复", "{n} supervised jobs{where}"),
    ESCALATED: Text("{where}有{n}个审批超时，请处理", "{n} requests wait undecided{where}"),
    UNHEARD: Text("{where}有{n}个任务无人响应，请处理", "{n} jobs unanswered{where}"),
    SEVERAL: Text("{where}有{n}条任务消息", "{n} messages about jobs{where}"),
}


@dataclass(frozen=True, slots=True)
class JobTold:
    """What a sentence may say of a job: never a customer's name or number."""

    kind: str
    building: str | None
    """`锦绣家园3号楼`; None when the order has no known building."""
    fault: Text
    grade: str
    crew: str = ""


def kind_of(jobs: Sequence[JobTold]) -> str:
    """The kind that all share, else `several`."""
    kinds = {job.kind for job in jobs}
    return kinds.pop() if len(kinds) == 1 else SEVERAL


def sentence(jobs: Sequence[JobTold], language: Language) -> str:
    """One sentence for one job or for a burst; names the building that all share."""
    buildings = {job.building for job in jobs}
    building = buildings.pop() if len(buildings) == 1 else None
    if len(jobs) == 1:
        job = jobs[0]
        return (
            _ONE[job.kind]
            .of(language)
            .format(
                where=_where(building, language, alone=True),
                fault=job.fault.of(language),
                grade=job.grade,
                crew=job.crew,
            )
        )
    where = _where(building, language, alone=False)
    return _MANY[kind_of(jobs)].of(language).format(n=len(jobs), where=where)


def _where(building: str | None, language: Language, *, alone: bool) -> str:
    if language == "en":
        return f" in {building}" if building else ""
    if alone:
        return f"（{building}）" if building else ""
    return building or "您"


def template_values(jobs: Sequence[JobTold], language: Language) -> dict[str, str]:
    """What a text or voice template has places for; gateways allow templates only, no free text."""
    buildings = {job.building for job in jobs}
    building = buildings.pop() if len(buildings) == 1 else None
    first = jobs[0]
    return {
        "count": str(len(jobs)),
        "building": building or "",
        "fault": first.fault.of(language) if len(jobs) == 1 else "",
        "grade": min(job.grade for job in jobs),
        "crew": first.crew,
    }
