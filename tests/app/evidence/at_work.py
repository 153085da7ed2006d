"""An order that a crew is working on, and the files that its phones hold."""

import base64
import hashlib
import io
from dataclasses import dataclass, field
from functools import cache
from uuid import UUID, uuid4, uuid5

from PIL import Image
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.permissions import Role
from app.core.scope import Principal
from app.evidence.storage import kept_key, quarantine_key, storage
from app.identity.service import principal_of_user
from app.payouts.load import load_default_rate_card
from app.work_orders import assignments, intake
from app.work_orders import service as work_orders
from app.work_orders.acts import Act
from app.work_orders.models import WorkOrder
from app.work_orders.states import Action
from app.work_orders.transitions import transition
from tests.factories.world import World

UPLOADS = "/evidence/uploads"


async def person(session: AsyncSession, world: World, username: str) -> Principal:
    return await principal_of_user(session, world.users[username])


async def order_at_work(
    session: AsyncSession,
    world: World,
    *,
    crew: str = "A1",
    leader: str = "tech01",
    fault_code: str = "H02",
    premises: str = "锦绣家园1-1-101",
) -> WorkOrder:
    """Taken in, sent, accepted, driven to and started; H02 demands photos B and F, a signature G
    and room temperatures R."""
    await load_default_rate_card(session)  # a passed review earns
    agent = await person(session, world, "agent")
    report = intake.Report(
        channel="phone",
        caller_name="王女士",
        caller_phone="13900000001",
        fault_code=fault_code,
        description="主卧不热",
        premises_id=world.premises[premises],
    )
    order = await intake.take(session, agent, report, Act.now(agent, Role.AGENT))
    desk = await person(session, world, "dispatcher")
    await assignments.assign(
        session,
        order,
        world.crews[crew],
        Act.now(desk, Role.DISPATCHER),
        how="manual",
        reason="nearest",
    )
    technician = await person(session, world, leader)
    act = Act.now(technician, Role.TECHNICIAN)
    for action in (Action.ACCEPTED, Action.DEPARTED, Action.ARRIVED):
        await transition(session, order, action, act)
    await transition(session, order, Action.STARTED, act, checklist_confirmed=True)
    return order


async def leader_act(session: AsyncSession, world: World, username: str = "tech01") -> Act:
    return Act.now(await person(session, world, username), Role.TECHNICIAN)


async def reread(session: AsyncSession, order_id: UUID) -> WorkOrder:
    return await work_orders.locked_any(session, order_id)


@cache
def jpeg(quality: int = 60) -> bytes:
    """A real picture that does not compress well: about 100 kB, at quality 98 about 500 kB."""
    picture = Image.effect_noise((900, 700), 90)
    bytes_ = io.BytesIO()
    picture.save(bytes_, "JPEG", quality=quality)
    return bytes_.getvalue()


@cache
def tiny_jpeg() -> bytes:
    """A picture of a few hundred bytes."""
    bytes_ = io.BytesIO()
    Image.new("RGB", (8, 8), (200, 30, 30)).save(bytes_, "JPEG")
    return bytes_.getvalue()


@cache
def png() -> bytes:
    """A signature's picture."""
    bytes_ = io.BytesIO()
    Image.new("L", (200, 80), 255).save(bytes_, "PNG")
    return bytes_.getvalue()


@dataclass
class PhoneFile:
    """A file as the phone holds it."""

    content: bytes
    kind: str = "F"
    media_type: str = "image/jpeg"
    id: UUID = field(default_factory=uuid4)
    sha256: str = ""

    def __post_init__(self) -> None:
        self.sha256 = self.sha256 or hashlib.sha256(self.content).hexdigest()

    @property
    def url(self) -> str:
        return f"{UPLOADS}/{self.id}"

    def metadata(self, order_id: UUID) -> dict[str, str]:
        return {
            "order_id": str(order_id),
            "file_id": str(self.id),
            "kind": self.kind,
            "sha256": self.sha256,
            "filetype": self.media_type,
            "captured_at": "2026-01-15T08:10:00+08:00",
            "filename": "IMG_0001.jpg",
        }

    def creation(self, order_id: UUID, **more: str) -> dict[str, str]:
        """Headers of the creation, with `more` metadata."""
        pairs = (
            f"{key} {base64.b64encode(value.encode()).decode()}"
            for key, value in (self.metadata(order_id) | more).items()
        )
        return tus(Upload_Length=str(len(self.content)), Upload_Metadata=",".join(pairs))

    def declared(self) -> dict[str, object]:
        """The file's line in a manifest."""
        return {
            "file_id": str(self.id),
            "kind": self.kind,
            "media_type": self.media_type,
            "size_bytes": len(self.content),
            "sha256": self.sha256,
        }


def kept(sha256: str) -> bytes:
    """The verified bytes with this hash; raises FileNotFoundError."""
    return b"".join(storage().read(kept_key(sha256)))


def is_kept(sha256: str) -> bool:
    return storage().size(kept_key(sha256)) is not None


def quarantined(file: PhoneFile) -> bytes:
    """The rejected original; raises FileNotFoundError."""
    came = hashlib.sha256(file.content).hexdigest()
    return b"".join(storage().read(quarantine_key(uuid5(file.id, came))))


def h02_files() -> list[PhoneFile]:
    """What H02 demands."""
    return [
        PhoneFile(jpeg(), kind="B"),
        PhoneFile(jpeg(61), kind="F"),
        PhoneFile(png(), kind="G", media_type="image/png"),
    ]


def tus(**headers: str) -> dict[str, str]:
    """tus headers, with `_` for `-`."""
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    return {"Tus-Resumable": "1.0.0"} | named


def chunk(offset: int) -> dict[str, str]:
    """Headers of a chunk."""
    return tus(Upload_Offset=str(offset)) | {"Content-Type": "application/offset+octet-stream"}
