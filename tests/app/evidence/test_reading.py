"""Lists and bytes of evidence, and who may see them."""

from collections.abc import Callable

import httpx

from tests.app.evidence.at_work import PhoneFile, h02_files, jpeg
from tests.app.evidence.conftest import Phone
from tests.app.evidence.test_tus import problem
from tests.conftest import Headers


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
