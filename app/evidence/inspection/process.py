"""The decoding process: loads its decoders once, forks a confined child for each file.

Reads one task a line, answers one line. A child can open nothing, reach nobody and write
nowhere; memory, CPU time and pixels are limited; whoever waits kills it by the clock.
"""

import contextlib
import ctypes
import errno
import json
import os
import resource
import signal
import sys
from pathlib import Path
from typing import NoReturn

from app.evidence.inspection.findings import Findings, Rejected, RejectionCode, Task
from app.evidence.inspection.pictures import examine_picture, prepare
from app.evidence.inspection.recordings import examine_recording
from app.evidence.inspection.strokes import examine_strokes

_ANSWER_BYTES = 2_000_000
_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_UNPREPARED = 3
"""Exit status: a decoder wanted to load something; the file is not to blame."""
_COSTLY = {signal.SIGXCPU, signal.SIGXFSZ}
"""Limits of its own that a file ran into. SIGKILL may come from a system that is out of memory."""


def main() -> None:
    """Serve until standard input ends."""
    prepare()
    for line in sys.stdin.buffer:
        sys.stdout.buffer.write(_in_child(Task.model_validate_json(line)) + b"\n")
        sys.stdout.buffer.flush()


def _in_child(task: Task) -> bytes:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _be_child(task, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        answer = pipe.read(_ANSWER_BYTES + 1)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        raise SystemExit("somebody killed the child, and it cannot be said why")
    if os.WIFSIGNALED(status):
        costly = os.WTERMSIG(status) in _COSTLY
        return _rejection("costs-too-much" if costly else "undecodable")
    if os.WEXITSTATUS(status) == _UNPREPARED:
        raise SystemExit("a decoder needed a file that prepare() had not loaded")
    if len(answer) > _ANSWER_BYTES or not answer or b"\n" in answer:
        return _rejection("undecodable")
    return answer


def _be_child(task: Task, writing: int) -> NoReturn:
    """Answer through the pipe and end; no exception may reach the parent's loop."""
    try:
        data = Path(task.path).read_bytes()
        _confine(task)
        answer = _answer(data, task)
    except MemoryError:
        answer = _rejection("costs-too-much")
    except BaseException as error:
        os._exit(_UNPREPARED if _wanted_a_file(error) else 1)
    with contextlib.suppress(OSError):
        while answer:
            answer = answer[os.write(writing, answer) :]
    os._exit(0)


def _wanted_a_file(error: BaseException | None) -> bool:
    """Whether the confinement, not the file, is the reason."""
    while error is not None:
        if isinstance(error, ImportError) or getattr(error, "errno", None) == errno.EMFILE:
            return True
        error = error.__cause__ or error.__context__
    return False


def _confine(task: Task) -> None:
    """No more files, sockets or privileges; so much memory and time and no more."""
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    for descriptor in (0, 1, 2):  # a decoder gone wrong must not answer for the next file
        with contextlib.suppress(OSError):
            os.close(descriptor)
    for limit, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 0),
        (resource.RLIMIT_AS, task.memory_bytes),
    ):
        resource.setrlimit(limit, (most, most))
    # At the first number the child is told by a name of its own, at the second it is killed.
    resource.setrlimit(resource.RLIMIT_CPU, (task.cpu_s, task.cpu_s + 1))


def _answer(data: bytes, task: Task) -> bytes:
    try:
        findings = examine(data, task)
    except Rejected as rejected:
        if _wanted_a_file(rejected):
            raise
        return _rejection(rejected.code)
    return findings.model_dump_json(exclude_none=True).encode()


def examine(data: bytes, task: Task) -> Findings:
    """What a file of this media type holds; raises Rejected."""
    if task.media_type.startswith("image/"):
        return examine_picture(data, task)
    if task.media_type == "application/json":
        return examine_strokes(data)
    return examine_recording(data, task)


def _rejection(code: RejectionCode) -> bytes:
    return json.dumps({"why": code}).encode()


if __name__ == "__main__":
    main()
