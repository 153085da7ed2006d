"""Refusals around pay, and what must never happen to it."""

from app.core.i18n import Text
from app.core.problems import Problem


class RateCardMissing(Problem):
    """No rate card covers the local day on which the work was done; members: `on`."""

    status = 409
    type = "rate-card-missing"
    title = Text("完工当日没有生效的计件价目", "No rate card is in force on the day of completion")
    action = Text(
        "请管理员为该日期载入价目（paigong migrate 可载入随附价目）后重试",
        "Have a rate card for that day loaded (`paigong migrate` loads ours), then retry",
    )


class JudgementUnusable(Problem):
    """The card of the day has no such grade of difficulty; members: `difficulty`, `card`."""

    status = 422
    type = "judgement-unusable"
    title = Text("价目中没有该难度等级", "The rate card has no such grade of difficulty")
    action = Text(
        "请改用当日价目 difficulty.factors 中的等级",
        "Use a grade of `difficulty.factors` of that day's rate card",
    )


class RateCardInvalid(ValueError):
    """A rate card whose rules cannot be applied; the message names the place."""


class EntryDiffers(RuntimeError):
    """The same order, rule, person and cause came again with other content: a fault of ours."""


class RateCardRefused(Problem):
    """A card that cannot be read, or cannot come into force; members: `faults` with lines."""

    status = 422
    type = "rate-card-refused"
    title = Text("计件价目不可用", "The rate card cannot be used")
    action = Text(
        "请按 detail 与 faults 逐行更正后重新导入",
        "Mend what `detail` and `faults` name, line by line",
    )


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
