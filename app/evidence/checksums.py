"""`Upload-Checksum` of a chunk (tus extension `checksum`)."""

import base64
import binascii
import hashlib
import hmac

from app.evidence.errors import ChecksumUnknown

ALGORITHMS = ("sha1", "sha256")


class Checksum:
    """What the bytes of one chunk must add up to."""

    def __init__(self, algorithm: str, digest: bytes) -> None:
        self._digest = digest
        self._sum = hashlib.new(algorithm, usedforsecurity=False)

    @classmethod
    def parse(cls, header: str) -> "Checksum":
        """`sha256 <base64>`; raises ChecksumUnknown."""
        algorithm, _, encoded = header.strip().partition(" ")
        if algorithm not in ALGORITHMS:
            raise ChecksumUnknown(algorithms=list(ALGORITHMS))
        try:
            digest = base64.b64decode(encoded.strip(), validate=True)
        except binascii.Error as error:
            raise ChecksumUnknown(algorithms=list(ALGORITHMS)) from error
        return cls(algorithm, digest)

    def update(self, block: bytes) -> None:
        self._sum.update(block)

    def matches(self) -> bool:
        """Whether all that came has the announced sum."""
        return hmac.compare_digest(self._sum.digest(), self._digest)
