"""What a reviewer is asked to look at twice: facts about a file beside those of the visit.

Pure. Nothing here refuses a file or cuts pay: cameras lie, clocks are wrong, and people decide.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

from app.core.i18n import Text
from app.evidence.limits import FlagLimits

FlagCode = Literal[
    "taken-far",
    "taken-early",
    "taken-late",
    "clocks-differ",
    "reused",
    "shown-twice",
    "from-gallery",
    "signed-for-other-order",
    "signature-without-picture",
]

FLAGS: dict[FlagCode, Text] = {
    "taken-far": Text("拍摄地点远离工单地点", "Taken far from the place of the work"),
    "taken-early": Text("拍摄时间远早于到场", "Taken long before the crew arrived"),
    "taken-late": Text("拍摄时间远晚于完工", "Taken long after the work was declared done"),
    "clocks-differ": Text(
        "相机时间与手机记录的拍摄时间不一致", "The camera's time is not the one that the phone told"
    ),
    "reused": Text("同一文件已用于其他工单", "The same file was shown for another order"),
    "shown-twice": Text("同一文件在本单中重复使用", "The same file stands for two of this order"),
    "from-gallery": Text("取自相册，非现场拍摄", "From the gallery, not from the camera on site"),
    "signed-for-other-order": Text(
        "签字文本中没有本工单编号", "The signed text does not name this order"
    ),
    "signature-without-picture": Text(
        "签字笔迹没有对应的图片", "The picture of these signature strokes is not there"
    ),
}


class Visit(NamedTuple):
    """When the crew first came, and last declared the work done; None for what has not happened."""

    serial: str
    arrived_at: datetime | None
    done_at: datetime | None


class Shown(NamedTuple):
    """One file: what the phone told, what the camera wrote, and where else its bytes are."""

    id: UUID
    sha256: str
    kind: str
    source: str | None
    captured_at: datetime | None
    taken_at: datetime | None
    away_m: float | None
    """From the place of the work: by the camera's own fix, else by the phone's."""
    signature: dict[str, Any] | None
    reused_in: list[UUID]
    """Other orders."""


class Flag(NamedTuple):
    """A difference by name, with what it was measured from."""

    code: FlagCode
    facts: dict[str, Any]


def flags_of(file: Shown, visit: Visit, others: list[Shown], limits: FlagLimits) -> list[Flag]:
    """Everything about `file` that a reviewer should see; `others` are the order's other files."""
    return [
        *_of_place(file, limits),
        *_of_time(file, visit, limits),
        *_of_origin(file, others),
        *_of_signature(file, visit, others),
    ]


def _of_place(file: Shown, limits: FlagLimits) -> Iterator[Flag]:
    if file.away_m is not None and file.away_m > limits.far_m:
        yield Flag("taken-far", {"distance_m": round(file.away_m), "limit_m": limits.far_m})


def _of_time(file: Shown, visit: Visit, limits: FlagLimits) -> Iterator[Flag]:
    at = file.taken_at or file.captured_at
    if at is None:
        return
    early_s = _seconds(visit.arrived_at, at)
    if early_s is not None and early_s > limits.early_s:
        yield Flag("taken-early", {"seconds": early_s, "limit_s": limits.early_s})
    late_s = _seconds(at, visit.done_at)
    if late_s is not None and late_s > limits.late_s:
        yield Flag("taken-late", {"seconds": late_s, "limit_s": limits.late_s})
    apart_s = _seconds(file.taken_at, file.captured_at)
    if apart_s is not None and abs(apart_s) > limits.clock_s:
        yield Flag("clocks-differ", {"seconds": apart_s, "limit_s": limits.clock_s})


def _seconds(later: datetime | None, earlier: datetime | None) -> int | None:
    if later is None or earlier is None:
        return None
    return round((later - earlier).total_seconds())


def _of_origin(file: Shown, others: list[Shown]) -> Iterator[Flag]:
    if file.reused_in:
        yield Flag("reused", {"orders": [str(each) for each in file.reused_in]})
    twins = [str(each.id) for each in others if each.sha256 == file.sha256]
    if twins:
        yield Flag("shown-twice", {"files": sorted(twins)})
    if file.source == "gallery":
        yield Flag("from-gallery", {})


def _of_signature(file: Shown, visit: Visit, others: list[Shown]) -> Iterator[Flag]:
    if file.signature is None:
        return
    if visit.serial not in file.signature["text"]:
        yield Flag("signed-for-other-order", {"serial": visit.serial})
    pictures = {each.sha256 for each in others if each.kind == "G"}
    if file.signature["picture_sha256"] not in pictures:
        yield Flag("signature-without-picture", {"sha256": file.signature["picture_sha256"]})
