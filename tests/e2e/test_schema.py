"""schemathesis over a real server on seeded data: no server error, nothing undocumented."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import CheckFunction, not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from app.core.db import Database
from app.core.settings import Settings
from app.main import create_app
from tests.e2e.recipes import RECIPES, Call
from tests.e2e.stage import EVERYTHING, Stage, staged
from tests.factories.world import World, access_token

ROOT = Path(__file__).resolve().parents[2]
CHECKS: list[CheckFunction] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
EXAMPLES = 4
BUDGET_S = 45.0
"""Fuzzing stops here; what was not fuzzed then is printed."""
WANTED_SHARE = 0.9
IDS = {
    "order_id": lambda stage: str(stage.orders["get_work_order"]),
    "station_id": lambda stage: str(stage.world.stations["S01"]),
    "customer_id": lambda stage: str(stage.world.customers["C0001"]),
    "building_id": lambda stage: str(stage.world.buildings["锦绣家园1"]),
    "premises_id": lambda stage: str(stage.world.premises["锦绣家园1-1-101"]),
    "crew_id": lambda stage: str(stage.world.crews["A2"]),
    "entry_id": lambda _: "1",
    "run_id": lambda stage: stage.answers.get("create_planning_run", {}).get("id", str(uuid4())),
}
NOT_GUIDED = {"logout", "end_my_session", "disable_user", "revoke_my_device"}
"""They end the very sign-in, or the person, that the other operations use."""


@schemathesis.serializer("application/offset+octet-stream")
def _octets(_context: schemathesis.SerializationContext, value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


@contextmanager
def served(config: Settings) -> Iterator[str]:
    """A server process on the test's database; yields its base URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = os.environ | {
        "DATABASE_URL": config.database_url,
        "PAIGONG_ENVIRONMENT": "test",
        "PAIGONG_SECRET_KEY": config.secret_key,
        "PAIGONG_DATA_DIR": str(config.data_dir),
    }
    command = [sys.executable, "-m", "app.cli", "serve", "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, env=env)
    base = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            try:
                httpx.get(f"{base}/readyz").raise_for_status()
                break
            except httpx.HTTPError:
                time.sleep(0.05)
        yield base
    finally:
        process.terminate()
        process.wait(10)


class Fuzzer:
    """Calls every operation, with generated and with meant requests, and counts answers."""

    def __init__(self, base: str, stage: Stage) -> None:
        self.base, self.stage = base, stage
        self.schema = schemathesis.openapi.from_url(f"{base}/openapi.json")
        self.reached: set[str] = set()
        self.failures: list[str] = []
        self.http = httpx.Client(timeout=20)

    def headers(self) -> dict[str, str]:
        token = access_token(self.stage.world, EVERYTHING)
        return {"Authorization": f"Bearer {token}", "Idempotency-Key": str(uuid4())}

    def operations(self) -> dict[str, Any]:
        found = [result.ok() for result in self.schema.get_all_operations()]
        self.http.headers["Connection"] = "close"
        return {each.definition.raw["operationId"]: each for each in found}

    def fuzz(self, name: str, operation: Any) -> None:
        """A few generated requests, with ids that exist where the path wants one."""

        @given(case=operation.as_strategy())
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def run(case: Any) -> None:
            for parameter in case.path_parameters or {}:
                if parameter in IDS:
                    case.path_parameters[parameter] = IDS[parameter](self.stage)
            response = case.call(headers=self.headers())
            self._judge(name, operation, case, response)

        run()

    def guide(self, name: str, operation: Any) -> None:
        """The one request that is meant to succeed."""
        recipe = RECIPES.get(name)
        ids = {key: make(self.stage) for key, make in IDS.items() if f"{{{key}}}" in operation.path}
        call = recipe(self.stage) if recipe else Call(path=ids)
        path = operation.path.format(**call.path)
        content = {"content": call.body} if isinstance(call.body, bytes) else {"json": call.body}
        if call.body is None:
            content = {}
        answer = self.http.request(
            operation.method.upper(),
            self.base + path,
            params=call.query,
            headers=self.headers() | call.headers,
            **content,  # type: ignore[arg-type]
        )
        if answer.status_code < 300:
            self.reached.add(name)
            if answer.content and "json" in answer.headers["content-type"]:
                self.stage.answers[name] = answer.json()
        elif recipe or not call.path:
            self.failures.append(f"{name}: guided {answer.status_code} {answer.text[:300]}")
        if operation.method.upper() != "HEAD":
            operation.validate_response(answer)

    def _judge(self, name: str, operation: Any, case: Any, response: Any) -> None:
        if response.status_code < 300:
            self.reached.add(name)
        try:
            case.validate_response(response, checks=CHECKS)
        except AssertionError as error:
            self.failures.append(f"{name}: {error}")
        except BaseExceptionGroup as group:
            for each in group.exceptions:
                self.failures.append(f"{name}: {each}")


def _turn(name: str) -> int:
    """What makes things comes first; who goes home comes back before a position is asked for."""
    return 0 if name.startswith("create_") else 1 if name in {"clock_out", "login"} else 2


class TestSchema:
    async def test_no_server_error_no_undocumented_answer_and_most_operations_succeed(
        self, config: Settings, database: Database, world: World, capsys: Any
    ) -> None:
        create_app(config)
        async with staged(database, world, config.data_dir) as stage:
            with served(config) as base:
                fuzzer = Fuzzer(base, stage)
                operations = fuzzer.operations()
                for name in sorted(operations, key=_turn):
                    if name not in NOT_GUIDED:
                        fuzzer.guide(name, operations[name])
                begun, fuzzed = time.monotonic(), 0
                for name, operation in operations.items():
                    if name in NOT_GUIDED or time.monotonic() - begun > BUDGET_S:
                        continue
                    fuzzer.fuzz(name, operation)
                    fuzzed += 1
        share = len(fuzzer.reached) / len(operations)
        with capsys.disabled():
            print(
                f"\nschemathesis: {len(operations)} operations, {fuzzed} fuzzed,"
                f" {len(fuzzer.reached)} reached a 2xx ({share:.0%});"
                f" not reached: {sorted(set(operations) - fuzzer.reached)}"
            )
        assert not fuzzer.failures, "\n".join(fuzzer.failures)
        assert share >= WANTED_SHARE
