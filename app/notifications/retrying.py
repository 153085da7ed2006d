"""When a message is tried again: pure arithmetic over what providers said."""

import random
from collections.abc import Sequence

from app.notifications.channels import RETRYABLE, Outcome, SendResult

MOST_ATTEMPTS = 6
QUOTA_WAIT_S = 60.0
BACK_OFF_S = 5.0
LONGEST_BACK_OFF_S = 300.0
UNTIL_MENDED_S = 300.0
"""Wrong keys or an empty account: somebody must act, and the words go out once they have."""
LONGEST_WAIT_S = 3600.0
"""Whatever a provider names: one wrong header must not silence a message for ever."""

_chance = random.Random()


def retry_wait_s(
    results: Sequence[SendResult], attempt: int, most: float = MOST_ATTEMPTS
) -> float | None:
    """Real seconds until the next attempt, or None when nothing is worth another.

    A provider's Retry-After is kept to, an hour at most; else quota waits a minute. An outage backs
    off from 5 s, doubling; wrong credentials, when nobody took it, are tried again every 5 minutes.
    A provider that was left alone is asked when its time is over, and as often as that
    takes: `attempt` counts only what left the house. Up to a fifth is added by chance, so that
    messages do not return in step.
    """
    again = [result for result in results if result.outcome in RETRYABLE]
    if not again and all(result.outcome is not Outcome.ACCEPTED for result in results):
        again = [result for result in results if result.outcome is Outcome.MISCONFIGURED]
    if not again or (attempt >= most and any(result.asked for result in again)):
        return None
    back_off_s = min(BACK_OFF_S * 2 ** min(attempt - 1, 10), LONGEST_BACK_OFF_S)
    wait_s = max(_wait_s(each, back_off_s) for each in again)
    return min(wait_s, LONGEST_WAIT_S) * _chance.uniform(1.0, 1.2)


def _wait_s(result: SendResult, back_off_s: float) -> float:
    if not result.asked:
        return max(1.0, result.retry_after_s or 0.0)
    if result.outcome is Outcome.MISCONFIGURED:
        return UNTIL_MENDED_S
    if result.outcome is Outcome.UNAVAILABLE:
        return max(back_off_s, result.retry_after_s or 0.0)
    return QUOTA_WAIT_S if result.retry_after_s is None else result.retry_after_s
