"""When a message is tried again: pure arithmetic over what providers said."""

import random
from collections.abc import Sequence

from app.notifications.channels import RETRYABLE, Outcome, SendResult

MOST_ATTEMPTS = 6
QUOTA_WAIT_S = 60.0
BACK_OFF_S = 5.0
LONGEST_BACK_OFF_S = 300.0

_chance = random.Random()


def retry_wait_s(results: Sequence[SendResult], attempt: int) -> float | None:
    """Real seconds until the next attempt, or None when nothing is worth another.

    A provider's Retry-After is kept to; else quota waits a minute and an outage backs off from
    5 s, doubling. Up to a fifth is added by chance, so that messages do not return in step.
    """
    again = [result for result in results if result.outcome in RETRYABLE]
    if not again or attempt >= MOST_ATTEMPTS:
        return None
    back_off_s = min(BACK_OFF_S * 2 ** (attempt - 1), LONGEST_BACK_OFF_S)
    waits = [
        result.retry_after_s
        if result.retry_after_s is not None
        else (QUOTA_WAIT_S if result.outcome is Outcome.QUOTA else back_off_s)
        for result in again
    ]
    return max(waits) * _chance.uniform(1.0, 1.2)
