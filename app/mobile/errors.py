"""Refusals around phone commands."""

from typing import ClassVar

from app.core.i18n import Text
from app.core.problems import Problem


class CommandIdReused(Problem):
    """One command id, two different commands."""

    status = 409
    type = "command-id-reused"
    title = Text("命令编号已用于另一命令", "This command id belongs to another command")
    action = Text("请为新的命令使用新的 UUID", "Use a new UUID for a new command")


class CommandNotTried(Problem):
    """An earlier command of the batch met trouble of ours, so the order was kept."""

    status = 503
    type = "command-not-tried"
    title = Text(
        "前一命令未能处理，本命令未执行", "An earlier command failed, this one was not tried"
    )
    action = Text(
        "请按原顺序和原编号重新提交",
        "Send it again, after the earlier one, with the same id",
    )
    headers: ClassVar[dict[str, str]] = {"Retry-After": "2"}


class CommandIncomplete(Problem):
    """The kind of command needs more than was given; members: `missing`."""

    status = 422
    type = "command-incomplete"
    title = Text("命令缺少必要字段", "The command lacks what its kind needs")
    action = Text("请补充 missing 中的字段", "Add the fields that `missing` names")
