"""What an inspection can tell: a rejection by name, or what the file holds."""

from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from app.core.i18n import Text

RejectionCode = Literal[
    "hash-differs",
    "not-what-it-claims",
    "truncated",
    "undecodable",
    "too-many-pixels",
    "too-long",
    "costs-too-much",
    "foreign-data",
    "signed-text-differs",
]

REJECTIONS: dict[str, Text] = {
    "hash-differs": Text(
        "收到的内容与声明的哈希不符，请重新上传同一文件",
        "The bytes do not have the declared sha256: send the same file again",
    ),
    "not-what-it-claims": Text(
        "文件内容不是所声明的类型，请重新拍摄",
        "The file is not what its media type claims: record it again",
    ),
    "truncated": Text(
        "文件不完整（拍摄或保存时中断），请重新拍摄",
        "The end of the file is missing, as when the camera was killed: record it again",
    ),
    "undecodable": Text(
        "文件已损坏，无法打开，请重新拍摄",
        "The file is damaged and cannot be opened: record it again",
    ),
    "too-many-pixels": Text(
        "像素过多，请降低分辨率后重新拍摄", "Too many pixels: record it again in a lower resolution"
    ),
    "too-long": Text(
        "录制时间过长，请分段重新录制", "The recording is too long: record it in parts"
    ),
    "costs-too-much": Text(
        "打开文件所需资源异常，请重新拍摄",
        "Opening the file takes more than any picture should: record it again",
    ),
    "foreign-data": Text(
        "文件中夹带其他内容（压缩包、网页等），请用手机相机重新拍摄",
        "Something else hides in the file (an archive, a page): record it again with the camera",
    ),
    "signed-text-differs": Text(
        "签字文本与其哈希或语言不符，请重新签字",
        "The signed text is not the one of the hash or the language: let them sign again",
    ),
}
"""Every code with what a technician reads."""


class Rejected(Exception):
    """The file is not taken; `code` says why."""

    def __init__(self, code: RejectionCode) -> None:
        super().__init__(code)
        self.code: RejectionCode = code


class Task(BaseModel):
    """One file to open, and what that may take."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str
    media_type: str
    pixels: int
    memory_bytes: int
    cpu_s: int
    media_s: int
    thumbnail_px: int


class SignedText(BaseModel):
    """What signature strokes say about themselves."""

    model_config = ConfigDict(extra="forbid")

    language: Literal["zh", "en"]
    text: str = Field(max_length=10_000)
    text_sha256: str
    signed_by: str = Field(max_length=200)
    signed_at: str = Field(max_length=40)
    picture_sha256: str
    strokes: int


class Findings(BaseModel):
    """What the file holds, or `why` it is rejected; written by a process that is not trusted."""

    model_config = ConfigDict(extra="forbid")

    why: RejectionCode | None = None
    width: int | None = Field(default=None, ge=1, lt=2**31)
    """Pixels, upright."""
    height: int | None = Field(default=None, ge=1, lt=2**31)
    duration_ms: int | None = Field(default=None, ge=0, lt=2**31)
    taken_at: str | None = Field(default=None, max_length=40)
    """ISO 8601; without an offset when the camera named none."""
    taken_place: tuple[float, float] | None = None
    """(lon, lat) in WGS-84 degrees."""
    thumbnail: str | None = Field(default=None, max_length=1_000_000)
    """WebP in base64."""
    signature: SignedText | None = None


class Taken(NamedTuple):
    """When and where, by the camera."""

    at: str | None
    place: tuple[float, float] | None
