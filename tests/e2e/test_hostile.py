"""The phone's core, and a short shift on a hostile network with everything killed meanwhile."""

import json
import os
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


@pytest.fixture(scope="module")
def built_core() -> Path:
    """The phone's core, installed and built; skips where Node is missing or npm cannot install."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("Node and npm are not installed")
    if not (CORE / "node_modules" / ".package-lock.json").exists():
        installed = npm("ci", "--silent")
        if installed.returncode != 0:
            pytest.skip(f"npm cannot install: {installed.stderr.strip()[-200:]}")
    built = npm("run", "--silent", "build")
    assert built.returncode == 0, built.stdout + built.stderr
    return CORE / "build"


def test_the_phones_core_passes_its_own_tests(built_core: Path) -> None:
    command = ["node", "--test", *map(str, sorted((built_core / "test").glob("*.test.js")))]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert answer.returncode == 0, answer.stdout


def test_nothing_is_lost_on_a_hostile_network(built_core: Path, tmp_path: Path) -> None:
    out = tmp_path / "hostile.json"
    command = [sys.executable, "-m", "tests.hostile", "--short", "--no-faults", "--out", str(out)]
    environment = {name: text for name, text in os.environ.items() if name != "DATABASE_URL"}
    answer = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=400
    )
    assert out.exists(), answer.stderr
    figures: dict[str, Any] = json.loads(out.read_text("utf-8"))
    assert figures["finished"], answer.stderr
    assert figures["examples"] == {}
    assert figures["commands_sent"] > 50 and figures["files_sent"] > 20
    assert figures["spoilt_share"] > 0.2 and figures["apps_killed"] > 0
    assert figures["servers_killed"]["api"] == figures["servers_killed"]["database"] == 1
    assert figures["upload_overhead"] <= 1.4
