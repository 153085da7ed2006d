"""Two set-ups of one project never run at once."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from app.provision.locking import LOCK_NAME, only_one

if TYPE_CHECKING:
    from pathlib import Path

ENTER = """
import sys
from pathlib import Path
from app.provision.locking import only_one
with only_one(Path(sys.argv[1])):
    print(Path(sys.argv[1], "work").read_text(), flush=True)
"""


def second_run(var: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", ENTER, str(var)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


class TestOnlyOne:
    def test_a_second_process_says_so_and_waits_for_the_first(self, tmp_path: Path) -> None:
        work = tmp_path / "work"
        with only_one(tmp_path):
            work.write_text("half done")
            other = second_run(tmp_path)
            assert other.stderr is not None
            assert "waiting for it" in other.stderr.readline()
            assert other.poll() is None
            work.write_text("done")
        assert other.communicate(timeout=30)[0] == "done\n"

    def test_waiting_for_a_lock_that_clean_removed_guards_the_new_one(self, tmp_path: Path) -> None:
        with only_one(tmp_path):
            (tmp_path / "work").write_text("before")
            other = second_run(tmp_path)
            assert other.stderr is not None
            assert "waiting for it" in other.stderr.readline()
            (tmp_path / LOCK_NAME).unlink()
        other.communicate(timeout=30)
        assert other.returncode == 0
        assert (tmp_path / LOCK_NAME).exists(), "the second run locked a file that is in place"

    def test_is_free_again_after_a_failure(self, tmp_path: Path) -> None:
        try:
            with only_one(tmp_path):
                raise KeyError("set-up failed")
        except KeyError:
            pass
        (tmp_path / "work").write_text("again")
        assert second_run(tmp_path).communicate(timeout=30)[0] == "again\n"
