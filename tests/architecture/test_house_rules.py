"""House rules that no linter knows: clocks, commits, private repositories."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STRAY_CLOCKS = {
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("datetime", "today"),
    ("date", "today"),
    ("time", "time"),
}
OWN_CLOCKS = {"app/core/clock.py", "app/core/ids.py"}
"""`ids` makes UUIDs of real milliseconds, which is no business time."""


def sources(*folders: str) -> Iterator[tuple[str, ast.Module]]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), _parsed(path)


@cache
def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def calls(tree: ast.Module) -> Iterator[tuple[str, str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            name = owner.id if isinstance(owner, ast.Name) else getattr(owner, "attr", "")
            yield name, node.func.attr, node.lineno


def stray_clocks(tree: ast.Module) -> list[int]:
    return [line for owner, method, line in calls(tree) if (owner, method) in STRAY_CLOCKS]


def commits(tree: ast.Module) -> list[int]:
    return [
        line
        for owner, method, line in calls(tree)
        if method in {"commit", "rollback"} and owner not in {"", "self"}
    ]


def foreign_repositories(name: str, tree: ast.Module) -> list[str]:
    room = ".".join(name.split("/")[:2])
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            found += [
                each
                for each in names
                if each.startswith("app.")
                and "repository" in each.split(".")
                and not each.startswith(room + ".")
            ]
    return found


class TestClocks:
    def test_only_core_clock_asks_for_the_time(self) -> None:
        strays = {
            name: lines
            for name, tree in sources("app", "dispatch", "routing")
            if name not in OWN_CLOCKS
            and not name.startswith("app/provision/")
            and (lines := stray_clocks(tree))
        }
        assert strays == {}

    def test_a_stray_would_be_found(self) -> None:
        assert stray_clocks(ast.parse("import datetime\ndatetime.datetime.now()")) == [2]


class TestCommits:
    def test_only_core_commits(self) -> None:
        found = {
            name: lines
            for name, tree in sources("app")
            if not name.startswith(("app/core/", "app/demo/", "app/provision/"))
            and (lines := commits(tree))
        }
        assert found == {}

    def test_a_commit_would_be_found(self) -> None:
        assert commits(ast.parse("async def f(session):\n    await session.commit()")) == [2]


class TestRepositories:
    def test_each_is_private_to_its_room(self) -> None:
        found = {
            name: foreign
            for name, tree in sources("app")
            if (foreign := foreign_repositories(name, tree))
        }
        assert found == {}

    def test_a_foreign_import_would_be_found(self) -> None:
        tree = ast.parse("from app.customers import repository")
        assert foreign_repositories("app/payouts/service.py", tree) == ["app.customers.repository"]
