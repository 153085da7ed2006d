"""The generated city of one seed, made once."""

import pytest

from app.demo.city import City
from app.demo.town import generate_city


@pytest.fixture(scope="session")
def city() -> City:
    return generate_city(7)
