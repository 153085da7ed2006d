"""Faults for the harness to find: each takes one promise out of the API, in this process only.

Nothing in the product knows of them; `tests.hostile.serve --fault NAME` seeds one.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.scope import Principal
from app.evidence import creation, finishing, repository
from app.evidence.declaration import UploadMetadata
from app.evidence.inspection.findings import Findings
from app.evidence.leases import Lease
from app.evidence.models import EvidenceFile
from app.evidence.parts import parts
from app.evidence.storage import kept_key, storage
from app.mobile import inbox_store
from app.mobile.models import PhoneCommand

_LAST_CHUNK_BYTES = 1000


def _skip_inbox_row() -> None:
    """A command is carried out and answered, but not kept: a replay does it again."""

    async def claim(session: AsyncSession, row: PhoneCommand) -> PhoneCommand | None:
        return None

    async def known(session: AsyncSession, command_id: UUID) -> PhoneCommand | None:
        return None

    _replace(inbox_store, claim=claim, known=known)


def _drop_last_chunk() -> None:
    """What is kept of a file ends before its last bytes, and counts as verified."""

    def keep(lease: Lease, findings: Findings) -> None:
        part = parts().path(lease.file_id)
        shorter = Path(f"{part}.shorter")
        shorter.write_bytes(part.read_bytes()[:-_LAST_CHUNK_BYTES])
        storage().put(kept_key(lease.sha256), shorter)

    _replace(finishing, _keep=keep)


def _ignore_owner() -> None:
    """Whoever names an upload gets it, for any order."""
    create = creation.create

    async def take(
        session: AsyncSession,
        principal: Principal,
        said: UploadMetadata,
        size_bytes: int,
        metadata: str | None = None,
    ) -> EvidenceFile:
        file = (await repository.locked(session, [said.file_id])).get(said.file_id)
        if file is not None and said.order_id is not None:
            file.owner_id, file.order_id = principal.id, said.order_id
            await session.flush()
        return await create(session, principal, said, size_bytes, metadata)

    _replace(creation, create=take)


def _replace(module: Any, **functions: Callable[..., Any]) -> None:
    for name, function in functions.items():
        assert hasattr(module, name), f"{module.__name__} has no {name} to spoil"
        setattr(module, name, function)


FAULTS: dict[str, Callable[[], None]] = {
    "skip-inbox-row": _skip_inbox_row,
    "drop-last-chunk": _drop_last_chunk,
    "ignore-owner": _ignore_owner,
}
"""By name; `REDDENS` says which figure each must turn red."""
REDDENS = {
    "skip-inbox-row": "commands_lost",
    "drop-last-chunk": "files_different",
    "ignore-owner": "files_misplaced",
}
