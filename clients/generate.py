"""`python -m clients.generate`: clients in four languages from the OpenAPI document.

They go to `clients/generated/` (not committed). The generator needs Java 11 or later. TypeScript is
compiled, strictly, by the compiler of `clients/phone-core`; Kotlin, Swift and Dart are generated
and not compiled, since their compilers do not come with this project.
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
_CORE = PROJECT.root / "clients" / "phone-core"
_STRICT = ["--noEmit", "--strict", "--skipLibCheck", "--target", "ES2022", "--module", "ES2022"]
_STRICT += ["--moduleResolution", "bundler", "--lib", "ES2022,DOM,DOM.Iterable"]
_TROUBLE = (" ERROR ", "Exception in thread")


def main(languages: Sequence[str]) -> int:
    """Generate the named clients, or all; 1 when a tool is missing or one is not clean."""
    java = shutil.which("java")
    if java is None:
        print("clients: there is no Java here; install a runtime, 11 or later.", file=sys.stderr)
        return 1
    _install()
    failed = [each for each in languages or TARGETS if not _made(java, each)]
    for language in failed:
        print(f"clients: {language} did not come out clean, see {_log(language)}", file=sys.stderr)
    return 1 if failed else 0


def _made(java: str, language: str) -> bool:
    """Whether the client was generated without an error and, where it can be, compiled."""
    if not _generate(java, language):
        return False
    compiled = _compile() if language == "typescript" else None
    said = {True: "compiled", False: "did not compile", None: "not compiled"}[compiled]
    print(f"clients: {language} generated, {said}: {_folder(language).relative_to(PROJECT.root)}")
    return compiled is not False


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
    folder = _folder(language)
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(exist_ok=True)
    spec = PROJECT.root / "openapi" / "openapi.json"
    command = [java, "-jar", str(_JAR), "generate", "-g", TARGETS[language]]
    command += ["-i", str(spec), "-o", str(folder)]
    with _log(language).open("wb") as log:
        done = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT)
    said = _log(language).read_text("utf-8", "replace")
    return done.returncode == 0 and not any(word in said for word in _TROUBLE)


def _compile() -> bool:
    """Whether the TypeScript client passes the strict compiler; what it says joins the log."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        print("clients: TypeScript is compiled by Node 20, which is not here.", file=sys.stderr)
        return False
    compiler = _CORE / "node_modules" / "typescript" / "bin" / "tsc"
    with _log("typescript").open("ab") as log:
        if not compiler.exists():
            subprocess.run([npm, "ci", "--silent"], cwd=_CORE, stdout=log, stderr=log, check=True)
        command = [node, str(compiler), *_STRICT, str(_folder("typescript") / "index.ts")]
        return subprocess.run(command, stdout=log, stderr=log).returncode == 0


def _folder(language: str) -> Path:
    return PROJECT.root / "clients" / "generated" / language


def _log(language: str) -> Path:
    return _folder(language).with_suffix(".log")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
