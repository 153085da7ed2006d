"""A search gives way to everybody, also where the kernel shares its time by session."""

import os
import signal
import threading
from pathlib import Path

import pytest

from app.core import giving_way
from app.planning import solver

AUTOGROUP = Path("/proc/self/autogroup")
NICE = 7


def seen() -> tuple[bool, int, str]:
    """In the child: whether it leads a session of its own, and how nice it and the session are."""
    return os.getsid(0) == os.getpid(), os.nice(0), AUTOGROUP.read_text()


class TestOwnSession:
    @pytest.mark.skipif(not AUTOGROUP.exists(), reason="this kernel shares no time by session")
    def test_the_child_is_a_session_that_is_nicer_still(self) -> None:
        before = os.nice(0)
        with solver._pool(NICE) as pool:
            leads, nice, session = pool.submit(seen).result(timeout=120)
        assert leads and nice == min(19, before + NICE)
        assert session.split()[-1] == str(NICE + solver.SESSION_NICER)

    def test_without_such_sharing_it_stays_where_it_is(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(giving_way, "AUTOGROUP", tmp_path / "none")
        before = os.getsid(0)
        giving_way.as_a_session(NICE, of_its_own=True)
        assert os.getsid(0) == before

    def test_a_session_that_somebody_else_leads_is_left_alone(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        told = self.kernel(monkeypatch)
        monkeypatch.setattr(os, "getsid", lambda _pid: os.getpid() + 1)
        giving_way.as_a_session(NICE, of_its_own=False)
        assert told == []
        monkeypatch.setattr(os, "getsid", lambda _pid: os.getpid())
        giving_way.as_a_session(NICE, of_its_own=False)
        assert told == [str(NICE)]

    def test_it_asks_again_while_the_kernel_is_busy(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        told = self.kernel(monkeypatch, BlockingIOError(), BlockingIOError())
        giving_way.as_a_session(NICE, of_its_own=True)
        assert told == [str(NICE)] * 3
        assert caplog.messages == []

    @pytest.mark.parametrize(
        ("refusal", "tries"),
        [(BlockingIOError(), giving_way.TRIES), (PermissionError("not here"), 1)],
    )
    def test_a_kernel_that_refuses_is_told_of(
        self,
        refusal: OSError,
        tries: int,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        told = self.kernel(monkeypatch, *[refusal] * 2 * giving_way.TRIES)
        giving_way.as_a_session(NICE, of_its_own=True)
        assert len(told) == tries
        (warning,) = caplog.messages
        assert f"process {os.getpid()} does not give way as a session: " in warning

    def kernel(self, monkeypatch: pytest.MonkeyPatch, *answers: OSError) -> list[str]:
        """One that answers this before it does as it is told; returned is what it was told."""
        told: list[str] = []

        class Answering:
            def exists(self) -> bool:
                return True

            def write_text(self, words: str) -> None:
                told.append(words)
                if len(told) <= len(answers):
                    raise answers[len(told) - 1]

        monkeypatch.setattr(giving_way, "AUTOGROUP", Answering())
        monkeypatch.setattr(giving_way, "REST_S", 0.0)
        monkeypatch.setattr(os, "getsid", lambda _pid: os.getpid())
        return told

    def test_it_ends_with_its_parent_before_it_leaves_the_session_of_that(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        steps: list[str] = []
        monkeypatch.setattr(os, "nice", lambda _by: 0)
        monkeypatch.setattr(signal, "signal", lambda *_: steps.append("deaf to Ctrl-C"))
        monkeypatch.setattr(threading.Thread, "start", lambda _self: steps.append("watches"))
        monkeypatch.setattr(
            giving_way,
            "as_a_session",
            lambda by, of_its_own: steps.append(f"leaves {by}, {of_its_own}"),
        )
        solver._settle_in(NICE)
        assert steps == ["deaf to Ctrl-C", "watches", f"leaves {NICE + solver.SESSION_NICER}, True"]
