"""Why a crew has an order, as the wire and the table of sent reasons carry it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import dispatch
from app.planning.held_up import Held
from app.planning.outcome import told
from app.planning.rerouted import Setting
from app.planning.stored import Asked
from app.planning.takers import Taking
from dispatch import wording_plans

OTHERS = 3
"""Crews told beside the one that has the order."""


@dataclass(frozen=True, slots=True)
class _Names:
    """Time zero and ids of what is told."""

    at: datetime
    crew_ids: Mapping[str, UUID]

    def choice(self, choice: dispatch.Choice) -> dict[str, Any]:
        return {
            "crew_id": self.crew_ids[choice.crew_id],
            "crew_code": choice.crew_id,
            "start_at": self.at + timedelta(seconds=choice.start_s),
            "terms_s": dict(choice.terms),
            "price_s": choice.price,
            "dearer_s": choice.dearer,
        }

    def why(
        self,
        chosen: dispatch.Choice,
        others: Sequence[dispatch.Choice],
        penalty_s: int,
        words: tuple[str, str],
    ) -> dict[str, Any]:
        return {
            "planned_at": self.at,
            "chosen": self.choice(chosen),
            "others": [self.choice(each) for each in others],
            "cannot": [],
            "penalty_s": penalty_s,
            "zh": words[0],
            "en": words[1],
        }


def why_planned(asked: Asked, serial: str, crew_id: UUID | None) -> dict[str, Any] | None:
    """Why the plan of a run gives the order to the crew that has it; None where its route cannot be
    priced without it, or where that plan gave it to nobody or to another crew."""
    try:
        why = dispatch.why(asked.problem, asked.plan, serial)
    except (dispatch.ProblemRefused, KeyError):
        return None
    if asked.crew_ids[why.chosen.crew_id] != crew_id:
        return None
    names = _Names(asked.at, asked.crew_ids)
    found = names.why(why.chosen, why.others, why.penalty_s, (why.zh, why.en))
    found["cannot"] = [
        {"crew_code": crew, "reason": told(reason)} for crew, reason in why.cannot.items()
    ]
    return found | {"decided_by": "plan", "moved_from": None}


def why_inserted(
    setting: Setting, chosen: dispatch.Proposal, proposals: Sequence[dispatch.Proposal]
) -> dict[str, Any]:
    """Why danger went to this crew at once: its price and that of the next ones."""
    penalty_s = setting.problem.order_by_id[chosen.order_id].priority_penalty
    first: dict[str, dispatch.Proposal] = {}
    for each in proposals:
        if each.crew_id != chosen.crew_id:
            first.setdefault(each.crew_id, each)
    here = _choice(chosen, chosen.added, penalty_s)
    others = [_choice(each, chosen.added, penalty_s) for each in list(first.values())[:OTHERS]]
    words = wording_plans.why_sentences(here, others, accepted=False)
    names = _Names(setting.snapshot.at, setting.snapshot.crew_ids)
    return names.why(here, others, penalty_s, words) | {"decided_by": "danger", "moved_from": None}


def why_handed_over(
    setting: Setting, taking: Taking, held: Held, asked: Sequence[Taking]
) -> dict[str, Any]:
    """Why the commit step sent a due visit to another crew than the plan's.

    The plan's crew comes first among the others, if it could have kept it.
    """
    penalty_s = setting.problem.order_by_id[taking.order_id].priority_penalty
    price_s = taking.there.added
    others = [] if taking.here is None else [_choice(taking.here, price_s, penalty_s)]
    rest = [each.there for each in asked if each.there.crew_id != taking.there.crew_id]
    others += [_choice(each, price_s, penalty_s) for each in rest[: OTHERS - len(others)]]
    chosen = _choice(taking.there, price_s, penalty_s)
    names = _Names(setting.snapshot.at, setting.snapshot.crew_ids)
    found = names.why(chosen, others, penalty_s, _handed_over_words(taking, held))
    return found | {"decided_by": "commit", "moved_from": taking.from_crew}


def saved_terms(taking: Taking) -> dict[str, int]:
    """What handing it over saves, term by term in seconds of price; `saved_s` is the sum."""
    there = _terms(taking.there, taking.there.added)
    if taking.here is None:
        return {"unserved": taking.here_s} | {term: -price for term, price in there.items()}
    here = _terms(taking.here, taking.here_s)
    return {term: price - there[term] for term, price in here.items()}


def _handed_over_words(taking: Taking, held: Held) -> tuple[str, str]:
    saved = saved_terms(taking)
    zh, en = wording_plans.move_sentences(
        taking.order_id,
        taking.from_crew,
        taking.there.crew_id,
        max(saved, key=saved.__getitem__),
        saved,
        taking.saved_s,
    )
    zh_held, en_held = held.words
    return (
        f"派发时调整(班组 {taking.from_crew} {zh_held}):{zh}",
        f"At sending, since {taking.from_crew} was {en_held}: {en[0].lower()}{en[1:]}",
    )


def _choice(proposal: dispatch.Proposal, least: int, penalty_s: int) -> dispatch.Choice:
    """The proposal as a choice; `unserved` is what others' being left out costs."""
    return dispatch.Choice(
        crew_id=proposal.crew_id,
        position=proposal.position,
        start_s=proposal.start_s,
        terms=dict(proposal.terms) | {"unserved": proposal.terms["unserved"] + penalty_s},
        price=proposal.added,
        dearer=proposal.added - least,
    )


def _terms(proposal: dispatch.Proposal, added: int) -> dict[str, int]:
    """Its terms without the penalty that serving the order saves."""
    own = {term: price for term, price in proposal.terms.items() if term != "unserved"}
    return {"unserved": added - sum(own.values())} | own
