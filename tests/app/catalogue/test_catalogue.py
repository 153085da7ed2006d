"""The shipped catalogue: complete, consistent, versioned, readable by everyone signed in."""

from datetime import date
from decimal import Decimal

import httpx
import pytest
from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from app.catalogue import service
from app.catalogue.errors import PolicyInvalid, UnknownCauseCode, UnknownFaultCode
from app.catalogue.load import DEFAULT_POLICY, load_defaults, policy_from, rows_of, text_of
from app.catalogue.models import CatalogueVersion, CauseCode, FaultCode, ServiceProfile
from app.catalogue.policies import rules_of
from tests.conftest import Headers

CLASSES = ("E1", "E2", "H3", "H4", "C5")
ZONES = ("urban", "rural", "remote")


class TestShippedData:
    def test_holds_27_heat_and_27_power_faults_once_each(self) -> None:
        codes = [row["code"] for row in rows_of("faults.csv")]
        expected = [f"{letter}{n:02d}" for letter in "HP" for n in range(1, 28)]
        assert codes == expected

    def test_crew_size_is_the_sum_of_the_skills_that_it_asks_for(self) -> None:
        for row in rows_of("faults.csv"):
            needs = [int(part.split(":")[1]) for part in row["skills"].split("|")]
            assert sum(needs) == int(row["crew_size"]), row["code"]

    def test_evidence_letters_are_known_and_leave_out_those_always_required(self) -> None:
        for row in rows_of("faults.csv"):
            assert set(row["evidence"]) <= set("BRTPVIMGCWX"), row["code"]

    def test_dangerous_work_is_never_for_one_person(self) -> None:
        for row in rows_of("faults.csv"):
            if int(row["safety_level"]) >= 3:
                assert int(row["crew_size"]) >= 2, row["code"]

    def test_every_limit_says_where_its_figure_comes_from(self) -> None:
        assert all(row["source"] for row in rows_of("limits_p_2026.csv"))


class TestLoadDefaults:
    async def test_a_second_load_adds_nothing(self, session: AsyncSession) -> None:
        tables = ("catalogue_versions", "fault_codes", "cause_codes", "service_limits")
        counts = [
            (await session.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one()
            for table in tables
        ]
        await load_defaults(session)
        again = [
            (await session.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one()
            for table in tables
        ]
        assert counts == again
        assert counts[1:3] == [54, 11]


class TestFault:
    async def test_reads_what_repairing_takes(self, session: AsyncSession) -> None:
        fault = await service.fault(session, "H21")
        assert fault.skills == [{"skill": "HN", "count": 3}, {"skill": "HW", "count": 1}]
        assert (fault.crew_size, fault.safety_level, fault.points) == (4, 4, Decimal("160.00"))

    async def test_an_unknown_code_is_refused(self, session: AsyncSession) -> None:
        with pytest.raises(UnknownFaultCode):
            await service.fault(session, "H99")

    async def test_a_later_version_counts_from_its_day(self, session: AsyncSession) -> None:
        session.add(
            CatalogueVersion(version=2, name="v2", effective_from=date(2026, 2, 1), source="test")
        )
        await session.flush()
        old = await service.fault(session, "H01")
        changed = old.model_dump(exclude={"id"}) | {"version": 2, "service_minutes": 75}
        session.add(FaultCode(**changed))
        await session.flush()
        assert (await service.fault(session, "H01")).service_minutes == 60
        assert (await service.fault(session, "H01", date(2026, 1, 31))).service_minutes == 60
        assert (await service.fault(session, "H01", date(2026, 2, 1))).service_minutes == 75
        with pytest.raises(UnknownFaultCode):
            await service.fault(session, "H02", date(2026, 2, 1))

    async def test_before_the_first_version_the_first_one_counts(
        self, session: AsyncSession
    ) -> None:
        assert (await service.fault(session, "P08", date(2020, 1, 1))).crew_size == 3


class TestCause:
    async def test_is_found_by_code(self, session: AsyncSession) -> None:
        cause: CauseCode = await service.cause(session, "no_fault_found")
        assert cause.name_en == "No fault found"

    async def test_an_unknown_code_is_refused(self, session: AsyncSession) -> None:
        with pytest.raises(UnknownCauseCode):
            await service.cause(session, "gremlins")


class TestLimits:
    async def test_danger_in_the_city_is_reached_in_half_an_hour(
        self, session: AsyncSession
    ) -> None:
        profile = await service.current_profile(session)
        limits = await service.limits(session, profile.id, "E1", "power", "urban")
        assert limits == {
            "K1": 180,
            "K2": 180,
            "K3": 300,
            "K4": 1800,
            "K5": 3 * 3600,
            "K6": 1800 + 3 * 3600,
            "K7": 86400,
            "K8": 86400,
            "SAFE": 3600,
        }

    async def test_power_arrival_differs_by_zone(self, session: AsyncSession) -> None:
        profile = await service.current_profile(session)
        arrive = [
            (await service.limits(session, profile.id, "E2", "power", zone))["K4"] for zone in ZONES
        ]
        assert arrive == [2700, 5400, 7200]

    async def test_bookable_work_is_held_to_its_slot(self, session: AsyncSession) -> None:
        profile = await service.current_profile(session)
        limits = await service.limits(session, profile.id, "H4", "heat", "rural")
        assert limits["SLOT"] == 1800
        assert "K4" not in limits

    async def test_every_class_domain_and_zone_has_the_common_clocks(
        self, session: AsyncSession
    ) -> None:
        profile = await service.current_profile(session)
        for service_class in CLASSES:
            for domain in ("heat", "power"):
                for zone in ZONES:
                    limits = await service.limits(session, profile.id, service_class, domain, zone)
                    assert {"K1", "K2", "K3", "K6", "K7", "K8"} <= limits.keys()

    async def test_a_later_profile_takes_over_on_its_day(self, session: AsyncSession) -> None:
        session.add(
            ServiceProfile(name="other", effective_from=date(2026, 1, 16), source="t", note="")
        )
        await session.flush()
        assert (await service.current_profile(session)).name == "P proposal 2026"
        session.add(
            ServiceProfile(name="other", effective_from=date(2026, 1, 15), source="t", note="")
        )
        await session.flush()
        assert (await service.current_profile(session)).name == "other"


class TestListFaults:
    async def test_answers_every_fault_with_its_version(
        self, client: httpx.AsyncClient, as_: Headers
    ) -> None:
        answer = (await client.get("/catalogue/faults", headers=as_("tech01"))).json()
        assert answer["version"] == 1
        assert len(answer["items"]) == 54
        first = answer["items"][0]
        assert (first["code"], first["name_zh"], first["points"]) == ("H01", "全户不热", "6.00")

    async def test_a_stranger_is_refused(self, client: httpx.AsyncClient) -> None:
        assert (await client.get("/catalogue/faults")).status_code == 401


class TestListCauses:
    async def test_answers_every_cause(self, client: httpx.AsyncClient, as_: Headers) -> None:
        answer = (await client.get("/catalogue/causes", headers=as_("reviewer"))).json()
        assert len(answer["items"]) == 11


class TestListServiceProfiles:
    async def test_answers_limits_with_sources_and_marks_the_current_profile(
        self, client: httpx.AsyncClient, as_: Headers
    ) -> None:
        found = (await client.get("/catalogue/service-profiles", headers=as_("agent"))).json()
        (profile,) = [each for each in found if each["current"]]
        assert (profile["effective_from"], profile["reference"]) == ("2026-01-01", False)
        for each in found:
            assert "check current text" in each["note"].lower()
            assert all(limit["source"] for limit in each["limits"])
        published = {each["name"]: each for each in found if each["reference"]}
        assert len(published) == 4
        grid = published["State Grid promises"]["limits"]
        arrivals = {
            (limit["zone"], limit["limit_s"], limit["kind"])
            for limit in grid
            if limit["clock"] == "K4"
        }
        assert arrivals == {
            ("urban", 2700, "average"),
            ("rural", 5400, "average"),
            ("remote", 7200, "average"),
        }


class TestPolicy:
    def test_the_shipped_policy_is_whole_and_a_wrong_one_names_its_place(self) -> None:
        shipped = text_of(DEFAULT_POLICY)
        holds = rules_of("shipped", policy_from(shipped).rules).holds
        assert {reason: rule.proof for reason, rule in holds.items()} == {
            "customer_absent": "sms",
            "quote_refused": "signature",
            "waiting_parts": "store_entry",
            "waiting_window": "reference",
            "other_owner": "transfer_note",
            "weather_red": "warning",
        }
        assert holds["quote_refused"].longest_s == 72 * 3600
        assert holds["other_owner"].longest_s == 5 * 86400
        for wrong, place in (
            ("most = 2", "rebooking.most"),
            ("longest_s = 259200     # 72 hours", "holds.quote_refused.longest_s"),
        ):
            broken = shipped.replace(wrong, wrong.partition("=")[0] + "= 0")
            with pytest.raises(PolicyInvalid, match=place):
                policy_from(broken)
        with pytest.raises(PolicyInvalid, match="a step goes above"):
            policy_from(shipped.replace("highest_automatic = 2", "highest_automatic = 1"))

    async def test_a_later_policy_takes_over_on_its_day(self, session: AsyncSession) -> None:
        shipped = await service.policy(session)
        assert shipped.rules.urging.merge_s == 900
        for day, name in ((16, "later"), (15, "today")):
            shorter = text_of(DEFAULT_POLICY).replace("merge_s = 900 ", "merge_s = 600 ")
            row = policy_from(shorter)
            row.name, row.effective_from = name, date(2026, 1, day)
            session.add(row)
            await session.flush()
        found = await service.policy(session)
        assert (found.name, found.rules.urging.merge_s) == ("today", 600)
