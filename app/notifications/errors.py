"""Refusals around push addresses."""

from app.core.i18n import Text
from app.core.problems import Problem


class NoDevice(Problem):
    """The sign-in names no device, so nothing can be tied to one."""

    status = 409
    type = "no-device"
    title = Text("本次登录未绑定设备", "This sign-in is bound to no device")
    action = Text(
        "请在手机应用中带设备信息重新登录", "Sign in again from the phone with its device id"
    )


class LadderInvalid(Problem):
    """A file of ladders says what no ladder can be."""

    status = 422
    type = "ladder-invalid"
    title = Text("通知升级规则无效", "The notification ladders are not valid")
    action = Text(
        "请按说明修改规则文件后重新提交", "Correct the file as the detail says and load it again"
    )


class LinkEnded(Problem):
    """The visit is over or another crew comes, the rating was given, or the link's time is up."""

    status = 410
    type = "link-ended"
    title = Text("链接已失效", "This link has ended")
    action = Text("如需帮助请致电客服", "Call customer service if you need help")


class AlarmNotRed(Problem):
    """The job is not on the red list, or no longer; members: `ended`."""

    status = 409
    type = "alarm-not-red"
    title = Text("该任务不在未响应清单中", "The job is not on the list of unheard jobs")
    action = Text("请刷新清单", "Read the list again")
