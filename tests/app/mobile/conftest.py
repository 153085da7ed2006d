"""The desk, and the phones of crews A1 (two people), A2 and B1."""

import httpx
import pytest

from tests.conftest import Headers
from tests.factories.desk import Desk
from tests.factories.phone import Chief, Phone
from tests.factories.world import World


@pytest.fixture
def desk(client: httpx.AsyncClient, world: World, as_: Headers) -> Desk:
    return Desk(client, world, as_)


@pytest.fixture
def leader(client: httpx.AsyncClient, as_: Headers) -> Phone:
    """The leader of A1."""
    return Phone(client, as_("tech01"))


@pytest.fixture
def helper(client: httpx.AsyncClient, as_: Headers) -> Phone:
    """The helper of A1."""
    return Phone(client, as_("tech02"))


@pytest.fixture
def chief(client: httpx.AsyncClient, as_: Headers) -> Chief:
    """The chief of station S01, to which A1 and A2 belong."""
    return Chief(client, as_, "chief1")


@pytest.fixture
def other(client: httpx.AsyncClient, as_: Headers) -> Phone:
    """The leader of A2, of the same station."""
    return Phone(client, as_("tech03"))
