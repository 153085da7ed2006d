"""`python -m clients.generate`: clients in four languages from the OpenAPI document.

They go to `clients/generated/` (not committed). Kotlin, Swift and Dart need Java 11 or later; so
does TypeScript, whose types alone come with `clients/phone-core` too.
"""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from app.provision.project import Project
from app.provision.uv import ensure_uv

PROJECT = Project()
VERSION = "7.26.0"
TARGETS = {
    "typescript": "typescript-fetch",
    "kotlin": "kotlin",
    "swift": "swift6",
    "dart": "dart-dio",
}
_TOOL = PROJECT.var / "tools" / f"openapi-generator-{VERSION}"
_JAR = _TOOL / "openapi_generator_cli" / "openapi-generator.jar"
_TROUBLE = (" ERROR ", "Exception in thread")


def main(languages: Sequence[str]) -> int:
    """Generate the named clients, or all; 0 also when Java is missing, which is said."""
    java = shutil.which("java")
    if java is None:
        print("clients: skipped, for there is no Java here: install a Java runtime (11 or later).")
        return 0
    _install()
    failed = [each for each in languages or TARGETS if not _generate(java, each)]
    for language in failed:
        print(f"clients: {language} did not generate clean, see {_log(language)}", file=sys.stderr)
    return 1 if failed else 0


def _install() -> None:
    if _JAR.exists():
        return
    uv = ensure_uv(PROJECT, [Path(sys.executable)])
    package = f"openapi-generator-cli=={VERSION}"
    quiet = ["--quiet", "--no-deps", "--python", sys.executable]
    command = [str(uv), "pip", "install", *quiet, "--target", str(_TOOL), package]
    subprocess.run(command, check=True)


def _generate(java: str, language: str) -> bool:
    """Whether it ended well, with no error in its log."""
    folder = PROJECT.root / "clients" / "generated" / language
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(exist_ok=True)
    spec = PROJECT.root / "openapi" / "openapi.json"
    command = [java, "-jar", str(_JAR), "generate", "-g", TARGETS[language]]
    command += ["-i", str(spec), "-o", str(folder)]
    with _log(language).open("wb") as log:
        done = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT)
    said = _log(language).read_text("utf-8", "replace")
    print(f"clients: {language} in {folder.relative_to(PROJECT.root)}")
    return done.returncode == 0 and not any(word in said for word in _TROUBLE)


def _log(language: str) -> Path:
    return PROJECT.root / "clients" / "generated" / f"{language}.log"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
