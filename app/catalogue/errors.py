"""Refusals of the catalogue."""

from app.core.i18n import Text
from app.core.problems import Problem


class UnknownFaultCode(Problem):
    """No fault of this code is in force."""

    status = 422
    type = "unknown-fault-code"
    title = Text("故障代码不存在", "There is no such fault code")
    action = Text("请从 /catalogue/faults 中选择", "Choose one from /catalogue/faults")


class UnknownCauseCode(Problem):
    """No cause of this code is in force."""

    status = 422
    type = "unknown-cause-code"
    title = Text("原因代码不存在", "There is no such cause code")
    action = Text("请从 /catalogue/causes 中选择", "Choose one from /catalogue/causes")


class CatalogueMissing(Problem):
    """Nothing has been loaded: the installation is not finished."""

    status = 503
    type = "catalogue-missing"
    title = Text("尚未装载故障目录或时限方案", "No catalogue or service limits are loaded")
    action = Text("请管理员运行 paigong migrate", "An administrator must run `paigong migrate`")


class UnknownProfile(Problem):
    """No profile of this name is on record."""

    status = 404
    type = "unknown-profile"
    title = Text("时限方案不存在", "There is no such profile of limits")
    action = Text(
        "请从 /catalogue/service-profiles 中选择", "Choose one from /catalogue/service-profiles"
    )


class PolicyInvalid(ValueError):
    """A service policy whose rules cannot be applied; the message names the place."""


class ProfileInvalid(ValueError):
    """A profile of limits that cannot be added; the message names the line."""


class HolidaysUnknown(Problem):
    """Nobody has said which days of the year are holidays; members: `year`, `file`."""

    status = 409
    type = "holidays-unknown"
    title = Text("该年节假日安排未知", "The holidays of that year are not known")
    action = Text(
        "请在 PAIGONG_HOLIDAYS_FILE 指定的 TOML 文件中写入该年节假日与调休安排后重试",
        "Write that year's holidays and make-up days into the TOML file named by"
        " PAIGONG_HOLIDAYS_FILE, then retry",
    )


class HolidaysInvalid(ValueError):
    """A file of holidays that cannot be read; the message names the place."""
