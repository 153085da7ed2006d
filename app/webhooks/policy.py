"""When a webhook is tried again, which events an endpoint hears, where it may be: pure rules."""

from collections.abc import Iterable
from urllib.parse import urlsplit

RETRY_AFTER_S = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""Real seconds until the next try, after each failed one; then the delivery has failed."""
LONGEST_RETRY_AFTER_S = 86_400
GONE = 410


def next_wait_s(attempts: int, retry_after_s: float | None) -> float | None:
    """Until the next try after so many; a receiver's Retry-After may lengthen it, a day at most."""
    if attempts > len(RETRY_AFTER_S):
        return None
    planned = RETRY_AFTER_S[attempts - 1]
    return max(planned, min(retry_after_s or 0, LONGEST_RETRY_AFTER_S))


def hears(patterns: Iterable[str], event: str) -> bool:
    """Whether one of `work_order.accepted`, `work_order.*` or `*` covers the event."""
    room = event.partition(".")[0]
    return any(pattern in ("*", f"{room}.*", event) for pattern in patterns)


def is_fit(url: str, *, production: bool) -> bool:
    """An absolute URL without a password in it; HTTPS in production, for what it carries."""
    try:
        parts = urlsplit(url)
        port_is_fine = parts.port is None or 0 < parts.port < 65536
    except ValueError:
        return False
    secure = parts.scheme == "https" or (parts.scheme == "http" and not production)
    return secure and bool(parts.hostname) and parts.username is None and port_is_fine
