"""The phones: a process each, killed and started again; and the list of what each of them said."""

import asyncio
import json
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from app.core import clock
from app.provision.project import PROJECT_ROOT
from tests.factories.world import PASSWORD
from tests.hostile.company import Owner
from tests.hostile.house import House
from tests.hostile.nursery import Born, Nursery

CORE = PROJECT_ROOT / "clients" / "phone-core"
HANDSET = CORE / "build" / "test" / "handset.js"
_LINE_LIMIT = 2**22


@dataclass(slots=True)
class SaidFile:
    """A picture that a phone took; its bytes are at `path`."""

    order_id: str
    kind: str
    path: Path
    kept: bool = False
    """The phone said that it is on its disk: from now on it must not be lost."""


@dataclass(slots=True)
class Said:
    """All that one phone said: the harness's own list, independent of the server's."""

    owner: Owner
    device_id: str
    meant: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Commands that were begun, by id: those the phone was killed over may or may not exist."""
    commands: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Commands that the phone kept, word for word."""
    files: dict[str, SaidFile] = field(default_factory=dict)
    signed_out: int = 0
    problems: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Handset:
    """One phone and its owner, as a process with its state on disk."""

    said: Said
    nursery: Nursery
    config: Path
    taken: Path
    log: Path
    kills: int = 0
    drained: bool = False
    """Its last word: all it ever said is with the server, by reconciliation."""
    _process: Born | None = None
    _hearing: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Switch on, as it was left."""
        self.drained = False
        reading, writing = os.pipe()
        self._process = self.nursery.bear(
            self.said.owner.made, [str(self.config)], self.log, stdout=writing
        )
        os.close(writing)
        self._hearing = asyncio.create_task(self._hear(reading))

    async def kill(self) -> None:
        """The app is killed; everything it had said before is heard first."""
        assert self._process is not None and self._hearing is not None
        self.kills += 1
        await self._process.killed()
        await self._hearing

    def assert_alive(self) -> None:
        """Raises EndedEarly when the app ended by itself."""
        if self._process is not None:
            self._process.assert_alive()

    async def _hear(self, reading: int) -> None:
        words = asyncio.StreamReader(limit=_LINE_LIMIT)
        protocol = asyncio.StreamReaderProtocol(words)
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: protocol, os.fdopen(reading, "rb"))
        while line := await words.readline():
            if not line.endswith(b"\n"):  # killed in the middle of a word: never said
                return
            self._note(json.loads(line))

    def _note(self, told: dict[str, Any]) -> None:
        said = self.said
        if "drained" in told:
            self.drained = told["drained"]
            return
        if told.get("means") == "command":
            said.meant[told["id"]] = told
        elif told.get("means") == "file":
            path = self.taken / told["id"]
            said.files[told["id"]] = SaidFile(told["order_id"], told["kind"], path)
        elif told.get("said") == "command":
            said.commands[told["id"]] = told["command"]
        elif told.get("said") == "file":
            said.files[told["id"]].kept = True
        elif told.get("event") == "signed out":
            said.signed_out += 1
        elif told.get("event") == "refused":
            said.problems.append(str(told.get("problem")))


def be_node(arguments: list[str]) -> None:
    """This process becomes a phone whose app is the core under Node."""
    os.chdir(PROJECT_ROOT)
    program = ["node", "--enable-source-maps", str(HANDSET), *arguments]
    os.execvp(program[0], program)  # noqa: S606 - no shell is wanted


def make_handset(
    house: House, folder: Path, owner: Owner, url: str, pictures: list[Path], basement: float
) -> Handset:
    """A phone that was never switched on; `basement` is how often it has no signal."""
    home = folder / "phones" / owner.username
    taken = home / "taken"
    taken.mkdir(parents=True)
    said = Said(owner, str(uuid4()))
    offset_s = (clock.now() - clock.real_now()).total_seconds() + owner.clock_offset_s
    config = {
        "url": url,
        "username": owner.username,
        "password": PASSWORD,
        "device_id": said.device_id,
        "technician_id": str(house.world.technicians[owner.username]),
        "state": str(home),
        "taken": str(taken),
        "pictures": [str(each) for each in pictures],
        "clock_offset_ms": round(offset_s * 1000),
        "basement": basement,
    }
    path = home / "config.json"
    path.write_text(json.dumps(config), "utf-8")
    return Handset(said, house.nursery, path, taken, home / "log")


def why_no_node() -> str | None:
    """Why phones written for Node cannot run here, or None."""
    if shutil.which("node") is None:
        return "Node is not installed"
    if not HANDSET.exists():
        return f"{CORE.name} is not built: run `make phone-core`"
    return None
