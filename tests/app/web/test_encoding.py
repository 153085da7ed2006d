"""Answers in fewer bytes: zstd or gzip where that gains, untouched where it does not."""

import gzip
import json

import httpx
import pytest
import zstandard
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from app.web.encoding import Encoding, accepted

LONG = {"jobs": [{"id": number, "state": "SENT"} for number in range(100)]}


async def answers(path: str, **headers: str) -> httpx.Response:
    async def whole(_request: object) -> Response:
        return JSONResponse(LONG)

    async def brief(_request: object) -> Response:
        return JSONResponse({})

    async def secret(_request: object) -> Response:
        return JSONResponse(LONG, headers={"Cache-Control": "no-store"})

    async def picture(_request: object) -> Response:
        return Response(b"0" * 5_000, media_type="image/png")

    async def stream(_request: object) -> Response:
        pieces = iter([b"[1,", b"2]" + b" " * 1_000])
        return StreamingResponse(pieces, media_type="application/json")

    routes = [Route(f"/{each.__name__}", each) for each in (whole, brief, secret, picture, stream)]
    app = Encoding(Starlette(routes=routes), tagged=("/whole",))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://t") as client:
        # `stream` keeps httpx from decoding what came.
        async with client.stream("GET", path, headers=headers) as answer:
            answer.extensions["raw"] = b"".join([part async for part in answer.aiter_raw()])
        return answer


class TestAccepted:
    @pytest.mark.parametrize(
        ("header", "how"),
        [
            ("gzip, zstd", "zstd"),
            ("gzip", "gzip"),
            ("zstd;q=0.5, gzip", "gzip"),
            ("*", "zstd"),
            ("*;q=0", None),
            ("br", None),
            ("", None),
            ("zstd;q=none, gzip;q=0.1", "gzip"),
        ],
    )
    def test_the_header_decides(self, header: str, how: str | None) -> None:
        assert accepted(header) == how


class TestEncoding:
    @pytest.mark.parametrize(
        ("how", "decode"),
        [
            ("zstd", lambda raw: zstandard.ZstdDecompressor().decompress(raw)),
            ("gzip", gzip.decompress),
        ],
    )
    async def test_a_long_answer_is_compressed(self, how: str, decode: object) -> None:
        answer = await answers("/whole", **{"Accept-Encoding": how})
        raw = answer.extensions["raw"]
        assert answer.headers["content-encoding"] == how
        assert answer.headers["vary"] == "Accept-Encoding"
        assert int(answer.headers["content-length"]) == len(raw) < 600
        assert json.loads(decode(raw)) == LONG  # type: ignore[operator]

    @pytest.mark.parametrize("path", ["/brief", "/secret", "/picture", "/stream"])
    async def test_what_gains_nothing_or_is_secret_or_streams_goes_out_as_it_is(
        self, path: str
    ) -> None:
        answer = await answers(path, **{"Accept-Encoding": "zstd, gzip"})
        assert "content-encoding" not in answer.headers
        assert answer.extensions["raw"]

    async def test_what_the_client_has_is_not_sent_again(self) -> None:
        tag = (await answers("/whole")).headers["etag"]
        again = await answers("/whole", **{"If-None-Match": f'"other", {tag}'})
        assert (again.status_code, again.extensions["raw"]) == (304, b"")
        assert again.headers["etag"] == tag
        assert (await answers("/whole", **{"If-None-Match": '"other"'})).status_code == 200
