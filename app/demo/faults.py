"""What breaks on the demo's winter morning: a slice of the fault catalogue with its shares.

Minutes, skills and service classes are those of DOMAIN 4; the shares are the demo's own.
"""

from dataclasses import dataclass
from typing import Literal

ServiceClass = Literal["E1", "E2", "H3", "H4", "C5"]
LARGEST_CREW = 2


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault code as the demo's people meet it."""

    code: str
    minutes: int
    needs: dict[str, int]
    """Skill to number of people who must hold it."""
    service_class: ServiceClass
    share: float
    """Weight in the mix; the absolute size means nothing."""
    evidence: str
    """Evidence letters of DOMAIN 4 beyond A and F."""
    causes: tuple[str, ...]
    descriptions: tuple[str, ...]

    @property
    def people(self) -> int:
        """How many people must be there."""
        return sum(self.needs.values())

    @property
    def crews_needed(self) -> int:
        """Two when no crew of the roster is large enough: a joint crew must be formed."""
        return 2 if self.people > LARGEST_CREW else 1


_HEAT = ("balancing", "equipment_age", "no_fault_found")
_LEAK = ("equipment_age", "part", "user_action")
_POWER = ("equipment_age", "user_action", "part")

FAULTS: tuple[Fault, ...] = (
    Fault("H01", 60, {"HB": 1}, "H3", 7.5, "BRTG", _HEAT,
          ("全屋暖气从昨晚开始不热", "家里都不热，邻居家正常", "停了一夜，全户不热，有老人")),
    Fault("H02", 30, {"HP1": 1}, "H3", 12.0, "BRG", _HEAT,
          ("主卧一组暖气片不热，其他正常", "客厅那组片子上半截是凉的", "北屋暖气片只有进水管热")),
    Fault("H03", 60, {"HB": 1}, "H3", 7.5, "RTG", _HEAT,
          ("室温只有十五六度，不达标", "客厅测了十六度，要求上门", "白天还行，早上室温不到十七度")),
    Fault("H04", 20, {"HP1": 1}, "H3", 11.0, "BTG", ("balancing", "user_action"),
          ("暖气片里有水流声，上面不热", "刚供上水，片子里有气，请来放气")),
    Fault("H05", 40, {"HP1": 1}, "H3", 6.0, "BTG", ("part", "equipment_age"),
          ("去年清过过滤器，今年又不热了", "入户管热，屋里不热，怀疑过滤器堵")),
    Fault("H06", 60, {"HP1": 1}, "E2", 4.0, "BPGX", _LEAK,
          ("暖气阀门滴水，用盆接着", "分户阀门杆漏水，越漏越大")),
    Fault("H07", 60, {"HP1": 1}, "E1", 5.0, "BPGX", _LEAK,
          ("暖气片漏水，地板已经泡了", "散热器接口喷水，关不住阀门")),
    Fault("H08", 90, {"HB": 1}, "H3", 3.0, "BRTG", _HEAT,
          ("地暖整屋不热，分水器是热的", "地暖只有一路热，其他都凉")),
    Fault("H09", 60, {"HP1": 1}, "E1", 2.5, "BPGX", _LEAK,
          ("地暖分水器漏水，厨房有积水", "分集水器接头滴水不止")),
    Fault("H11", 45, {"HP1": 1}, "H3", 5.0, "BTG", ("part", "equipment_age", "arrears"),
          ("楼道锁闭阀打不开，家里不热", "交完费了，入户阀门还关着")),
    Fault("H24", 60, {"HE": 1}, "H4", 5.0, "MBG", ("part", "equipment_age"),
          ("热表不显示，约个时间来看", "通断阀一直报故障码，想预约检修")),
    Fault("H26", 20, {"HP1": 1}, "H4", 2.0, "BMG", ("arrears", "user_action"),
          ("办了复热，约时间来开阀",)),
    Fault("H27", 20, {"HP1": 1}, "H3", 10.5, "RG", ("no_fault_found", "balancing"),
          ("要求上门测温，怀疑不达标", "想请师傅测一下各屋温度")),
    Fault("P01", 40, {"PL": 2}, "E2", 4.0, "VBGX", _POWER,
          ("家里没电，表上有电，别人家有电", "突然停电，空开推不上去")),
    Fault("P02", 45, {"PL": 2}, "E2", 3.0, "VMBG", _POWER,
          ("电表不亮，家里没电，没欠费", "楼道有电，我家表前没电")),
    Fault("P03", 40, {"PL": 2}, "E2", 4.0, "VIGX", _POWER,
          ("漏保一推就跳，查不出来", "一开电暖气就跳闸，推不上了")),
    Fault("P04", 60, {"PM": 2}, "E2", 1.5, "MVBG", ("equipment_age", "external_force"),
          ("电表烧黑了，有糊味", "表箱里电表接线烧了，没电")),
    Fault("P05", 60, {"PM": 2}, "E2", 1.5, "BVMG", ("equipment_age", "part"),
          ("表箱里空开坏了，合不上",)),
    Fault("P06", 30, {"PM": 2}, "H3", 3.0, "MVG", ("arrears",),
          ("欠费已经交了，还没来电", "网上缴清电费，请尽快复电")),
    Fault("P22", 45, {"PL": 2}, "E1", 2.0, "BVI", ("equipment_age", "user_action"),
          ("楼道电箱冒火花，有糊味", "单元门口电线打火，很危险")),
    Fault("P27", 30, {"PL": 1}, "E1", 2.0, "B", ("external_force", "weather"),
          ("楼前电缆井盖没了，孩子多", "配电箱门掉了，线露在外面")),
)  # fmt: skip

JOINT_FAULT = Fault(
    "P08", 120, {"PL": 3}, "E1", 0.0, "BCVW", ("weather", "external_force"),
    ("大风把低压线刮断了，落在小区路上", "电线断了掉在地上，已经拦住人"),
)  # fmt: skip
"""Needs three linesmen: more than any crew has, so a joint crew must be formed."""

FAULT_BY_CODE: dict[str, Fault] = {fault.code: fault for fault in (*FAULTS, JOINT_FAULT)}
