"""Ports on the loopback address for private clusters."""

from __future__ import annotations

import errno
import random
import socket

from app.provision.refusal import CannotProvision

# Below the range from which Linux takes the local ends of outgoing connections.
FIRST_PORT, LAST_PORT = 20_000, 29_999
TRIES = 200


def is_free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1:port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
            raise
    return True


def free_port(remembered: int | None = None) -> int:
    """The remembered port when it is still free, else another free one.

    Raises CannotProvision when none is found.
    """
    if remembered is not None and is_free(remembered):
        return remembered
    for port in random.sample(range(FIRST_PORT, LAST_PORT + 1), TRIES):
        if is_free(port):
            return port
    raise CannotProvision(
        f"No free port was found between {FIRST_PORT} and {LAST_PORT} on 127.0.0.1: "
        "stop the programs that use them, or set DATABASE_URL."
    )
