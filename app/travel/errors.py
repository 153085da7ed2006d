"""Refusals of the travel room."""

from app.core.i18n import Text
from app.core.problems import Problem


class NoCrewYet(Problem):
    """No crew holds the order, so nobody is on the way; members: `state`."""

    status = 409
    type = "no-crew-yet"
    title = Text("该工单尚无班组前往", "No crew is on its way to this order yet")
    action = Text(
        "请先派单，或在排程（plan）中查看计划到达时间",
        "Dispatch the order, or read the planned arrival from its `plan`",
    )


class NothingToAwait(Problem):
    """The crew is there, or the order is over; members: `state`."""

    status = 409
    type = "nothing-to-await"
    title = Text("班组已到场或工单已结束", "The crew has arrived, or the order is over")
    action = Text(
        "请在时间线（timeline）中查看实际到达时间", "Read the arrival from its `timeline`"
    )


class CrewPlaceUnknown(Problem):
    """Neither the crew nor its station has a known place; members: `crew_id`."""

    status = 409
    type = "crew-place-unknown"
    title = Text("无法得知班组位置", "Nobody knows where the crew is")
    action = Text(
        "请为班组所属站点设置位置，或请班组打开定位",
        "Give the crew's station a place, or ask the crew to switch on positioning",
    )
