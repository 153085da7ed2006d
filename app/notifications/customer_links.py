"""What a text message gives a customer: a signed, expiring word of 44 letters for one thing.

It names the message that carried it, and with it the number that it went to, says until when it
holds, and carries 96 bits of HMAC-SHA256 under a key derived from the service's secret. It holds
no personal data.
"""

import base64
import binascii
import hashlib
import hmac
from datetime import timedelta
from typing import Literal, NamedTuple
from uuid import UUID

from app.core import clock, settings

Purpose = Literal["visit", "rating"]
_LETTER: dict[Purpose, bytes] = {"visit": b"v", "rating": b"r"}
_MAC_BYTES = 12
_LENGTH = 1 + 16 + 4 + _MAC_BYTES


class Read(NamedTuple):
    """What a genuine link names, and whether its time is over."""

    subject: UUID
    expired: bool


def sign(purpose: Purpose, subject: UUID, lifetime: timedelta) -> str:
    """A link that holds for `lifetime` of real time."""
    until = int((clock.real_now() + lifetime).timestamp())
    body = _LETTER[purpose] + subject.bytes + until.to_bytes(4)
    mac = _mac(settings.current().secret_key, body)
    return base64.urlsafe_b64encode(body + mac).decode()


def read(purpose: Purpose, link: str) -> Read | None:
    """What the link names; None when we never signed it, or for another purpose."""
    try:
        raw = base64.b64decode(link, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    # One word, one spelling: what decodes to the same bytes is not the same link.
    if base64.urlsafe_b64encode(raw).decode() != link:
        return None
    body, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
    if len(raw) != _LENGTH or body[:1] != _LETTER[purpose]:
        return None
    config = settings.current()
    keys = filter(None, (config.secret_key, config.previous_secret_key))
    if not any(hmac.compare_digest(mac, _mac(key, body)) for key in keys):
        return None
    until = int.from_bytes(body[17:])
    return Read(UUID(bytes=body[1:17]), until <= clock.real_now().timestamp())


def _mac(key: str, body: bytes) -> bytes:
    own = hmac.digest(key.encode(), b"customer links", hashlib.sha256)
    return hmac.digest(own, body, hashlib.sha256)[:_MAC_BYTES]
