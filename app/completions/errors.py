"""Refusals around completion records and their review."""

from app.core.i18n import Text
from app.core.problems import Problem


class SharesInvalid(Problem):
    """Shares that do not divide the work among the crew; members: `why`."""

    status = 422
    type = "shares-invalid"
    title = Text("分成比例有误", "The shares do not divide the work")
    action = Text(
        "请为班组每位成员填写比例，合计须恰为 1",
        "Give every member of the crew a share; together they make exactly 1",
    )


class RecordIncomplete(Problem):
    """The fault demands more than the record tells.

    Members: `readings` missing, `permit`, `arrival_photo`.
    """

    status = 409
    type = "record-incomplete"
    title = Text("完工记录不完整", "The completion record is incomplete")
    action = Text(
        "请补充 readings 中的读数；需许可的作业须先终结工作票；到场未获验证时须附到场照片（A）",
        "Add the readings named; close the permit first where one is demanded; an arrival that"
        " nothing proved wants a photo (A)",
    )


class ReviewerWorkedOnOrder(Problem):
    """Nobody reviews work of a crew that they were in."""

    status = 403
    type = "reviewer-worked-on-order"
    title = Text("不能审核本人参与的工单", "You worked on this order and cannot review it")
    action = Text("请由未参与该工单的审核员审核", "Leave it to a reviewer who took no part")


class RecordSuperseded(Problem):
    """A later record stands in its place; members: `latest`."""

    status = 409
    type = "record-superseded"
    title = Text("该完工记录已被新的记录替代", "A later record has taken this one's place")
    action = Text("请审核 latest 指出的记录", "Review the record named by `latest`")


class ReviewReasonMissing(Problem):
    """A crew must learn why its record was rejected."""

    status = 422
    type = "review-reason-missing"
    title = Text("驳回须说明原因", "A rejection needs a reason")
    action = Text("请填写 reason", "Send `reason`")


class SharesNotAgreed(Problem):
    """Another split than the usual one wants everybody's word; member: `technicians`."""

    status = 409
    type = "shares-not-agreed"
    title = Text("分成比例尚未全部确认", "Not everybody has agreed to the shares")
    action = Text(
        "请相关人员在手机上确认分成，或退回改为默认比例",
        "Let them agree on their phones, or send the record back for the usual split",
    )
