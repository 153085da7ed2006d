"""Refusals around call-backs and reworks."""

from app.core.i18n import Text
from app.core.problems import Problem


class RevisitContradicts(Problem):
    """An answer without a conversation, or a conversation without an answer; members: `why`."""

    status = 422
    type = "revisit-contradicts"
    title = Text("回访内容自相矛盾", "The call-back contradicts itself")
    action = Text(
        "接通时须填写 solved；未接通时不得填写 solved 与 rating",
        "Send `solved` when the customer was reached; neither `solved` nor `rating` when not",
    )


class AlreadyAttributed(Problem):
    """The cause of a rework is decided once; who disagrees appeals; members: `cause`."""

    status = 409
    type = "already-attributed"
    title = Text("返工责任已认定", "The cause of this rework is decided already")
    action = Text("如有异议，请由当事人在公示期内申诉", "Leave it; whoever it concerns may appeal")


class AttributesOwnWork(Problem):
    """Nobody decides on work of a crew that they were in."""

    status = 403
    type = "attributes-own-work"
    title = Text("不能认定本人参与工单的返工责任", "You worked on one of these orders")
    action = Text("请由未参与的审核员认定", "Leave it to a reviewer who took no part")


class CallsBackOwnWork(Problem):
    """Whoever worked on an order does not ask its customer whether the work was good."""

    status = 403
    type = "calls-back-own-work"
    title = Text("不能回访本人参与的工单", "You worked on this order")
    action = Text("请由未参与的人员回访", "Leave the call-back to somebody who took no part")
