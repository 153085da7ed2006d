"""Which channels a deployment has: read from one TOML file, opened in the worker's event loop."""

import logging
import tomllib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from app.core.settings import Environment, Settings
from app.notifications.channels import SMS, Channel
from app.notifications.guarding import GuardedChannel
from app.notifications.in_app import PullChannel, StreamChannel

log = logging.getLogger(__name__)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class JpushSettings(_Strict):
    """`[jpush]`: the application's key and master secret."""

    app_key: str
    master_secret: str
    url: str = "https://api.jpush.cn"


class GatewaySettings(_Strict):
    """`[sms]` or `[voice]` with `by = "gateway"`: the company's own gateway."""

    by: Literal["gateway"]
    url: str
    token: str


class AliyunSettings(_Strict):
    """`[sms]` or `[voice]` with `by = "aliyun"`; `from` is the signature, or the number shown."""

    by: Literal["aliyun"]
    key_id: str
    key_secret: str
    sender: str
    templates: dict[str, str]
    url: str | None = None


class StaffSettings(_Strict):
    """`[staff]`: where chiefs and dispatchers read alerts, as URLs of Apprise."""

    urls: list[str]


class ChannelFile(_Strict):
    """Everything that reaches people, but for FCM, which has a credentials file of its own."""

    jpush: JpushSettings | None = None
    sms: GatewaySettings | AliyunSettings | None = None
    voice: GatewaySettings | AliyunSettings | None = None
    staff: StaffSettings | None = None

    def urls(self) -> list[str]:
        """The servers that are asked with secrets."""
        told = (self.jpush, self.sms, self.voice)
        return [each.url for each in told if each is not None and each.url is not None]


def read_channels(path: Path, *, production: bool) -> ChannelFile:
    """The file's contents; raises ValueError, which never repeats a secret.

    Production refuses plain HTTP, since every request carries a key.
    """
    try:
        file = ChannelFile.model_validate(tomllib.loads(path.read_text("utf-8")))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path}: {error}") from error
    except ValidationError as error:
        places = sorted({".".join(map(str, each["loc"])) for each in error.errors()})
        raise ValueError(f"{path}: wrong or missing: {', '.join(places)}") from None
    if production and any(not url.startswith("https://") for url in file.urls()):
        raise ValueError(f"{path}: a gateway's url must begin with https://")
    return file


def open_channels(settings: Settings) -> dict[str, Channel]:
    """The channels that the settings name, by provider; call it in the worker's event loop."""
    opened: list[Channel] = [StreamChannel(), PullChannel()]
    if settings.fcm_credentials is not None:
        from app.notifications.fcm import FcmChannel

        opened.append(GuardedChannel(FcmChannel(settings.fcm_credentials, settings.fcm_url)))
    if settings.channels_file is not None:
        production = settings.environment is Environment.PRODUCTION
        file = read_channels(settings.channels_file, production=production)
        opened += [GuardedChannel(each) for each in _of_file(file)]
    channels = {channel.provider: channel for channel in opened}
    if "fcm" not in channels and "jpush" not in channels:
        log.warning("push is off: neither PAIGONG_FCM_CREDENTIALS nor [jpush] is set, phones pull")
    if SMS not in channels:
        log.error("ALERT texts are off: [sms] is not set, customers' messages wait until they fail")
    return channels


def _of_file(file: ChannelFile) -> list[Channel]:
    opened: list[Channel] = []
    if file.jpush is not None:
        from app.notifications.jpush import JpushChannel

        told = file.jpush
        opened.append(JpushChannel(told.app_key, told.master_secret, told.url))
    if file.sms is not None:
        opened.append(_sms(file.sms))
    if file.voice is not None:
        opened.append(_voice(file.voice))
    if file.staff is not None and file.staff.urls:
        from app.notifications.staff import StaffChannel

        opened.append(StaffChannel(file.staff.urls))
    return opened


def _sms(told: GatewaySettings | AliyunSettings) -> Channel:
    from app.notifications import aliyun, gateway

    if isinstance(told, GatewaySettings):
        return gateway.GatewayChannel("sms", told.url, told.token)
    url = told.url or "https://dysmsapi.aliyuncs.com"
    account = aliyun.AliyunAccount(told.key_id, told.key_secret, url)
    return aliyun.AliyunSms(account, told.sender, told.templates)


def _voice(told: GatewaySettings | AliyunSettings) -> Channel:
    from app.notifications import aliyun, gateway

    if isinstance(told, GatewaySettings):
        return gateway.GatewayChannel("voice", told.url, told.token)
    url = told.url or "https://dyvmsapi.aliyuncs.com"
    account = aliyun.AliyunAccount(told.key_id, told.key_secret, url)
    return aliyun.AliyunVoice(account, told.sender, told.templates)
