"""Pure rules of a completion: what can be measured, and how the work is shared."""

from collections.abc import Mapping, Sequence
from decimal import ROUND_DOWN, Decimal
from typing import Any, Literal
from uuid import UUID

from app.completions.errors import SharesInvalid
from app.organisation.service import Member

Outcome = Literal[
    "fixed",
    "fixed_by_phone",
    "no_fault_found",
    "absent",
    "refused",
    "wrong_dispatch",
    "handed_over",
]
ReadingKind = Literal["R", "T", "P", "V", "I", "M"]

POSSIBLE: dict[str, dict[str, tuple[float, float]]] = {
    "R": {"°C": (-40, 60)},
    "T": {"°C": (-40, 200)},
    "P": {"MPa": (0, 10), "kPa": (0, 10_000), "bar": (0, 100)},
    "V": {"V": (0, 1_000), "kV": (0, 1_000)},
    "I": {"A": (0, 20_000), "mA": (0, 100_000), "MΩ": (0, 1_000_000)},
    "M": {"kWh": (0, 1e9), "MWh": (0, 1e9), "GJ": (0, 1e9), "m³": (0, 1e9)},
}
"""Units of each reading and what an instrument can show in them. Not a service standard: 12 °C
in a bedroom is bad and possible, 180 °C is a slip of the finger."""

LEADER_SHARE = Decimal("0.55")
"""The default split of DOMAIN 5.4: leader 0.55, the helpers 0.45 together."""
SHARE_STEP = Decimal("0.0001")
WHOLE = Decimal(1)


def impossible(kind: str, value: float, unit: str) -> str | None:
    """Why this reading cannot be meant, or None when it can."""
    units = POSSIBLE[kind]
    if unit not in units:
        return f"{kind} is measured in {' or '.join(units)}"
    low, high = units[unit]
    if not low <= value <= high:
        return f"{value:g} {unit} is outside {low:g} to {high:g}"
    return None


def default_shares(
    members: Sequence[Member], leader_share: Decimal = LEADER_SHARE
) -> dict[UUID, Decimal]:
    """The leader's part, and the helpers the rest in equal parts; what does not divide is the
    leader's.

    A leader without helpers gets all; trainees are shown at 0 (DOMAIN 5.4).
    """
    helpers = [member for member in members if member.role == "helper"]
    leader = next(member for member in members if member.role == "leader")
    shares = {member.technician_id: Decimal(0) for member in members}
    if helpers:
        each = ((WHOLE - leader_share) / len(helpers)).quantize(SHARE_STEP, ROUND_DOWN)
        shares.update({helper.technician_id: each for helper in helpers})
    shares[leader.technician_id] = WHOLE - sum(shares.values(), Decimal(0))
    return shares


def check_shares(shares: Mapping[UUID, Decimal], members: Sequence[Member]) -> None:
    """Raises SharesInvalid unless every member, and nobody else, has a share and they sum to 1.

    Only a trainee's share may be 0.
    """
    crew = {member.technician_id: member for member in members}
    why = None
    if shares.keys() != crew.keys():
        why = "shares must name every member of the crew and nobody else"
    elif any(share < 0 for share in shares.values()):
        why = "a share cannot be negative"
    elif any(share == 0 and crew[who].role != "trainee" for who, share in shares.items()):
        why = "only a trainee's share may be 0"
    elif sum(shares.values(), Decimal(0)) != WHOLE:
        why = f"shares sum to {sum(shares.values(), Decimal(0))}, not to 1"
    if why is not None:
        raise SharesInvalid(why, why=why)


def shares_of(rows: Sequence[Mapping[str, Any]]) -> dict[UUID, Decimal]:
    """A stored record's shares by technician."""
    return {UUID(row["technician_id"]): Decimal(row["share"]) for row in rows}
