"""Refusals of the customer book."""

from app.core.i18n import Text
from app.core.problems import Problem


class CustomerNumberTaken(Problem):
    """The number belongs to another customer."""

    status = 409
    type = "customer-number-taken"
    title = Text("客户编号已存在", "The customer number is already taken")
    action = Text("请查找已有客户", "Look the customer up instead")


class FlagAlreadySet(Problem):
    """These premises carry the flag already."""

    status = 409
    type = "flag-already-set"
    title = Text("该标记已存在", "The flag is set already")
    action = Text("无需再次设置", "Nothing needs to be done")


class BuildingExists(Problem):
    """The community has a building, or the building premises, of this number."""

    status = 409
    type = "building-exists"
    title = Text("该楼栋或房屋已登记", "This building or room is registered already")
    action = Text("请使用已登记的记录", "Use the one that is registered")
