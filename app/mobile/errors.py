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


class EarlierCommandsMissing(Problem):
    """Commands before this one never came, and none overtakes an earlier; members: `expected`."""

    status = 409
    type = "earlier-commands-missing"
    title = Text("之前的命令尚未送达", "Earlier commands have not come")
    action = Text(
        "请从 expected 起按序补交；确已丢失的编号写入 lost",
        "Send them from `expected` on; name in `lost` the numbers under which there is nothing",
    )


class RecordStands(Problem):
    """A colleague's record says otherwise, and only one can; members: `fields`."""

    status = 409
    type = "record-stands"
    title = Text("完工记录已存在且内容不一致", "A completion record stands and says something else")
    action = Text(
        "其余内容已并入；fields 中的差异由站长裁定",
        "The rest has joined it; the station chief decides on `fields`",
    )


class AlreadyResolved(Problem):
    """Somebody has decided on this conflict."""

    status = 409
    type = "conflict-resolved"
    title = Text("该冲突已处理", "This conflict was decided already")
    action = Text("请重新读取冲突", "Read the conflict again")


class NothingToSplit(Problem):
    """None of the fields was said; members: `said`."""

    status = 422
    type = "nothing-to-split"
    title = Text("没有可并入的内容", "Nothing that could join the record")
    action = Text("请从 said 中选择 fields", "Choose `fields` among `said`")


class CommandOutdated(Problem):
    """The command is of a shape that is not understood any more; members: `fields`."""

    status = 409
    type = "command-outdated"
    title = Text(
        "该命令出自旧版本，无法代为执行", "The command is of an older version and cannot be applied"
    )
    action = Text(
        "请选择保留现状或拆分并入；需要时由调度补办",
        "Decide keep or split; what is needed besides the desk does itself",
    )
