"""Audio and video by their own headers; nothing is decoded, so nothing can explode."""

from app.evidence.inspection.boxes import end_of_boxes, read_movie
from app.evidence.inspection.endings import check_foreign
from app.evidence.inspection.findings import Findings, Rejected, Task

_TRACK = {"video/mp4": b"vide", "audio/mp4": b"soun"}


def examine_recording(data: bytes, task: Task) -> Findings:
    """Length, size, time and place; raises Rejected."""
    end = end_of_boxes(data)
    movie = read_movie(data) if end is not None else None
    if end is None or movie is None:
        raise Rejected("truncated")
    check_foreign(data, 0, end)
    if _TRACK[task.media_type] not in movie.tracks:
        raise Rejected("not-what-it-claims")
    if task.media_type == "audio/mp4" and b"vide" in movie.tracks:
        raise Rejected("not-what-it-claims")
    if movie.duration_ms is not None and movie.duration_ms > task.media_s * 1000:
        raise Rejected("too-long")
    return Findings(
        width=movie.width,
        height=movie.height,
        duration_ms=movie.duration_ms,
        taken_at=movie.taken_at.isoformat() if movie.taken_at else None,
        taken_place=movie.taken_place,
    )
