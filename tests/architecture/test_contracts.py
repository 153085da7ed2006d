"""The import contracts hold, and each of them breaks on a seeded violation."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINT = Path(sys.executable).with_name("lint-imports")
SEEDS = {
    "rooms": ("app/core/ids.py", "import app.work_orders.service"),
    "demo-is-a-client": ("app/demo/city.py", "import app.identity.models"),
    "provision-stands-alone": ("app/provision/ports.py", "import rich"),
    "libraries-never-meet": ("routing/places.py", "import dispatch"),
    "dispatch-is-pure": ("dispatch/model.py", "import pydantic"),
    "routing-is-pure": ("routing/places.py", "import sqlalchemy"),
    "only-dispatch-solves": ("app/planning/models.py", "import ortools"),
    "pictures-are-opened-elsewhere": ("app/evidence/seen.py", "import PIL"),
    "only-edges-know-web": ("app/planning/run.py", "import starlette"),
    "services-know-no-web": ("app/catalogue/service.py", "import fastapi"),
}


def lint(root: Path, *contracts: str) -> subprocess.CompletedProcess[str]:
    chosen = [part for contract in contracts for part in ("--contract", contract)]
    return subprocess.run(
        [LINT, "--no-cache", *chosen], cwd=root, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("house")
    for folder in ("app", "dispatch", "routing"):
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / folder, root / folder, ignore=ignore)
    shutil.copy(ROOT / "pyproject.toml", root)
    return root


class TestContracts:
    def test_all_hold(self) -> None:
        result = lint(ROOT)
        assert result.returncode == 0, result.stdout + result.stderr

    def test_every_contract_has_a_seed(self) -> None:
        text = (ROOT / "pyproject.toml").read_text("utf-8")
        ids = {line.split('"')[1] for line in text.splitlines() if line.startswith("id = ")}
        assert ids == set(SEEDS)

    def test_each_breaks_on_its_violation(self, copy: Path) -> None:
        for file, line in SEEDS.values():
            with (copy / file).open("a", encoding="utf-8") as source:
                source.write(f"\n{line}\n")
        result = lint(copy)
        kept = [row for row in result.stdout.splitlines() if row.endswith("KEPT")]
        assert result.returncode == 1
        assert kept == [], f"these contracts cannot break: {kept}"
