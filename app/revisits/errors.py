"""Refusals around call-backs."""

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
