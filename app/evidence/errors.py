"""Refusals around evidence files and their upload."""

from typing import ClassVar

from app.core.i18n import Text
from app.core.problems import Problem


class EvidenceDiffers(Problem):
    """The same file id came with other bytes, size, kind or order; members: `files`."""

    status = 409
    type = "evidence-differs"
    title = Text("同一文件编号的内容不一致", "This file id already names another file")
    action = Text("请为新的文件生成新的编号", "Give the other file an id of its own")


class EvidenceKindMismatch(Problem):
    """A kind that this media type cannot show; members: `kind`, `media_type`, `allowed`."""

    status = 422
    type = "evidence-kind-mismatch"
    title = Text("文件类型与证据种类不符", "This media type cannot show this kind of evidence")
    action = Text("请按 allowed 中的类型拍摄", "Record it as one of `allowed`")


class EvidenceTooLarge(Problem):
    """Larger than any file may be; members: `max_bytes`."""

    status = 413
    type = "evidence-too-large"
    title = Text("文件过大", "The file is too large")
    action = Text("请降低分辨率或缩短时长后重新拍摄", "Record it again, smaller or shorter")


class EvidenceMissing(Problem):
    """The manifest lacks kinds that the fault demands; members: `missing`, letters of kinds."""

    status = 409
    type = "evidence-missing"
    title = Text("缺少必需的现场证据", "Required evidence is not declared")
    action = Text("请补拍 missing 中的证据后再完工", "Record the kinds in `missing`, then complete")


class EvidenceNotReceived(Problem):
    """Declared files are not in yet; members: `missing` and `rejected`, ids of files."""

    status = 409
    type = "evidence-not-received"
    title = Text("证据文件尚未全部收到", "Declared evidence has not been received")
    action = Text(
        "请等待手机续传 missing；rejected 须驳回重拍",
        "Wait for the phone to send `missing`; reject the record for what is in `rejected`",
    )


class EvidenceNotReadable(Problem):
    """There are no verified bytes to show; members: `state`."""

    status = 409
    type = "evidence-not-readable"
    title = Text("文件尚未核验，不能查看", "The file is not verified and cannot be shown")
    action = Text("请等待上传完成", "Wait until its upload is complete")


class RangeNotSatisfiable(Problem):
    """The Range header asks for bytes that are not there."""

    status = 416
    type = "range-not-satisfiable"
    title = Text("请求的字节范围无效", "The requested range of bytes is not in the file")
    action = Text("请去掉 Range 或改为有效范围", "Ask without Range, or for bytes inside the file")


class TusVersionUnknown(Problem):
    """Another version of the upload protocol, or none."""

    status = 412
    type = "tus-version"
    title = Text("不支持的 tus 协议版本", "This version of tus is not spoken here")
    action = Text("请发送 Tus-Resumable: 1.0.0", "Send Tus-Resumable: 1.0.0")
    headers: ClassVar[dict[str, str]] = {"Tus-Version": "1.0.0"}


class UploadMetadataInvalid(Problem):
    """`Upload-Metadata` lacks a key or is not base64; members: `errors`."""

    status = 422
    type = "upload-metadata-invalid"
    title = Text("Upload-Metadata 无效", "Upload-Metadata is not valid")
    action = Text(
        "请以 base64 提供 order_id、file_id、kind、sha256、filetype",
        "Send order_id, file_id, kind, sha256 and filetype, each in base64",
    )


class UploadMediaType(Problem):
    """A chunk that does not say that it is one."""

    status = 415
    type = "upload-media-type"
    title = Text("分段的 Content-Type 不正确", "A chunk has its own media type")
    action = Text(
        "请使用 Content-Type: application/offset+octet-stream",
        "Send Content-Type: application/offset+octet-stream",
    )


class UploadOffsetConflict(Problem):
    """The chunk does not start where the upload stands; members: `offset`."""

    status = 409
    type = "upload-offset-conflict"
    title = Text("分段起点与已收字节不符", "The chunk does not continue the upload")
    action = Text("请以 HEAD 查询后从 offset 续传", "Ask with HEAD and continue at `offset`")


class UploadBusy(Problem):
    """Another request is writing this file."""

    status = 423
    type = "upload-busy"
    title = Text("该文件正在由另一请求写入", "Another request is writing this upload")
    action = Text("请稍后以 HEAD 查询后续传", "Wait a little, ask with HEAD and continue")
    headers: ClassVar[dict[str, str]] = {"Retry-After": "2"}


class UploadTooLong(Problem):
    """More bytes than Upload-Length announced; members: `size_bytes`."""

    status = 413
    type = "upload-too-long"
    title = Text("发送的字节超过声明长度", "More bytes than the upload announced")
    action = Text("请核对文件后以新编号上传", "Check the file; upload another under a new id")


class UploadStalled(Problem):
    """No bytes came for too long; what came before is kept."""

    status = 408
    type = "upload-stalled"
    title = Text("上传停滞", "The upload stood still")
    action = Text("请以 HEAD 查询后续传", "Ask with HEAD and continue")


class UploadGone(Problem):
    """The upload ended in a rejection; members: `why`."""

    status = 410
    type = "upload-gone"
    title = Text("该上传已被拒绝", "This upload was rejected")
    action = Text(
        "why 为 hash-differs 时可重新创建上传，否则请用新编号",
        "After hash-differs create the upload again; otherwise use a new file id",
    )


class EvidenceHashDiffers(Problem):
    """The bytes do not have the declared sha256; members: `sha256` of what came."""

    status = 422
    type = "evidence-hash-differs"
    title = Text("文件哈希与声明不符", "The bytes do not have the declared sha256")
    action = Text("请重新创建上传并从头发送", "Create the upload again and send it from the start")


class EvidenceNotWhatItClaims(Problem):
    """The first bytes belong to another kind of file; members: `media_type`."""

    status = 422
    type = "evidence-not-what-it-claims"
    title = Text("文件内容与声明的类型不符", "The file is not what its media type claims")
    action = Text("请用手机相机重新拍摄，并使用新编号", "Record it again under a new file id")
