"""A stand-in for an S3-compatible store: whole objects by path, over real HTTP."""

import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Any, Self


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    objects: dict[str, bytes]

    def log_message(self, *_: Any) -> None:
        """Quiet."""

    def _answer(self, status: int, content: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def do_PUT(self) -> None:
        assert self.headers["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=key/")
        self.objects[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(200, ETag='"whole"')

    def do_GET(self) -> None:
        found = self.objects.get(self.path)
        if found is None:
            self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
            return
        about = {"ETag": '"whole"', "Last_Modified": "Thu, 15 Jan 2026 08:00:00 GMT"}
        asked = self.headers.get("Range")
        if asked is None:
            self._answer(200, found, **about)
            return
        first, last = asked.removeprefix("bytes=").split("-")
        piece = found[int(first) : int(last) + 1]
        end = int(first) + len(piece) - 1
        self._answer(206, piece, **about, Content_Range=f"bytes {first}-{end}/{len(found)}")

    def do_HEAD(self) -> None:
        found = self.objects.get(self.path)
        if found is None:
            self._answer(404)
            return
        self.send_response(200)
        self.send_header("ETag", '"whole"')
        self.send_header("Last-Modified", "Thu, 15 Jan 2026 08:00:00 GMT")
        self.send_header("Content-Length", str(len(found)))
        self.end_headers()

    def do_POST(self) -> None:
        """Only `?delete`, the removal of several keys of the bucket."""
        bucket, _, _ = self.path.partition("?delete")
        wanted = self.rfile.read(int(self.headers["Content-Length"])).decode()
        keys = re.findall("<Key>(.*?)</Key>", wanted)
        for key in keys:
            self.objects.pop(f"{bucket.rstrip('/')}/{key}", None)
        gone = "".join(f"<Deleted><Key>{key}</Key></Deleted>" for key in keys)
        self._answer(200, f"<DeleteResult>{gone}</DeleteResult>".encode())


class FakeS3:
    """A server on a port of its own while the `with` lasts; `objects` by path."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        handler = type("Handler", (_Handler,), {"objects": self.objects})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
