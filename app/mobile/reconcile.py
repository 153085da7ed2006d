"""The phone's manifest against what is here: exactly what is held, missing, or different."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import or_
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock
from app.core.scope import Principal
from app.evidence.models import EvidenceFile
from app.mobile import inbox_store, notices, policy, repository
from app.mobile.models import PhoneCommand, PhoneManifest
from app.mobile.reconcile_schemas import (
    CommandDiffers,
    CommandsReconciled,
    FileDiffers,
    FilePart,
    FileRejected,
    FilesReconciled,
    FileUnlisted,
    HeldCommand,
    HeldFile,
    HeldOrder,
    ManifestIn,
    OrderDiffers,
    OrdersReconciled,
    ReconciliationOut,
)
from app.mobile.schemas import SequenceGap
from app.notifications.errors import NoDevice

_COUNTS = ("orders", "commands", "files", "missing_commands", "missing_files", "differing")


async def compare(
    session: AsyncSession, principal: Principal, manifest: ManifestIn
) -> ReconciliationOut:
    """Each order, command and file in exactly one list; notes when it was asked. Raises NoDevice.

    Commands that never came put a notice on the phone until they have.
    """
    if principal.device_id is None:
        raise NoDevice()
    orders = await _orders(session, principal, manifest.orders)
    commands = await _commands(session, principal, principal.device_id, manifest.commands)
    files = await _files(session, principal, manifest.files)
    out = ReconciliationOut(
        complete=_is_complete(orders, commands, files),
        orders=orders,
        commands=commands,
        files=files,
        server_time=clock.now(),
    )
    await _note(session, principal, principal.device_id, manifest, out)
    return out


def _is_complete(
    orders: OrdersReconciled, commands: CommandsReconciled, files: FilesReconciled
) -> bool:
    wrong: tuple[Sequence[Any], ...] = (
        *(orders.missing, orders.gone, orders.differing),
        *(commands.missing, commands.differing, commands.gaps),
        *(files.missing, files.partial, files.rejected, files.differing, files.unlisted),
    )
    return not any(wrong)


async def _orders(
    session: AsyncSession, principal: Principal, held: Sequence[HeldOrder]
) -> OrdersReconciled:
    standing = await repository.job_versions(session, principal.crew_ids)
    shown = {each.id: each.version for each in held}
    return OrdersReconciled(
        same=sum(standing.get(key) == version for key, version in shown.items()),
        missing=sorted(standing.keys() - shown.keys()),
        gone=sorted(shown.keys() - standing.keys()),
        differing=[
            OrderDiffers(id=key, version=standing[key])
            for key, version in sorted(shown.items())
            if key in standing and standing[key] != version
        ],
    )


async def _commands(
    session: AsyncSession, principal: Principal, device_id: UUID, held: Sequence[HeldCommand]
) -> CommandsReconciled:
    device = await inbox_store.device(session, device_id)
    listed = {each.id: each.device_seq for each in held}
    query = select(PhoneCommand).where(col(PhoneCommand.id).in_(listed))
    known = {row.id: row for row in (await session.exec(query)).all()}
    differing, right = [], []
    for row in known.values():
        if (row.device_id, row.user_id) != (device_id, principal.id):
            differing.append(CommandDiffers(id=row.id, why="not_yours"))
        elif row.device_seq != listed[row.id]:
            differing.append(CommandDiffers(id=row.id, why="device_seq"))
        else:
            right.append(row)
    here = await repository.commands_here(session, device_id, principal.id)
    gaps = policy.gaps(device.last_command_seq, listed.values())
    return CommandsReconciled(
        applied=sum(row.outcome == "applied" for row in right),
        refused=sorted(row.id for row in right if row.outcome == "refused"),
        conflicts=sorted(row.id for row in right if row.outcome == "conflict"),
        missing=[each.id for each in held if each.id not in known],
        differing=differing,
        unlisted=here - len(right),
        last_seq=device.last_command_seq,
        gaps=[SequenceGap(first=first, last=last) for first, last in gaps],
    )


async def _files(
    session: AsyncSession, principal: Principal, held: Sequence[HeldFile]
) -> FilesReconciled:
    listed = {each.id: each for each in held}
    query = select(EvidenceFile).where(col(EvidenceFile.id).in_(listed))
    known = {row.id: row for row in (await session.exec(query)).all()}
    out = FilesReconciled(
        verified=0,
        missing=[each.id for each in held if each.id not in known],
        partial=[],
        rejected=[],
        differing=[],
        unlisted=await _unlisted(session, principal, listed.keys()),
    )
    for row in known.values():
        _sort(out, row, listed[row.id], principal)
    return out


def _sort(out: FilesReconciled, row: EvidenceFile, said: HeldFile, principal: Principal) -> None:
    fields = [
        name
        for name in ("order_id", "sha256", "size_bytes")
        if getattr(row, name) != getattr(said, name)
    ]
    if row.owner_id != principal.id:
        fields.append("owner")
    if fields:
        out.differing.append(FileDiffers(id=row.id, fields=fields))
    elif row.state == "verified":
        out.verified += 1
    elif row.state == "rejected":
        out.rejected.append(FileRejected(id=row.id, why=row.rejected_why))
    elif row.received_bytes == 0:
        out.missing.append(row.id)
    else:
        part = FilePart(id=row.id, offset=row.received_bytes, size_bytes=row.size_bytes)
        out.partial.append(part)


async def _unlisted(session: AsyncSession, principal: Principal, listed: Any) -> list[FileUnlisted]:
    """What the caller owes a current manifest, and neither names nor began on another phone."""
    query = (
        select(EvidenceFile.id, EvidenceFile.order_id)
        .where(
            EvidenceFile.owner_id == principal.id,
            or_(
                col(EvidenceFile.device_id).is_(None),
                col(EvidenceFile.device_id) == principal.device_id,
            ),
            col(EvidenceFile.in_manifest),
            col(EvidenceFile.state).in_(("declared", "receiving")),
        )
        .order_by(col(EvidenceFile.id))
    )
    rows = (await session.exec(query)).all()
    return [FileUnlisted(id=row[0], order_id=row[1]) for row in rows if row[0] not in listed]


async def _note(
    session: AsyncSession,
    principal: Principal,
    device_id: UUID,
    manifest: ManifestIn,
    out: ReconciliationOut,
) -> None:
    """Keep what it came to; pages add up, and the last one tells the phone."""
    row = PhoneManifest(
        device_id=device_id,
        user_id=principal.id,
        at=clock.now(),
        orders=len(manifest.orders),
        commands=len(manifest.commands),
        files=len(manifest.files),
        missing_commands=len(out.commands.missing),
        missing_files=len(out.files.missing) + len(out.files.partial),
        differing=len(out.commands.differing) + len(out.files.differing),
    )
    if manifest.of == 1:  # else it may be on another page
        row.missing_commands += len(out.commands.gaps)
        row.missing_files += len(out.files.unlisted)
    missing = await _added(session, row, manifest.page)
    if manifest.page < manifest.of:
        return
    key = f"commands:{device_id}:{principal.id}"
    if missing:
        data = {"commands": missing}
        await notices.put(session, key, principal.id, "commands_missing", None, data)
    else:
        await notices.end(session, key)


async def _added(session: AsyncSession, row: PhoneManifest, page: int) -> int:
    """Begin the note with the first page, add the others to it; commands missing so far."""
    values = row.model_dump()
    new = insert(PhoneManifest).values(values)
    changed: dict[str, Any] = {name: new.excluded[name] for name in values if name != "device_id"}
    if page > 1:
        stood = PhoneManifest.__table__.c  # type: ignore[attr-defined]
        changed |= {name: stood[name] + new.excluded[name] for name in _COUNTS}
    added = new.on_conflict_do_update(index_elements=["device_id"], set_=changed)
    counted = await session.execute(added.returning(col(PhoneManifest.missing_commands)))
    return int(counted.scalar_one())
