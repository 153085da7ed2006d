"""A bad line between a client and the server: connections that break in the middle."""

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import urlsplit


@contextmanager
def torn_line(server: str, cuts: Sequence[int]) -> Iterator[str]:
    """A URL like `server`'s whose n-th connection is cut after `cuts[n]` bytes of the client's.

    Connections beyond the last cut are whole.
    """
    parts = urlsplit(server)
    assert parts.hostname and parts.port
    target = (parts.hostname, parts.port)
    left = list(cuts)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        accepting = threading.Thread(target=_accept, args=(listening, target, left), daemon=True)
        accepting.start()
        port = listening.getsockname()[1]
        yield server.replace(f":{parts.port}", f":{port}")
        listening.shutdown(socket.SHUT_RDWR)
        accepting.join()
    assert not left, f"the line was never torn after {left} bytes"


def _accept(listening: socket.socket, target: tuple[str, int], left: list[int]) -> None:
    carrying = []
    while True:
        try:
            client, _ = listening.accept()
        except OSError:
            break
        most = left.pop(0) if left else None
        carrying.append(threading.Thread(target=_carry, args=(client, target, most), daemon=True))
        carrying[-1].start()
    for each in carrying:
        each.join()


def _carry(client: socket.socket, target: tuple[str, int], most: int | None) -> None:
    with client, socket.create_connection(target) as server:
        back = threading.Thread(target=_copy, args=(server, client, None), daemon=True)
        back.start()
        _copy(client, server, most)
        for end in (server, client):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        back.join()


def _copy(source: socket.socket, sink: socket.socket, most: int | None) -> None:
    """Until the source ends, or `most` bytes have passed."""
    passed = 0
    try:
        while piece := source.recv(16_384):
            if most is not None and passed + len(piece) >= most:
                sink.sendall(piece[: most - passed])
                return
            sink.sendall(piece)
            passed += len(piece)
    except OSError:
        return
    finally:
        if most is None:
            _end(sink)


def _end(sink: socket.socket) -> None:
    try:
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        return
