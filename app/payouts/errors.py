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


class MonthNotReady(Problem):
    """A step of a month's closing that cannot be taken yet; members: `why`, `state`."""

    status = 409
    type = "month-not-ready"
    title = Text("该月尚不能进入此步骤", "The month is not ready for this step")
    action = Text(
        "请按 草稿、公示、锁定、结算 的顺序，并等前一步期满",
        "Take the steps in order - draft, published, locked, settled - when their time has come",
    )


class OwnCase(Problem):
    """Nobody decides on their own pay, or on work that they took part in."""

    status = 403
    type = "own-case"
    title = Text("不能决定与本人有关的计件事项", "Nobody decides on their own pay")
    action = Text("请由未参与的人员决定", "Leave it to somebody who took no part")


class SamePerson(Problem):
    """The second of two people is another one."""

    status = 403
    type = "same-person"
    title = Text("须由另一人决定", "Somebody else must decide")
    action = Text("请由另一位有权人员决定", "Leave it to another person who may decide")


class DecidedAlready(Problem):
    """What was decided stays; whoever disagrees appeals."""

    status = 409
    type = "decided-already"
    title = Text("该事项已有决定", "It is decided already")
    action = Text("无需重复决定", "Leave it as it is")


class NothingEarned(Problem):
    """The order pays this person nothing that could be changed."""

    status = 409
    type = "nothing-earned"
    title = Text("该工单没有此人的计件", "The order has paid this person nothing")
    action = Text("请核对工单与人员", "Check the order and the person")


class AppealRefused(Problem):
    """An entry that cannot be contested now; members: `why`."""

    status = 409
    type = "appeal-not-possible"
    title = Text("目前不能申诉", "It cannot be contested now")
    action = Text(
        "仅可在公示期内对本人已公示的计件申诉一次",
        "Contest an own published line once, in its time",
    )
