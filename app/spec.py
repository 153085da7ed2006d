"""The committed documents that the code writes: the OpenAPI document, and every problem."""

import json
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import app
from app.core.problems import TYPE_BASE, Problem
from app.core.settings import Environment, Settings
from app.main import create_app

_OFFLINE = Settings(
    environment=Environment.TEST,
    database_url="postgresql://nobody@localhost/none",
    secret_key="only used to write documents, never to sign",  # noqa: S106
)


def documents(folder: Path) -> dict[Path, str]:
    """What each generated file must say."""
    spec = create_app(_OFFLINE).openapi()
    return {
        folder / "openapi.json": json.dumps(spec, ensure_ascii=False, indent=1, sort_keys=True)
        + "\n",
        folder / "problems.md": _problems(),
    }


def _problems() -> str:
    for module in walk_packages(app.__path__, "app."):
        if module.name.endswith((".errors", ".problems", ".limits", ".idempotency")):
            import_module(module.name)
    lines = [
        "# Problems",
        "",
        f"Every refusal is `application/problem+json` (RFC 9457) with a `type` of `{TYPE_BASE}…`.",
        "Written by `make openapi`.",
        "",
        "| type | status | title | 标题 | what to do |",
        "|---|---|---|---|---|",
    ]
    for problem in sorted(_subclasses(Problem), key=lambda each: each.type):
        lines.append(
            f"| `{problem.type}` | {problem.status} | {problem.title.en} | {problem.title.zh}"
            f" | {problem.action.en} |"
        )
    return "\n".join(lines) + "\n"


def _subclasses(kind: type[Problem]) -> set[type[Problem]]:
    found: set[type[Problem]] = set()
    for each in kind.__subclasses__():
        if each.__module__.startswith("app."):
            found |= {each} | _subclasses(each)
    return found
