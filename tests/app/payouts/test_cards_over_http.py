"""Rate cards over HTTP: brought into force, tried on an old month, refused with lines."""

from datetime import date
from importlib import resources

import httpx
from sqlmodel import select

from app.core.db import Database
from app.core.permissions import Role
from app.identity import service as identity
from app.payouts.models import LedgerEntry, RateCard
from app.work_orders.states import State
from tests.conftest import Headers
from tests.factories.orders import order_in
from tests.factories.world import World

SHIPPED = resources.files("app.payouts").joinpath("data", "p_proposal_2026.toml").read_text("utf-8")
DEARER = (
    SHIPPED.replace("P proposal 2026-2", "二月价目")
    .replace("effective_from = 2026-01-01", "effective_from = 2026-02-01")
    .replace("point_minor = 500", "point_minor = 620")
    .replace('# H01 = "6"', 'H01 = "7.5"')
)


async def test_a_card_is_simulated_then_imported_and_follows_the_one_before(
    client: httpx.AsyncClient, database: Database, app: object, world: World, as_: Headers
) -> None:
    async with database.transaction() as session:
        await order_in(session, world, State.CLOSED)
        await order_in(session, world, State.CLOSED, fault="H10", crew="A1")
    body = {"toml": DEARER, "month": "2026-01"}
    path = "/payouts/rate-cards"
    answer = await client.post(f"{path}/simulation", json=body, headers=as_("manager"))
    assert answer.status_code == 200, answer.text
    found = answer.json()
    # H01: 6 -> 7.5 points; H10: 20 points; at 6.20 instead of 5.00 yuan.
    assert (found["before"], found["after"]) == (
        {"points": "26.00", "amount_minor": 13000},
        {"points": "27.50", "amount_minor": 17050},
    )
    people = {each["employee_no"]: each["after"]["points"] for each in found["technicians"]}
    assert people == {"E-tech01": "11.00", "E-tech02": "9.00", "E-tech03": "7.50"}
    async with database.transaction() as session:
        assert len((await session.exec(select(RateCard))).all()) == 1
        assert {each.amount_minor for each in (await session.exec(select(LedgerEntry))).all()} == {
            *(3000, 5500, 4500)
        }
    imported = await client.post(path, json={"toml": DEARER}, headers=as_("manager"))
    assert imported.status_code == 201, imported.text
    async with database.transaction() as session:
        cards = (await session.exec(select(RateCard))).all()
    spans = {each.name: (each.effective_from, each.effective_to) for each in cards}
    assert spans == {
        "P proposal 2026-2": (date(2026, 1, 1), date(2026, 2, 1)),
        "二月价目": (date(2026, 2, 1), None),
    }


async def test_what_cannot_come_into_force_says_why(
    client: httpx.AsyncClient, database: Database, app: object, world: World, as_: Headers
) -> None:
    async with database.transaction() as session:
        await order_in(session, world, State.REVISIT)
    paid = DEARER.replace("effective_from = 2026-02-01", "effective_from = 2026-01-15")
    cases = {
        "already": paid,
        "is there": DEARER.replace("二月价目", "P proposal 2026-2"),
        "another card has days": DEARER.replace("= 2026-02-01", "= 2025-02-01"),
        "would pay from 2026-03-01 on": DEARER.replace(
            "unit =", "effective_to = 2026-03-01\nunit ="
        ),
        "line 31: time.rest": DEARER.replace('rest = "1.2"', "rest = 1.2"),
    }
    assert DEARER.splitlines()[30] == 'rest = "1.2"'
    for why, text in cases.items():
        answer = await client.post(
            "/payouts/rate-cards", json={"toml": text}, headers=as_("manager")
        )
        assert (answer.status_code, answer.json()["type"]) == (
            422,
            "urn:paigong:problem:rate-card-refused",
        ), why
        assert why in answer.json()["detail"]
    async with database.transaction() as session:
        (card,) = (await session.exec(select(RateCard))).all()
        assert card.effective_to is None


async def test_a_stations_manager_neither_brings_nor_tries_the_companys_card(
    client: httpx.AsyncClient, database: Database, app: object, world: World, as_: Headers
) -> None:
    async with database.transaction() as session:
        await identity.grant(session, world.users["chief1"], Role.MANAGER, world.stations["S01"])
    bodies = {"": {"toml": DEARER}, "/simulation": {"toml": DEARER, "month": "2026-01"}}
    for path, body in bodies.items():
        answer = await client.post(f"/payouts/rate-cards{path}", json=body, headers=as_("chief1"))
        assert (answer.status_code, answer.json()["type"]) == (
            403,
            "urn:paigong:problem:forbidden",
        )
