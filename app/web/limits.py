"""Bodies are counted: what is too large is refused unread, and senders pay for what came."""

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.i18n import Text
from app.core.problems import Problem
from app.web.problems import problem_response


class BodyTooLarge(Problem):
    """More bytes than this route takes."""

    status = 413
    type = "body-too-large"
    title = Text("内容过大", "The body is too large")
    action = Text("文件请用 tus 分段上传", "Send files through the resumable upload instead")


class _Overflow(Exception):
    pass


class BodyLimit:
    """ASGI middleware: at most `max_bytes` per request, counted as they arrive.

    Upload chunks (`exempt_prefix`) have a limit of their own, set by the declared size.
    """

    def __init__(self, app: ASGIApp, *, max_bytes: int, exempt_prefix: str) -> None:
        self.app = app
        self.max_bytes = max_bytes
        self.exempt_prefix = exempt_prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(self.exempt_prefix):
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        declared = request.headers.get("content-length", "0")
        refusal = problem_response(BodyTooLarge(max_bytes=self.max_bytes), request)
        if declared.isdigit() and int(declared) > self.max_bytes:
            await refusal(scope, receive, send)
            return
        started = False
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self.max_bytes:
                raise _Overflow
            return message

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, counted, watched)
        except _Overflow:
            if not started:
                await refusal(scope, receive, send)


class CountedBodies:
    """ASGI middleware: the bytes of a request count as they arrive, torn or chunked.

    They go to the process's `phone_limits`; a stranger is charged nothing.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        came = 0

        def charge() -> None:
            nonlocal came
            principal = scope.get("state", {}).get("principal")
            if came and principal is not None:
                scope["app"].state.phone_limits.charge(principal, came)
                came = 0

        async def counted() -> Message:
            nonlocal came
            message = await receive()
            came += len(message.get("body", b""))
            charge()
            return message

        try:
            await self.app(scope, counted, send)
        finally:
            charge()
