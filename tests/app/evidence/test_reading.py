"""Lists and bytes of evidence, and who may see them."""

from collections.abc import Callable
from datetime import timedelta

import httpx

from app.core import clock
from app.core.db import Database
from app.core.permissions import Role
from app.work_orders import assignments
from app.work_orders.acts import Act
from tests.app.evidence.at_work import PhoneFile, h02_files, jpeg, person, reread, tiny_jpeg
from tests.app.evidence.conftest import Phone
from tests.app.evidence.test_tus import problem
from tests.conftest import Headers
from tests.factories.world import World


class TestBytes:
    async def test_a_verified_file_is_served_as_what_it_is(
        self, phone: Phone, client: httpx.AsyncClient, as_: Headers
    ) -> None:
        file = PhoneFile(jpeg())
        await phone.upload(file)
        answer = await client.get(f"/evidence/{file.id}", headers=as_("reviewer"))
        assert answer.status_code == 200
        assert answer.content == file.content
        assert answer.headers["content-type"] == "image/jpeg"
        assert answer.headers["etag"] == f'"{file.sha256}"'
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-disposition"].startswith('inline; filename="S01-260115-')
        unchanged = {"If-None-Match": answer.headers["etag"]}
        again = await client.get(f"/evidence/{file.id}", headers=as_("reviewer") | unchanged)
        assert (again.status_code, again.content) == (304, b"")

    async def test_a_range_is_served_and_an_impossible_one_is_a_problem(
        self, phone: Phone, client: httpx.AsyncClient, as_: Headers
    ) -> None:
        file = PhoneFile(jpeg())
        await phone.upload(file)
        url = f"/evidence/{file.id}"
        part = await client.get(url, headers=as_("reviewer") | {"Range": "bytes=100-199"})
        assert (part.status_code, part.content) == (206, file.content[100:200])
        tail = await client.get(url, headers=as_("reviewer") | {"Range": "bytes=-10"})
        assert (tail.status_code, tail.content) == (206, file.content[-10:])
        for wrong in ("bytes=99999999-", "bytes=9-2", "lines=1-2", "bytes=-", "bytes=1-2,4-5"):
            answer = await client.get(url, headers=as_("reviewer") | {"Range": wrong})
            assert (answer.status_code, problem(answer)) == (416, "range-not-satisfiable")

    async def test_half_a_file_is_not_shown(
        self, phone: Phone, client: httpx.AsyncClient, as_: Headers
    ) -> None:
        file = PhoneFile(jpeg())
        await phone.create(file)
        await phone.send(file, upto=1000)
        answer = await client.get(f"/evidence/{file.id}", headers=as_("reviewer"))
        assert (answer.status_code, problem(answer)) == (409, "evidence-not-readable")

    async def test_other_stations_and_other_crews_are_told_nothing(
        self, phone: Phone, client: httpx.AsyncClient, as_: Headers
    ) -> None:
        file = PhoneFile(jpeg())
        await phone.upload(file)
        for stranger in ("reviewer2", "chief2", "tech03", "tech05"):
            for url in (f"/evidence/{file.id}", f"/work-orders/{phone.order_id}/evidence"):
                assert (await client.get(url, headers=as_(stranger))).status_code == 404
        for reader in ("tech02", "chief1", "manager"):
            assert (
                await client.get(f"/evidence/{file.id}", headers=as_(reader))
            ).status_code == 200
        assert (await client.get(f"/evidence/{file.id}", headers=as_("agent"))).status_code == 403

    async def test_a_crew_reads_what_was_there_while_it_held_the_order_and_its_own(
        self,
        phone: Phone,
        phone_of: Callable[[str], Phone],
        as_: Headers,
        database: Database,
        world: World,
    ) -> None:
        first, late, after = PhoneFile(jpeg()), PhoneFile(tiny_jpeg()), PhoneFile(jpeg(61))
        film, filmed = (PhoneFile(each, "C", "video/mp4") for each in (b"film", b"filmed"))
        await phone.upload(first)
        assert (await phone.create(film)).status_code == 201
        clock.advance(timedelta(minutes=5))
        async with database.transaction() as session:
            order = await reread(session, phone.order_id)
            desk = Act.now(await person(session, world, "dispatcher"), Role.DISPATCHER)
            crew_id = world.crews["A2"]
            await assignments.assign(session, order, crew_id, desk, how="manual", reason="改派")
        clock.advance(timedelta(minutes=5))
        next_crew = phone_of("tech03")
        await next_crew.upload(late)
        assert (await next_crew.create(filmed)).status_code == 201
        assert (await phone.create(after)).status_code == 201
        files = (first, film, late, filmed, after)
        seen = {
            "tech01": (200, 409, 404, 404, 409),
            "tech02": (200, 409, 404, 404, 404),
            "tech03": (200, 404, 200, 409, 409),
            "chief1": (200, 409, 200, 409, 409),
        }
        for reader, expected in seen.items():
            urls = [f"/evidence/{file.id}" for file in files]
            answers = [await phone.client.get(url, headers=as_(reader)) for url in urls]
            assert tuple(each.status_code for each in answers) == expected, reader
            url = f"/work-orders/{phone.order_id}/evidence"
            listed = (await phone.client.get(url, headers=as_(reader))).json()["files"]
            pairs = zip(files, expected, strict=True)
            visible = {str(file.id) for file, status in pairs if status != 404}
            assert {each["id"] for each in listed} == visible, reader


class TestList:
    async def test_shows_each_file_s_state_and_what_the_fault_demands(
        self, phone: Phone, phone_of: Callable[[str], Phone], as_: Headers
    ) -> None:
        before, after, signature = h02_files()
        await phone.upload(before)
        await phone_of("tech02").upload(signature)
        await phone.create(after)
        await phone.send(after, upto=10)
        url = f"/work-orders/{phone.order_id}/evidence"
        found = (await phone.client.get(url, headers=as_("chief1"))).json()
        assert found["state"] == "none"  # nothing is declared yet
        assert (found["required_files"], found["required_readings"]) == (["B", "F", "G"], ["R"])
        assert {(file["kind"], file["state"], file["in_manifest"]) for file in found["files"]} == {
            ("B", "verified", False),
            ("G", "verified", False),
            ("F", "receiving", False),
        }
