"""The way out of a webhook: never to this machine, its neighbours, or a cloud's own services.

Whoever may register a webhook could else read what only our network can see. The name is resolved
when it is sent, and the connection goes to the very address that was looked at.
"""

import asyncio
import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import httpx

Network = IPv4Network | IPv6Network


class Inside(httpx.ConnectError):
    """The host is, among others, an address that is not of the internet."""


class OutsideTransport(httpx.AsyncHTTPTransport):
    """Connects to public addresses, and to those of `allowed` networks; raises Inside."""

    def __init__(self, allowed: Sequence[Network]) -> None:
        super().__init__()
        self._allowed = tuple(allowed)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send to the address that was looked at, under the name that was asked for."""
        host = request.url.host
        addresses = await _addresses(host, request.url.port or 443)
        if not addresses or not all(is_outside(each, self._allowed) for each in addresses):
            raise Inside(f"{host} is no public address, see PAIGONG_WEBHOOK_NETWORKS")
        request.url = request.url.copy_with(host=str(addresses[0]))
        # The Host header stands already; the certificate is that of the name.
        request.extensions = dict(request.extensions) | {"sni_hostname": host}
        return await super().handle_async_request(request)


async def _addresses(host: str, port: int) -> list[IPv4Address | IPv6Address]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise httpx.ConnectError(f"{host}: {error}") from error
    return [ip_address(str(each[4][0])) for each in found]


def is_outside(address: IPv4Address | IPv6Address, allowed: Sequence[Network]) -> bool:
    """Whether it is of the internet, or in a network that the company allows."""
    plain = address.ipv4_mapped or address if isinstance(address, IPv6Address) else address
    if any(plain in network for network in allowed):
        return True
    return plain.is_global and not plain.is_multicast
