"""The fake FCM server of the demo on a thread of its own, as the SDK's sync sign-in needs."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import uvicorn

from app.demo.fcm import create_fake


class FakeFcm:
    """A running server and the controls that its phones and tests use."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = httpx.Client(base_url=url, timeout=10)

    def script(self, token: str, failure: str | None, **more: int) -> None:
        order: dict[str, Any] = {"failure": failure, **more}
        assert self.http.put(f"/script/{token}", json=order).status_code == 200

    def messages(self, token: str, *, after: int = 0, wait_s: float = 0) -> list[dict[str, Any]]:
        answer = self.http.get(
            f"/phones/{token}/messages", params={"after": after, "wait_s": wait_s}
        )
        return list(answer.json()["messages"])

    def counts(self) -> dict[str, int]:
        return dict(self.http.get("/counts").json())


@contextmanager
def running(*, loss: float = 0.0) -> Iterator[FakeFcm]:
    """Serve on a free port until the block ends."""
    config = uvicorn.Config(
        create_fake(loss=loss),
        host="127.0.0.1",
        port=0,
        log_level="warning",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the fake FCM server did not start"
        thread.join(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    fake = FakeFcm(f"http://127.0.0.1:{port}")
    try:
        yield fake
    finally:
        fake.http.close()
        server.should_exit = True
        thread.join()
