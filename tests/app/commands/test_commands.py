"""`paigong` from a shell: what it does, and that it says why it does not."""

import os
from collections.abc import Awaitable, Callable, Collection
from importlib import resources
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
import uvicorn
from typer.testing import CliRunner, Result

from app import main, worker
from app.cli import cli
from app.core import clock, giving_way
from app.core.settings import DEMO_SECRET, Settings

EVERYWHERE = "0.0.0.0"  # noqa: S104 - what is refused


def paigong(config: Settings, *arguments: str, **environment: str) -> Result:
    known = {
        "DATABASE_URL": config.database_url,
        "PAIGONG_SECRET_KEY": config.secret_key,
        "PAIGONG_ENVIRONMENT": "test",
        "PAIGONG_DATA_DIR": str(config.data_dir),
    }
    return CliRunner().invoke(cli, list(arguments), env=known | environment)


class TestServe:
    @pytest.fixture
    def served(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        hosts: list[str] = []

        def run(_app: Any, host: str, **_: Any) -> None:
            hosts.append(host)

        monkeypatch.setattr(uvicorn, "run", run)
        monkeypatch.setattr(main, "create_app", lambda config: config)
        return hosts

    @pytest.mark.parametrize(
        ("environment", "secret", "host", "accepted"),
        [
            ("demo", DEMO_SECRET, EVERYWHERE, False),
            ("demo", DEMO_SECRET, "127.0.0.1", True),
            ("production", "a secret of this deployment, 32 and more", EVERYWHERE, True),
        ],
    )
    def test_the_demo_is_served_to_this_machine_only(
        self,
        config: Settings,
        served: list[str],
        environment: str,
        secret: str,
        host: str,
        accepted: bool,
    ) -> None:
        said = paigong(
            config,
            *("serve", "--host", host),
            PAIGONG_ENVIRONMENT=environment,
            PAIGONG_SECRET_KEY=secret,
        )
        assert said.exit_code == (0 if accepted else 1), said.output
        assert served == ([host] if accepted else [])
        assert ("loopback" in said.output) is not accepted


class TestRestored:
    def test_it_begins_a_new_epoch_each_time(self, config: Settings) -> None:
        def epoch() -> Any:
            with psycopg.connect(config.database_url) as connection:
                return connection.execute("SELECT epoch FROM feed_epoch").fetchall()

        before = epoch()
        said = paigong(config, "restored")
        assert said.exit_code == 0, said.output
        (row,) = after = epoch()
        assert after != before
        assert str(row[0]) in said.output.replace("\n", "")


class TestWorker:
    def test_an_express_worker_and_the_rest_serve_every_queue_once(
        self, config: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        served: list[list[str]] = []

        async def run(_config: Settings, *, queues: Collection[str]) -> None:
            served.append(sorted(queues))

        polite: list[tuple[str, int]] = []
        monkeypatch.setattr(worker, "run_worker", run)
        monkeypatch.setattr(os, "nice", lambda by: polite.append(("process", by)))
        monkeypatch.setattr(
            giving_way,
            "as_a_session",
            lambda by, of_its_own: polite.append(("its own" if of_its_own else "session", by)),
        )
        for part in ("express", "rest", "all"):
            said = paigong(config, "worker", "--only", part)
            assert said.exit_code == 0, said.output
            gives_way = [("process", 3), ("session", 5)] if part == "rest" else []
            assert polite == gives_way, part
            polite.clear()
        express, rest, everything = served
        assert sorted(express + rest) == everything == sorted(worker.QUEUES)
        assert express == ["push", "urgent"], "danger and its push wait for nothing else"

    async def test_an_express_worker_rehearses_danger_until_an_order_was_there_to_do_it_with(
        self, config: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        looks: list[Callable[[], Awaitable[None]]] = []
        answers = [False, True]

        async def every(_seconds: float, _name: str, look: Callable[[], Awaitable[None]]) -> None:
            looks.append(look)

        async def rehearse(_planner: Any) -> bool:
            return answers.pop(0)

        async def ready(*_: Any) -> None:
            return

        monkeypatch.setattr(worker, "every", every)
        monkeypatch.setattr(worker.danger, "rehearse", rehearse)
        monkeypatch.setattr(worker, "keep_ready", ready)
        tools: Any = SimpleNamespace(planner=SimpleNamespace(engine=None))
        await worker._ready(config, tools)
        for _ in range(3):  # a third rehearsal would find no answer
            await looks[0]()
        assert answers == []


class TestVerify:
    def test_a_new_company_is_sound(self, config: Settings) -> None:
        sound = paigong(config, "verify", "--json")
        assert (sound.exit_code, sound.stdout.strip()) == (0, "[]")


class TestRefusals:
    def test_lacking_settings_are_one_sentence(self, config: Settings) -> None:
        said = paigong(config, "restored", PAIGONG_SECRET_KEY="short")
        assert said.exit_code == 1
        assert "the settings are not usable" in said.output
        assert "Traceback" not in said.output

    def test_a_weak_password_makes_no_administrator(self, config: Settings) -> None:
        said = paigong(
            config, "admin", "create", "--username", "root", PAIGONG_ADMIN_PASSWORD="short"
        )
        assert said.exit_code == 1
        assert "at least 10 characters" in said.output.replace("\n", " ")
        with psycopg.connect(config.database_url) as connection:
            rows = connection.execute("SELECT 1 FROM users WHERE username = 'root'").fetchall()
        assert rows == []


@pytest.fixture(autouse=True)
def _ordinary_clock() -> Any:
    yield
    clock.install(None)


class TestRules:
    """A company's own numbers, dated, beside the shipped ones"""

    def test_ladders_and_policies_are_imported_once_and_refused_with_a_reason(
        self, config: Settings, tmp_path: Path
    ) -> None:
        file = tmp_path / "rules.toml"
        file.write_text(shipped("app.notifications", "ladders.toml").replace("2020-", "2025-"))
        said = [paigong(config, "import", "ladders", str(file)).output for _ in range(2)]
        assert [each.split()[1] for each in said] == ["6", "0"]
        file.write_text("steps = 1")
        assert paigong(config, "import", "ladders", str(file)).exit_code == 1

        policy = shipped("app.catalogue", "policy_p_2026.toml")
        own = policy.replace("2026-01-01", "2026-06-01").replace("merge_s = 900", "merge_s = 600")
        for text, exit_code, word in (
            (own, 0, "added"),
            (own, 0, "there already"),
            (own.replace("merge_s = 600", "merge_s = 300"), 1, "in force from 2026-06-01 already"),
            (own.replace("[rules.urging]", "[rules.urgings]"), 1, "urging"),
            ("=", 1, "cannot be read"),
        ):
            file.write_text(text)
            told = paigong(config, "import", "policy", str(file))
            assert (told.exit_code, word in told.output) == (exit_code, True), told.output
        table = shipped("app.catalogue", "limits_harbin.csv")
        named = ("--name", "冰城", "--source", "合同")
        for day, text, word in (
            ("2026-10-01", table, "9 limits"),
            ("2026-10-01", table, "there already"),
            ("2026-11-01", table.replace("cap", "lid", 1), "line 2: kind lid"),
            ("2026-11-01", table.replace("1800", "soon"), "line 2: limit_s"),
            ("2026-11-01", table + table.splitlines()[1] + "\n", "line 5: E1 heat urban K4"),
            ("soon", table, "isoformat"),
        ):
            file.write_text(text)
            day_and = (*named, "--effective-from", day)
            told = paigong(config, "import", "limits", str(file), *day_and)
            assert (told.exit_code, word in told.output) == (int("9" not in word), True), (
                told.output
            )
        missing = paigong(config, "import", "policy", str(tmp_path / "no.toml"))
        assert (missing.exit_code, "there is no file" in missing.output) == (1, True)


def shipped(package: str, name: str) -> str:
    return resources.files(package).joinpath("data", name).read_text("utf-8")
