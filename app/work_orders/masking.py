"""What a technician may not see of who reported: the number, and a protected reporter (I13)."""

from collections.abc import Collection
from typing import NamedTuple

from app.core import settings
from app.core.texts import masked_phone

CONFIDENTIAL = "confidential"
HIDDEN = "***"


class Reporter(NamedTuple):
    """Name and number as a technician is told them."""

    caller_name: str
    caller_phone: str | None


def towards_technicians(name: str, phone: str | None, flags: Collection[str]) -> Reporter:
    """Neither name nor number of a confidential order, else the number masked (DOMAIN I13).

    A company that sets `mask_phones` to false shows whole numbers, but never those of
    confidential orders.
    """
    if CONFIDENTIAL in flags:
        return Reporter(HIDDEN, None)
    return Reporter(name, masked_phone(phone) if settings.current().mask_phones else phone)
