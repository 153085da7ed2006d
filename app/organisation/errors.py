"""Refusals of the organisation."""

from app.core.i18n import Text
from app.core.problems import Problem


class PlaceOutsideArea(Problem):
    """No station is responsible for this place; `hint` names swapped coordinates."""

    status = 422
    type = "place-outside-area"
    title = Text("位置不在任何站点的辖区内", "The place lies outside every station's area")
    action = Text(
        "请核对经纬度与坐标系（wgs84、gcj02、bd09）",
        "Check longitude, latitude and datum (wgs84, gcj02, bd09)",
    )


class AreaNotValid(Problem):
    """The polygon cannot be an area; `why` says what is wrong with it."""

    status = 422
    type = "area-not-valid"
    title = Text("辖区多边形无效", "The area is not a valid polygon")
    action = Text(
        "请提交不自交、经纬度合理的 Polygon 或 MultiPolygon",
        "Send a Polygon or MultiPolygon of lon/lat degrees that does not cross itself",
    )


class CodeTaken(Problem):
    """The code or number belongs to another."""

    status = 409
    type = "code-taken"
    title = Text("编号已被使用", "The code is already taken")
    action = Text("请换一个编号，或修改已有记录", "Choose another code, or change what holds it")


class UserIsTechnician(Problem):
    """This account already belongs to a technician."""

    status = 409
    type = "user-is-technician"
    title = Text("该账号已是维修员", "This account already belongs to a technician")
    action = Text("请选择其他账号", "Choose another account")


class TechnicianInactive(Problem):
    """A technician who no longer works cannot be planned."""

    status = 409
    type = "technician-inactive"
    title = Text("维修员已停用", "The technician is not active")
    action = Text("请选择在职维修员", "Choose an active technician")


class CrewHasLeader(Problem):
    """A crew has one leader."""

    status = 409
    type = "crew-has-leader"
    title = Text("班组已有组长", "The crew has a leader already")
    action = Text("请先结束现任组长的任期", "End the present leader's membership first")


class AlreadyCrewMember(Problem):
    """The technician is in this, or another standing, crew now."""

    status = 409
    type = "already-crew-member"
    title = Text("维修员已在班组中", "The technician is in a crew already")
    action = Text("请先结束现有班组成员关系", "End the present membership first")


class CrewNotFormed(Problem):
    """The persons named cannot form a joint crew."""

    status = 422
    type = "crew-not-formed"
    title = Text("无法组成联合班组", "These technicians cannot form a joint crew")
    action = Text(
        "至少两名在职维修员，组长须在其中",
        "Name at least two active technicians, the leader among them",
    )


class ShiftOverlaps(Problem):
    """A crew works one shift at a time; `shift_id` names the other."""

    status = 409
    type = "shift-overlaps"
    title = Text("班次时间重叠", "The shift overlaps another of this crew")
    action = Text("请调整起止时间", "Change its start or end")


class ShiftNotValid(Problem):
    """Its times cannot be meant."""

    status = 422
    type = "shift-not-valid"
    title = Text("班次时间无效", "The shift's times are not valid")
    action = Text(
        "结束须晚于开始、不超过 24 小时，休息须在班次内且不重叠",
        "End after start, at most 24 h; breaks inside the shift and apart from each other",
    )


class NoTechnician(Problem):
    """The caller signs in, but repairs nothing."""

    status = 409
    type = "no-technician"
    title = Text("当前账号不是维修员", "This account is no technician's")
    action = Text("请管理员登记维修员信息", "An administrator must register the technician")


class AlreadyClockedIn(Problem):
    """The technician is at work already; `since` says from when."""

    status = 409
    type = "already-clocked-in"
    title = Text("已经签到上班", "Already clocked in")
    action = Text("无需再次签到", "Nothing needs to be done")


class NotClockedIn(Problem):
    """A clock-out needs a clock-in."""

    status = 409
    type = "not-clocked-in"
    title = Text("尚未签到上班", "Not clocked in")
    action = Text("请先签到上班", "Clock in first")


class UnknownSkill(Problem):
    """No fault asks for this skill: most likely a slip of the pen."""

    status = 422
    type = "unknown-skill"
    title = Text("技能代码不存在", "There is no such skill")
    action = Text("请使用故障目录中的技能代码", "Use the skill codes of /catalogue/faults")
