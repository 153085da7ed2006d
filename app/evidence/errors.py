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


class EvidenceRemoved(Problem):
    """The recording's days are over: its hash and record are left; members: `removed_at`."""

    status = 410
    type = "evidence-removed"
    title = Text(
        "录音录像已按保存期限删除", "The recording was removed when its keeping time ended"
    )
    action = Text("其哈希值和记录仍在工单中", "Its hash and record are still with the order")


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


class EvidenceRejected(Problem):
    """Opening the file showed that it is no evidence; members: `why`, a rejection code."""

    status = 422
    type = "evidence-rejected"
    title = Text("文件未通过检查", "The file did not pass inspection")
    action = Text(
        "请按 why 的说明重新拍摄，并使用新编号",
        "Record it again as `why` says, under a new file id",
    )


class EvidenceCheckBusy(Problem):
    """The file is all there, but could not be opened just now."""

    status = 503
    type = "evidence-check-busy"
    title = Text("文件检查繁忙", "The inspection is busy")
    action = Text("请稍后以 HEAD 查询后续传", "Wait, ask with HEAD and continue: it is a few bytes")
    headers: ClassVar[dict[str, str]] = {"Retry-After": "5"}


class EvidenceNoThumbnail(Problem):
    """A recording, or strokes; members: `media_type`."""

    status = 404
    type = "evidence-no-thumbnail"
    title = Text("该文件没有缩略图", "This file has no thumbnail")
    action = Text("请直接读取原文件", "Read the file itself")


class OrderQuotaReached(Problem):
    """The order has as many files, or bytes, as any may have; members: `files`, `bytes`."""

    status = 413
    type = "order-quota"
    title = Text("该工单的证据已达上限", "The order has all the evidence that it may have")
    action = Text(
        "请终止不需要的上传，或联系站长", "End uploads that are not needed, or ask the chief"
    )


class DeviceQuotaReached(Problem):
    """The phone announced more in 24 hours than it may; members: `files`, `bytes`."""

    status = 429
    type = "device-quota"
    title = Text("该设备 24 小时内的上传已达上限", "This phone sent all that it may in 24 hours")
    action = Text("请稍后再传，或联系站长", "Send the rest later, or ask the chief")
    headers: ClassVar[dict[str, str]] = {"Retry-After": "3600"}


class ChecksumDiffers(Problem):
    """The chunk does not have the checksum of its header; nothing of it is kept."""

    status = 460
    type = "checksum-differs"
    title = Text("分段校验和不符", "The chunk does not have the announced checksum")
    action = Text("请从 offset 重新发送该分段", "Send the chunk again from `offset`")


class ChecksumUnknown(Problem):
    """`Upload-Checksum` names an algorithm that is not spoken here, or no base64."""

    status = 400
    type = "checksum-unknown"
    title = Text("Upload-Checksum 无效", "Upload-Checksum is not valid")
    action = Text("请使用 sha1 或 sha256 加 base64", "Send sha1 or sha256 and the digest in base64")


class UploadFinished(Problem):
    """Verified evidence is not taken back."""

    status = 409
    type = "upload-finished"
    title = Text("文件已核验，不能终止", "The file is verified and stays")
    action = Text("请在完工记录中不再声明它", "Leave it out of the completion record instead")


class ReplacementInvalid(Problem):
    """Only a rejected file of the manifest can be replaced, once, by one of its kind."""

    status = 409
    type = "replacement-invalid"
    title = Text("不能以此文件替换", "This file cannot take that one's place")
    action = Text(
        "replaces 须为本单清单中被拒、同种类且未替换过的文件",
        "`replaces` names a rejected file of the order's manifest, of the same kind",
    )


class EvidenceStoreBusy(Problem):
    """The store of whole files cannot be reached just now."""

    status = 503
    type = "evidence-store-busy"
    title = Text("证据存储暂时不可用", "The evidence store cannot be reached")
    action = Text("请稍后重试；已收到的分段仍在", "Try again later: what was received is safe")
    headers: ClassVar[dict[str, str]] = {"Retry-After": "10"}
