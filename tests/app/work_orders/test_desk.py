"""Dispatching over HTTP: send, reassign, transfer, withdraw, hold, cancel."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from app.core import clock
from app.work_orders import timers
from tests.conftest import Headers
from tests.factories.desk import Desk
from tests.factories.phone import Phone
from tests.factories.world import NOW, World

SMS = {"kind": "sms", "reference": "短信 0115-08"}


@pytest.fixture
def desk(client: httpx.AsyncClient, world: World, as_: Headers) -> Desk:
    return Desk(client, world, as_)


async def assign(desk: Desk, order_id: str, crew: str, **more: Any) -> httpx.Response:
    body = {"crew_id": str(desk.world.crews[crew]), "reason": "更近"} | more
    return await desk.client.post(
        f"/work-orders/{order_id}/assign", json=body, headers=desk.as_("dispatcher")
    )


async def post(desk: Desk, path: str, who: str, body: dict[str, Any]) -> httpx.Response:
    return await desk.client.post(path, json=body, headers=desk.as_(who))


class TestAssign:
    """POST /work-orders/{id}/assign"""

    async def test_sends_a_new_order_to_a_crew_that_qualifies(self, desk: Desk) -> None:
        order = await desk.order(await desk.sent("A2"))
        assert order["state"] == "SENT"
        assert order["holder"]["crew_code"] == "A2"

    async def test_refuses_a_crew_without_the_skill_and_names_what_lacks(self, desk: Desk) -> None:
        order_id = await desk.report(fault_code="P03")
        answer = await assign(desk, order_id, "A2")
        assert answer.status_code == 409
        assert answer.json()["type"] == "urn:paigong:problem:crew-not-qualified"
        assert {"what": "crew_size", "needs": 2, "has": 1} in answer.json()["missing"]
        assert (await desk.order(order_id))["state"] == "NEW"

    async def test_a_sent_order_goes_to_another_crew_without_counting(self, desk: Desk) -> None:
        order_id = await desk.sent("A2")
        answer = await assign(desk, order_id, "A3")
        assert answer.json()["holder"]["crew_code"] == "A3"
        assert answer.json()["transfers"] == 0

    async def test_the_same_crew_again_is_refused(self, desk: Desk) -> None:
        answer = await assign(desk, await desk.sent("A2"), "A2")
        assert answer.status_code == 409
        assert "allowed" in answer.json()

    async def test_an_accepted_order_is_transferred_twice_at_most(
        self, desk: Desk, client: httpx.AsyncClient, as_: Headers
    ) -> None:
        order_id = await desk.sent("A2")
        phones = {crew: Phone(client, as_(user)) for crew, user in CREW_PHONES.items()}
        for crew in ("A3", "A2"):
            await phones["A2" if crew == "A3" else "A3"].do("accept", order_id)
            assert (await assign(desk, order_id, crew)).status_code == 200
        await phones["A2"].do("accept", order_id)
        third = await assign(desk, order_id, "A3")
        assert third.status_code == 409
        assert third.json()["type"] == "urn:paigong:problem:limit-reached"

    async def test_a_crew_of_a_foreign_station_answers_404(self, desk: Desk, as_: Headers) -> None:
        order_id = await desk.report()
        body = {"crew_id": str(desk.world.crews["B1"]), "reason": "借调"}
        answer = await post(desk, f"/work-orders/{order_id}/assign", "dispatcher1", body)
        assert answer.status_code == 404

    async def test_a_withdrawn_order_is_new_again_and_has_no_holder(self, desk: Desk) -> None:
        order_id = await desk.sent("A2")
        await desk.withdraw(order_id)
        order = await desk.order(order_id)
        assert (order["state"], order["holder"]) == ("NEW", None)


CREW_PHONES = {"A1": "tech01", "A2": "tech03", "A3": "tech04"}


class TestConcurrentAccept:
    """Transition 5 against 4a: one wins, the other is told."""

    async def test_a_late_acceptance_of_a_reassigned_order_is_refused(
        self, desk: Desk, client: httpx.AsyncClient, as_: Headers
    ) -> None:
        order_id = await desk.sent("A2")
        phone = Phone(client, as_("tech03"))
        await assign(desk, order_id, "A3")
        answer = await phone.do("accept", order_id)
        assert answer["outcome"] == "conflict"
        assert (await desk.order(order_id))["state"] == "SENT"


class TestHold:
    """POST /work-orders/{id}/hold and the approval"""

    async def held(self, desk: Desk, minutes: int = 60) -> str:
        order_id = await desk.sent("A2")
        until = (clock.now() + timedelta(minutes=minutes)).isoformat()
        body = {"reason": "customer_absent", "until": until, "note": "家中无人", "proof": SMS}
        asked = await post(desk, f"/work-orders/{order_id}/hold", "dispatcher1", body)
        assert asked.status_code == 202, asked.text
        decide = f"/approvals/{asked.json()['id']}/decide"
        own = await post(desk, decide, "dispatcher1", {"approved": True})
        assert own.status_code == 403
        assert own.json()["type"] == "urn:paigong:problem:self-approval"
        decided = await post(desk, decide, "chief1", {"approved": True})
        assert decided.status_code == 200, decided.text
        return order_id

    async def test_needs_a_second_person_and_then_takes_the_order_from_the_crew(
        self, desk: Desk
    ) -> None:
        order = await desk.order(await self.held(desk))
        assert (order["state"], order["holder"]) == ("HOLD", None)

    async def test_a_short_hold_goes_back_to_the_same_crew(self, desk: Desk) -> None:
        order_id = await self.held(desk)
        answer = await post(
            desk, f"/work-orders/{order_id}/resume", "dispatcher1", {"reason": "客户已回家"}
        )
        assert answer.json()["state"] == "SENT"
        assert answer.json()["holder"]["crew_code"] == "A2"

    async def test_the_timer_resumes_a_long_hold_as_new_with_the_crew_preferred(
        self, desk: Desk, app: Any
    ) -> None:
        order_id = await self.held(desk, minutes=180)
        clock.advance(timedelta(minutes=181))
        async with app.state.database.transaction() as session:
            due = await timers.orders_with_due_timers(session)
        assert [str(each) for each in due] == [order_id]
        async with app.state.database.transaction() as session:
            assert await timers.run_due_timers(session, due[0])
        order = await desk.order(order_id)
        assert order["state"] == "NEW"
        assert order["preferred_crew_id"] == str(desk.world.crews["A2"])

    async def test_crew_busy_is_no_reason(self, desk: Desk) -> None:
        order_id = await desk.sent("A2")
        until = (clock.now() + timedelta(hours=1)).isoformat()
        body = {"reason": "crew_busy", "until": until, "note": "下班"}
        answer = await post(desk, f"/work-orders/{order_id}/hold", "dispatcher1", body)
        assert answer.status_code == 422


class TestCancel:
    """POST /work-orders/{id}/cancel and the approval"""

    async def test_the_chief_approves_and_the_serial_number_stays_used(self, desk: Desk) -> None:
        order_id = await desk.report()
        asked = await post(desk, f"/work-orders/{order_id}/cancel", "agent", {"reason": "误报"})
        assert asked.status_code == 202, asked.text
        waiting = await desk.client.get("/approvals", headers=desk.as_("chief1"))
        assert [item["id"] for item in waiting.json()["items"]] == [asked.json()["id"]]
        foreign = await desk.client.get("/approvals", headers=desk.as_("chief2"))
        assert foreign.json()["items"] == []
        decide = f"/approvals/{asked.json()['id']}/decide"
        assert (await post(desk, decide, "chief2", {"approved": True})).status_code == 404
        assert (await post(desk, decide, "chief1", {"approved": True})).status_code == 200
        assert (await desk.order(order_id))["state"] == "CANCELLED"
        again = await post(desk, decide, "chief1", {"approved": True})
        assert again.json()["type"] == "urn:paigong:problem:approval-decided"

    async def test_a_dispatcher_cannot_approve_a_cancellation(self, desk: Desk) -> None:
        order_id = await desk.report()
        asked = await post(desk, f"/work-orders/{order_id}/cancel", "agent", {"reason": "误报"})
        decide = f"/approvals/{asked.json()['id']}/decide"
        answer = await post(desk, decide, "dispatcher", {"approved": True})
        assert answer.status_code == 403
        assert (await desk.order(order_id))["state"] == "NEW"

    async def test_a_second_request_waits_for_the_first(self, desk: Desk) -> None:
        order_id = await desk.report()
        for expected in (202, 409):
            answer = await post(
                desk, f"/work-orders/{order_id}/cancel", "agent", {"reason": "误报"}
            )
            assert answer.status_code == expected


class TestVoidedRequest:
    """A request for what the order's new state makes impossible"""

    async def test_is_closed_undecided_when_the_crew_sets_out(
        self, desk: Desk, client: httpx.AsyncClient, as_: Headers
    ) -> None:
        order_id = await desk.sent("A2")
        asked = await post(desk, f"/work-orders/{order_id}/cancel", "agent", {"reason": "误报"})
        phone = Phone(client, as_("tech03"))
        await phone.do("accept", order_id)
        waiting = await client.get("/approvals", headers=as_("chief1"))
        assert [item["id"] for item in waiting.json()["items"]] == [asked.json()["id"]]
        await phone.do("depart", order_id)
        waiting = await client.get("/approvals", headers=as_("chief1"))
        assert waiting.json()["items"] == []
        decide = f"/approvals/{asked.json()['id']}/decide"
        late = await post(desk, decide, "chief1", {"approved": True})
        assert late.json()["type"] == "urn:paigong:problem:approval-decided"
        timeline = f"/work-orders/{order_id}/timeline"
        history = await client.get(timeline, headers=as_("agent"))
        assert history.json()["events"][-1]["payload"]["voided_approval_id"] == asked.json()["id"]
        again = {"reason": "customer_absent", "until": "2026-01-15T05:00:00Z", "note": "无人"}
        again |= {"proof": SMS}
        hold = await post(desk, f"/work-orders/{order_id}/hold", "dispatcher1", again)
        assert hold.status_code == 202, hold.text

    async def test_is_closed_when_the_order_ends(self, desk: Desk) -> None:
        order_id = await desk.report()
        await post(desk, f"/work-orders/{order_id}/cancel", "dispatcher1", {"reason": "误报"})
        path = f"/work-orders/{order_id}/solve-by-phone"
        closed = await post(desk, path, "agent", {"answer": "打开入户阀门"})
        assert closed.json()["state"] == "CLOSED"
        waiting = await desk.client.get("/approvals", headers=desk.as_("chief1"))
        assert waiting.json()["items"] == []


class TestAcceptanceTimer:
    """K2 expiry (transition 6)"""

    async def test_an_unaccepted_order_returns_when_its_k2_runs_out(
        self, desk: Desk, app: Any
    ) -> None:
        order_id = await desk.sent("A2")
        clock.advance(timedelta(minutes=11))
        async with app.state.database.transaction() as session:
            (due,) = await timers.orders_with_due_timers(session)
            assert await timers.run_due_timers(session, due)
            assert not await timers.run_due_timers(session, due)
        order = await desk.order(order_id)
        assert (order["state"], order["holder"]) == ("RETURNED", None)


class TestRebook:
    """POST /work-orders/{id}/rebook"""

    async def test_moves_the_slot_twice_at_most(self, desk: Desk) -> None:
        order_id = await desk.report(fault_code="H24")
        for hour, expected in ((2, 200), (4, 200), (6, 409)):
            slot = {
                "starts_at": (NOW + timedelta(hours=hour)).isoformat(),
                "ends_at": (NOW + timedelta(hours=hour + 2)).isoformat(),
            }
            answer = await post(
                desk,
                f"/work-orders/{order_id}/rebook",
                "agent",
                {"appointment": slot, "reason": "客户改约"},
            )
            assert answer.status_code == expected, answer.text

    async def test_danger_is_not_booked(self, desk: Desk) -> None:
        order_id = await desk.report(fault_code="H07")
        slot = {
            "starts_at": (NOW + timedelta(hours=2)).isoformat(),
            "ends_at": (NOW + timedelta(hours=4)).isoformat(),
        }
        answer = await post(
            desk,
            f"/work-orders/{order_id}/rebook",
            "agent",
            {"appointment": slot, "reason": "客户改约"},
        )
        assert answer.json()["type"] == "urn:paigong:problem:danger-not-bookable"


class TestMasking:
    """GET /work-orders/{id} as a technician"""

    async def test_the_crew_sees_a_masked_number_and_others_nothing(self, desk: Desk) -> None:
        order_id = await desk.sent("A2")
        own = await desk.client.get(f"/work-orders/{order_id}", headers=desk.as_("tech03"))
        assert own.json()["caller_phone"] == "139****0001"
        other = await desk.client.get(f"/work-orders/{order_id}", headers=desk.as_("tech04"))
        assert other.status_code == 404


class TestPin:
    """POST /work-orders/{id}/pin"""

    async def test_names_the_crew_that_must_do_it_and_frees_it_again(self, desk: Desk) -> None:
        order_id = await desk.report()
        path = f"/work-orders/{order_id}/pin"
        crew_id = str(desk.world.crews["A3"])
        pinned = await post(desk, path, "dispatcher", {"crew_id": crew_id, "reason": "熟户"})
        assert (pinned.json()["pinned"], pinned.json()["preferred_crew_id"]) == (True, crew_id)
        freed = await post(desk, path, "dispatcher", {"crew_id": None, "reason": "无需"})
        assert (freed.json()["pinned"], freed.json()["preferred_crew_id"]) == (False, None)
