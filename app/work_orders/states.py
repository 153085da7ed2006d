"""The states and actions of a repair order (DOMAIN section 7)."""

from enum import StrEnum


class State(StrEnum):
    """Where an order stands."""

    DRAFT = "DRAFT"
    NEW = "NEW"
    SENT = "SENT"
    ACCEPTED = "ACCEPTED"
    ENROUTE = "ENROUTE"
    ONSITE = "ONSITE"
    WORKING = "WORKING"
    DONE = "DONE"
    REVISIT = "REVISIT"
    CLOSED = "CLOSED"
    HOLD = "HOLD"
    RETURNED = "RETURNED"
    CANCELLED = "CANCELLED"
    MERGED = "MERGED"


ENDED = frozenset({State.CLOSED, State.CANCELLED, State.MERGED})
IN_CREW_HANDS = frozenset({State.SENT, State.ACCEPTED, State.ENROUTE, State.ONSITE, State.WORKING})
AWAITING_DISPATCH = frozenset({State.NEW, State.RETURNED})


class Action(StrEnum):
    """What happened to an order, in the past tense; one event each."""

    DRAFTED = "drafted"
    SUBMITTED = "submitted"
    SOLVED_BY_PHONE = "solved_by_phone"
    SENT = "sent"
    RESENT = "resent"
    WITHDRAWN = "withdrawn"
    ACCEPTED = "accepted"
    CONTACTED = "contacted"
    REFUSED = "refused"
    ACCEPT_EXPIRED = "accept_expired"
    TRANSFERRED = "transferred"
    RETURNED = "returned"
    DEPARTED = "departed"
    ARRIVED = "arrived"
    STARTED = "started"
    RESTORED = "restored"
    MADE_SAFE = "made_safe"
    NOTED = "noted"
    COMPLETED = "completed"
    REJECTED = "rejected"
    PASSED = "passed"
    CLOSED = "closed"
    REWORKED = "reworked"
    HOLD_REQUESTED = "hold_requested"
    HELD = "held"
    HOLD_REFUSED = "hold_refused"
    RESUMED = "resumed"
    CANCEL_REQUESTED = "cancel_requested"
    CANCELLED = "cancelled"
    CANCEL_REFUSED = "cancel_refused"
    URGED = "urged"
    URGE_MERGED = "urge_merged"
    URGE_ANSWERED = "urge_answered"
    SUPERVISED = "supervised"
    SUPERVISION_ANSWERED = "supervision_answered"
    APPROVAL_ESCALATED = "approval_escalated"
    REBOOKED = "rebooked"
    AMENDED = "amended"
    PINNED = "pinned"
    REVISIT_TRIED = "revisit_tried"
    MERGED = "merged"
    SPLIT = "split"
    FOLLOWED = "followed"
    RECORDINGS_REMOVED = "recordings_removed"
