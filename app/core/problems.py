"""Refusals as RFC 9457 problem details, told in two languages and with what to do."""

from typing import Any, ClassVar

from app.core.i18n import Language, Text

TYPE_BASE = "urn:paigong:problem:"


class Problem(Exception):
    """A refusal with a stable `type`; subclass it in a feature's `errors.py`.

    `title` says what is wrong, `action` what to do; both are bilingual. `detail` (English) and
    `members` (JSON-ready extension members) tell the particular case.
    """

    status: ClassVar[int] = 400
    type: ClassVar[str]
    title: ClassVar[Text]
    action: ClassVar[Text]
    headers: ClassVar[dict[str, str]] = {}

    def __init__(self, detail: str | None = None, **members: Any) -> None:
        super().__init__(detail or self.title.en)
        self.detail = detail
        self.members = members

    def body(self, language: Language) -> dict[str, Any]:
        """The problem-details object."""
        return {
            "type": TYPE_BASE + self.type,
            "title": self.title.of(language),
            "status": self.status,
            "detail": self.detail or self.title.of(language),
            "action": self.action.of(language),
            **self.members,
        }


class NotFound(Problem):
    """It does not exist, or it is outside the caller's scope: both answer the same."""

    status = 404
    type = "not-found"
    title = Text("没有找到", "Not found")
    action = Text("请核对编号及您的管辖范围", "Check the id and that it lies in your scope")


class Forbidden(Problem):
    """The caller's roles lack the permission."""

    status = 403
    type = "forbidden"
    title = Text("没有权限", "Not permitted")
    action = Text("请联系管理员授予相应角色", "Ask an administrator for a role that permits this")


class InvalidInput(Problem):
    """Well-formed, but it cannot be meant."""

    status = 422
    type = "invalid-input"
    title = Text("输入有误", "The input is not valid")
    action = Text("请按 errors 中的说明修改后重试", "Correct what `errors` names and send it again")


class StaleVersion(Problem):
    """Somebody else changed it in between."""

    status = 409
    type = "stale-version"
    title = Text("内容已被他人修改", "It was changed by somebody else")
    action = Text("请重新读取后再提交", "Read it again and repeat your change on the new version")


class Unexpected(Problem):
    """Something broke on our side; the trace id finds it in the log."""

    status = 500
    type = "unexpected"
    title = Text("系统内部错误", "An unexpected error")
    action = Text("请稍后重试，并提供 trace_id", "Try again; if it stays, report the trace_id")


class Busy(Problem):
    """The database would not give a lock or a connection in time."""

    status = 503
    type = "busy"
    title = Text("系统繁忙", "The service is busy")
    action = Text("请按 Retry-After 稍后以同一键重试", "Retry with the same key after Retry-After")
    headers: ClassVar[dict[str, str]] = {"Retry-After": "2"}
