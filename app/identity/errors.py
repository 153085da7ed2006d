"""Refusals of sign-in and of the administration of accounts."""

from typing import ClassVar

from app.core.i18n import Text
from app.core.problems import Problem


class Unauthenticated(Problem):
    """No token or key, or one that is no longer good."""

    status = 401
    type = "unauthenticated"
    title = Text("尚未登录或登录已失效", "Not signed in, or no longer")
    action = Text(
        "请用刷新令牌换取新的访问令牌，或重新登录",
        "Refresh the access token, or sign in again",
    )
    headers: ClassVar[dict[str, str]] = {"WWW-Authenticate": 'Bearer realm="paigong"'}


class InvalidCredentials(Problem):
    """Unknown name, wrong password or disabled account: the answer does not say which."""

    status = 401
    type = "invalid-credentials"
    title = Text("用户名或密码不正确", "The username or the password is wrong")
    action = Text("请核对后重试，或联系管理员", "Check both and try again, or ask an administrator")
    headers: ClassVar[dict[str, str]] = {"WWW-Authenticate": 'Bearer realm="paigong"'}


class RefreshRefused(Problem):
    """The refresh token is unknown, expired, revoked or was used before."""

    status = 401
    type = "refresh-refused"
    title = Text("登录已结束", "The sign-in has ended")
    action = Text("请重新登录", "Sign in again")
    headers: ClassVar[dict[str, str]] = {"WWW-Authenticate": 'Bearer realm="paigong"'}


class DeviceRevoked(Problem):
    """The phone was reported lost, and nobody has taken it up again."""

    status = 403
    type = "device-revoked"
    title = Text("该设备已挂失", "This device was reported lost")
    action = Text("请联系站长或管理员解除挂失", "Ask the station chief or an administrator")


class TooManyRequests(Problem):
    """More requests or bytes than a phone needs; members: `retry_after_s`, `limit`."""

    status = 429
    type = "too-many-requests"
    title = Text("请求过于频繁", "Too many requests")
    action = Text("请按 Retry-After 等待后再试", "Wait as Retry-After says, then try again")

    def __init__(self, retry_after_s: int, limit: str) -> None:
        super().__init__(retry_after_s=retry_after_s, limit=limit)
        # The wait differs from case to case, so this instance hides the class's headers.
        self.headers = {"Retry-After": str(retry_after_s)}  # type: ignore[misc]


class TooManyAttempts(Problem):
    """Too many failed sign-ins under this name or from this address."""

    status = 429
    type = "too-many-attempts"
    title = Text("登录失败次数过多", "Too many failed sign-ins")
    action = Text("请按 Retry-After 等待后再试", "Wait as Retry-After says, then try again")

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(retry_after_s=retry_after_s)
        # The wait differs from case to case, so this instance hides the class's headers.
        self.headers = {"Retry-After": str(retry_after_s)}  # type: ignore[misc]


class PasswordTooWeak(Problem):
    """The password is short, or is the username."""

    status = 422
    type = "password-too-weak"
    title = Text("密码过于简单", "The password is too weak")
    action = Text(
        "请使用至少 10 个字符且与用户名不同的密码",
        "Use at least 10 characters, and not the username",
    )


class WrongPassword(Problem):
    """The current password, asked for again, was wrong."""

    status = 403
    type = "wrong-password"
    title = Text("当前密码不正确", "The current password is wrong")
    action = Text("请核对当前密码", "Check the current password")


class UsernameTaken(Problem):
    """Another account has this username."""

    status = 409
    type = "username-taken"
    title = Text("用户名已存在", "The username is taken")
    action = Text("请换一个用户名", "Choose another username")


class GrantExists(Problem):
    """The person already holds this role there."""

    status = 409
    type = "grant-exists"
    title = Text("该角色已授予", "This role is already granted there")
    action = Text("无需再次授予", "There is nothing left to do")


class BeyondOwnScope(Problem):
    """The account or the grant reaches further than the administrator's own scope."""

    status = 403
    type = "beyond-own-scope"
    title = Text("超出您的管辖范围", "This reaches beyond your own scope")
    action = Text("请由上级管理员办理", "Ask an administrator of the wider scope")


class LastAdmin(Problem):
    """Without this account nobody could administer the company."""

    status = 409
    type = "last-admin"
    title = Text("不能停用最后一名管理员", "The last administrator must stay")
    action = Text("请先授予另一人管理员角色", "First make somebody else a company administrator")


class NoSuchStation(Problem):
    """The station of a grant or a key does not exist, or lies outside the caller's scope."""

    status = 422
    type = "no-such-station"
    title = Text("站点不存在", "There is no such station")
    action = Text("请核对 station_id", "Check station_id")


class NotForKeys(Problem):
    """An API key may only do what a call centre does."""

    status = 422
    type = "not-for-api-keys"
    title = Text("API 密钥不能拥有该权限", "An API key cannot carry this permission")
    action = Text("请只选择呼叫中心权限", "Choose only permissions of a call centre")
