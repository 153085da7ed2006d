"""Ports for the private servers."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from app.provision import ports
from app.provision.ports import FIRST_PORT, LAST_PORT, free_port, is_free
from app.provision.refusal import CannotProvision

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


class TestFreePort:
    def test_keeps_the_remembered_port_while_it_is_free(self) -> None:
        port = free_port()
        assert FIRST_PORT <= port <= LAST_PORT
        assert free_port(port) == port

    def test_leaves_a_port_to_the_program_that_took_it(self, taken: int) -> None:
        assert not is_free(taken)
        assert free_port(taken) != taken

    def test_says_so_when_all_are_taken(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(ports, "is_free", lambda _port: False)
        with pytest.raises(CannotProvision, match="No free port"):
            free_port(5432)
