"""What production refuses, and where the demo may be heard."""

import pytest
from pydantic import ValidationError

from app.core.settings import DEMO_SECRET, Environment, Settings

EVERYWHERE = "0.0.0.0"  # noqa: S104 - what must be refused
SECRET = "a secret of this deployment, 32 and more"


def settings(**changes: object) -> Settings:
    said: dict[str, object] = {"DATABASE_URL": "postgresql://nobody@localhost/none"}
    return Settings.model_validate(said | {"secret_key": SECRET} | changes)


class TestProduction:
    def test_good_keys_are_taken(self) -> None:
        chosen = settings(previous_secret_key=SECRET[::-1])
        assert chosen.environment is Environment.PRODUCTION

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("secret_key", DEMO_SECRET),
            ("secret_key", "short"),
            ("previous_secret_key", DEMO_SECRET),
            ("previous_secret_key", "short"),
            ("previous_secret_key", ""),
        ],
    )
    def test_keys_that_others_know_or_guess_are_refused(self, name: str, value: str) -> None:
        with pytest.raises(ValidationError):
            settings(**{name: value})


class TestMayListenOn:
    @pytest.mark.parametrize("host", ["127.0.0.1", "127.8.0.1", "::1", "localhost"])
    def test_the_demo_serves_this_machine(self, host: str) -> None:
        assert settings(environment="demo", secret_key=DEMO_SECRET).may_listen_on(host)

    @pytest.mark.parametrize("host", [EVERYWHERE, "::", "10.0.0.7", "example.org", ""])
    def test_the_demo_serves_nobody_else(self, host: str) -> None:
        assert not settings(environment="demo", secret_key=DEMO_SECRET).may_listen_on(host)
        assert settings().may_listen_on(host)
