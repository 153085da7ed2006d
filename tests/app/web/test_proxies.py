"""The caller's address counts towards limits, so nobody but our own proxies may name it."""

from ipaddress import ip_network

import httpx
import pytest
from fastapi import FastAPI, Request

from app.web.proxies import trust_proxies

PROXIES = (ip_network("10.1.0.0/16"), ip_network("fd00::/8"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "seen"),
    [
        ("10.1.0.7", "203.0.113.9", "203.0.113.9 https"),
        ("10.1.0.7", "198.51.100.1, 203.0.113.9, 10.1.0.8", "203.0.113.9 https"),
        ("203.0.113.50", "198.51.100.1", "203.0.113.50 http"),
        ("10.2.0.7", "198.51.100.1", "10.2.0.7 http"),
    ],
)
async def test_only_a_proxy_of_ours_names_the_caller(peer: str, forwarded: str, seen: str) -> None:
    app = FastAPI()
    trust_proxies(app, PROXIES)

    @app.get("/")
    async def caller(request: Request) -> str:
        assert request.client is not None
        return f"{request.client.host} {request.url.scheme}"

    transport = httpx.ASGITransport(app, client=(peer, 4711))
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as http:
        headers = {"X-Forwarded-For": forwarded, "X-Forwarded-Proto": "https"}
        assert (await http.get("/", headers=headers)).json() == seen


async def test_without_proxies_the_connection_is_the_caller() -> None:
    app = FastAPI()
    trust_proxies(app, ())
    assert not app.user_middleware
