"""Refusals around repair orders."""

from app.core.i18n import Text
from app.core.problems import Problem


class IllegalTransition(Problem):
    """The state does not allow it; members: `state`, `action`, `allowed`."""

    status = 409
    type = "illegal-transition"
    title = Text("工单当前状态不允许此操作", "The order's state does not allow this")
    action = Text(
        "请重新读取工单，并从 allowed 中选择操作",
        "Read the order again and choose one of `allowed`",
    )


class NotYourRole(Problem):
    """The transition belongs to other posts; members: `action`, `roles`."""

    status = 403
    type = "not-your-role"
    title = Text("您的岗位不能执行此操作", "Your post does not perform this action")
    action = Text("请由 roles 中的岗位执行", "Ask one of `roles` to do it")


class NotYours(Problem):
    """The order is with another crew, or with none."""

    status = 409
    type = "not-yours-any-more"
    title = Text("该工单已不属于您的班组", "The order is no longer with your crew")
    action = Text("请同步后查看最新任务", "Synchronise to see your current jobs")


class LeaderOnly(Problem):
    """Start, restoration and completion are the crew leader's."""

    status = 403
    type = "leader-only"
    title = Text("仅班组长可执行此操作", "Only the crew's leader does this")
    action = Text("请由班组长在其手机上操作", "Let the crew's leader do it on their phone")


class SafetyGateClosed(Problem):
    """Safety levels 3 and 4 need a guardian and the checklist; members: `missing`."""

    status = 409
    type = "safety-gate"
    title = Text("安全措施未确认，不能开工", "Safety measures are not confirmed")
    action = Text(
        "请指定监护人并逐项确认检查表", "Name a guardian of your crew and confirm the checklist"
    )


class CrewNotQualified(Problem):
    """The crew lacks skill, certificate, size or presence; members: `missing`."""

    status = 409
    type = "crew-not-qualified"
    title = Text("班组不具备条件", "The crew does not qualify")
    action = Text(
        "请选择其他班组或组建联合班组", "Choose another crew, or form a joint crew for this order"
    )


class CertificateExpired(Problem):
    """A certificate that the work needs has run out; members: `crew_id`, `missing`."""

    status = 409
    type = "certificate-expired"
    title = Text("所需资格证书已过期，不能接单", "A certificate that the work needs has run out")
    action = Text(
        "请联系调度改派持有效证书的班组", "Let the dispatcher send a crew with valid ones"
    )


class DuplicateReport(Problem):
    """An open order stands at the same premises for the same trouble; members: `order`, `urge`."""

    status = 409
    type = "duplicate-report"
    title = Text("该处已有同类未结工单", "An open order for this trouble exists here already")
    action = Text(
        "请催办原工单；确属新故障时以 force_new 并说明理由",
        "Urge the open order, or send force_new with a reason if it is new trouble",
    )


class CustomerElsewhere(Problem):
    """The customer does not hold these premises."""

    status = 422
    type = "customer-elsewhere"
    title = Text("该户址不属于此客户", "The customer does not hold these premises")
    action = Text(
        "请核对客户与户址，或不填 customer_id",
        "Check customer and premises, or leave customer_id out",
    )


class AppointmentInvalid(Problem):
    """A slot that is over, reversed or absurdly far."""

    status = 422
    type = "appointment-invalid"
    title = Text("预约时段无效", "The appointment slot is not valid")
    action = Text(
        "请选择未来 60 天内的时段", "Choose a slot that ends in the future, within 60 days"
    )


class DangerIsNotBooked(Problem):
    """E1 and E2 are served at once, not by appointment (DOMAIN section 6)."""

    status = 409
    type = "danger-not-bookable"
    title = Text("紧急工单不能改约", "A danger order cannot be rebooked")
    action = Text(
        "请尽快上门；确需等待时申请挂起", "Serve it now, or ask for a hold with its reason"
    )


class LimitReached(Problem):
    """Two transfers or two rebookings are the most (DOMAIN section 6); members: `limit`."""

    status = 409
    type = "limit-reached"
    title = Text("次数已达上限", "The number allowed has been reached")
    action = Text("请交由协调员处理", "Hand the order to the coordinator")


class NotMergeable(Problem):
    """These two orders do not go together; member: `why`."""

    status = 409
    type = "not-mergeable"
    title = Text("两张工单不能合并", "These two orders cannot be merged")
    action = Text(
        "请选择同专业、尚未审核的主工单；危险工单只能并入危险工单",
        "Choose an open order of the same trade, danger only into danger, none that is merged",
    )


class ApprovalPending(Problem):
    """Another request on this order waits for a decision."""

    status = 409
    type = "approval-pending"
    title = Text("该工单已有待批申请", "A request on this order already waits for approval")
    action = Text("请先处理待批申请", "Decide the pending request first")


class NoPendingApproval(Problem):
    """It was decided already."""

    status = 409
    type = "approval-decided"
    title = Text("该申请已处理", "This request was decided already")
    action = Text("请重新读取申请", "Read the request again")


class SelfApproval(Problem):
    """The second of two persons must be another."""

    status = 403
    type = "self-approval"
    title = Text("不能审批自己的申请", "You cannot approve your own request")
    action = Text("请由另一位有权人员审批", "Ask somebody else with this permission")


class EmergencyNotRefusable(Problem):
    """Danger orders are not refused by the crew (DOMAIN section 6)."""

    status = 409
    type = "emergency-not-refusable"
    title = Text("紧急工单不能自行拒单", "A danger order cannot be refused by the crew")
    action = Text("请联系班长改派", "Call the dispatcher, who can reassign it")


class HoldProofMissing(Problem):
    """Each reason for a hold needs its proof; members: `needs`, `reason`."""

    status = 422
    type = "hold-proof-missing"
    title = Text("缺少挂起凭证", "The hold lacks its proof")
    action = Text(
        "请按 needs 提供凭证种类与编号：短信、签字、领料单、许可编号、移交单或预警编号",
        "Send `proof` of the kind in `needs` with the number under which it is found",
    )


class HoldTooLong(Problem):
    """Longer than the reason allows in all; members: `longest_s`, `latest`."""

    status = 422
    type = "hold-too-long"
    title = Text("挂起时间超过该原因的上限", "The hold is longer than its reason allows")
    action = Text("请将 until 提前至 latest 之前", "Let `until` be no later than `latest`")


class DutyAnswered(Problem):
    """Somebody replied already; members: `answered_at`."""

    status = 409
    type = "reply-given"
    title = Text("该催办或督办已答复", "A reply was given already")
    action = Text("请重新读取", "Read it again")
