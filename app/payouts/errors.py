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


class RateCardInvalid(ValueError):
    """A rate card whose rules cannot be applied; the message names the place."""


class EntryDiffers(RuntimeError):
    """The same order, rule, person and cause came again with other content: a fault of ours."""
