"""The phone's core, and a short shift on a hostile network with everything killed meanwhile."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CORE = ROOT / "clients" / "phone-core"


def npm(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["npm", *arguments]
    return subprocess.run(command, cwd=CORE, capture_output=True, text=True, timeout=300)


def built_core() -> Path:
    """The phone's core, installed and built; skips where Node is missing or npm cannot install."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("Node and npm are not installed")
    if not (CORE / "node_modules" / ".package-lock.json").exists():
        installed = npm("ci", "--silent")
        if installed.returncode != 0:
            pytest.skip(f"npm cannot install: {installed.stderr.strip()[-200:]}")
    if not is_built():
        built = npm("run", "--silent", "build")
        assert built.returncode == 0, built.stdout + built.stderr
    return CORE / "build"


def is_built() -> bool:
    """Whether nothing changed since the last build; one with errors leaves nothing behind."""
    written = CORE / "build" / "test" / "handset.js"
    sources = [ROOT / "openapi" / "openapi.json", *CORE.glob("*.json"), *CORE.glob("[st]*/*.ts")]
    newest = max(each.stat().st_mtime for each in sources)
    return written.exists() and written.stat().st_mtime > newest


def play(out: Path) -> dict[str, Any]:
    """The short shift in a process of its own: it needs a database server that it may kill."""
    command = [sys.executable, "-m", "tests.hostile", "--short", "--out", str(out)]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=400)
    assert out.exists(), answer.stderr
    figures: dict[str, Any] = json.loads(out.read_text("utf-8"))
    assert figures["finished"], answer.stderr
    return figures


def test_the_phones_core_passes_its_tests_and_loses_nothing_on_a_hostile_network(
    tmp_path: Path,
) -> None:
    """One test, since two would build the same folder at the same time."""
    tests = sorted((built_core() / "test").glob("*.test.js"))
    answer = subprocess.run(
        ["node", "--test", *map(str, tests)], capture_output=True, text=True, timeout=120
    )
    assert answer.returncode == 0, answer.stdout
    figures = play(tmp_path / "hostile.json")
    assert figures["examples"] == {}
    assert figures["commands_sent"] > 30
    assert figures["files_sent"] > 12
    assert figures["spoilt_share"] > 0.2
    assert figures["apps_killed"] > 0
    assert figures["sign_ins_renewed"]["granted"] > 0
    assert figures["seeded_faults"]["drop-last-chunk"]["red"]
    assert figures["servers_killed"] == {"api": 1, "database": 1, "worker": 1}
    # Some twenty files say little of an average; `make test-hostile` holds it to 1.4.
    assert figures["upload_overhead"] <= 2
