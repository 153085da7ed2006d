"""Who asks, when the company's own proxies pass requests on."""

from collections.abc import Collection

from fastapi import FastAPI
from pydantic import IPvAnyNetwork
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware


def trust_proxies(app: FastAPI, networks: Collection[IPvAnyNetwork]) -> None:
    """Take caller and scheme from `X-Forwarded-For` and `-Proto` when a proxy of ours says them.

    Of the addresses named the last that is no proxy of ours counts: what stands before it could
    have been written by anybody. Without networks the connection's own address is the caller.
    """
    if networks:
        # Added last, so that limits, logs and routes all see the caller.
        app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=[str(each) for each in networks])
