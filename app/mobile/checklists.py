"""What a leader confirms before work that is dangerous; reminders, never a proof of safety.

DOMAIN section 6, safety for power: software never states that measures are sufficient.
"""

from app.core.i18n import Text

Points = tuple[Text, ...]

PERSONAL: Points = (
    Text("个人防护用品已穿戴并检查", "Protective equipment is worn and was checked"),
    Text("现场已围护，无关人员已离开", "The place is fenced off and others have left"),
)
POWER: Points = (
    Text("已停电", "Switched off"),
    Text("已验电", "Tested dead"),
    Text("已装设接地线", "Earthed"),
    Text("已悬挂标示牌、装设遮栏", "Signs and barriers are up"),
)
HEAT: Points = (
    Text("相关阀门已关闭并挂牌", "The valves are shut and tagged"),
    Text("管段已泄压，无烫伤危险", "The section is without pressure and cannot scald"),
)
GUARDED: Points = (Text("监护人已到位并知晓职责", "The guardian is in place and knows the task"),)
PERMITTED: Points = (
    Text("工作票或紧急抢修单已许可", "The work permit or emergency repair sheet is granted"),
)


def checklist(domain: str, safety_level: int) -> Points:
    """Points to confirm for a level of DOMAIN section 4: none at 1, more at each higher one."""
    if safety_level < 2:
        return ()
    points = PERSONAL
    if safety_level >= 3:
        points += (POWER if domain == "power" else HEAT) + GUARDED
    if safety_level >= 4:
        points += PERMITTED
    return points
