"""Settings of one process, read from the environment (prefix `PAIGONG_`) and installed once."""

from datetime import datetime
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, IPvAnyNetwork, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.core.clock import ScaledClock

DEMO_SECRET = "demo-secret-key-never-for-production-use"  # noqa: S105 - refused in production


class Environment(StrEnum):
    PRODUCTION = "production"
    DEMO = "demo"
    TEST = "test"


class Settings(BaseSettings):
    """Everything that a deployment can set; production refuses demo values."""

    model_config = SettingsConfigDict(env_prefix="PAIGONG_", populate_by_name=True)

    environment: Environment = Environment.PRODUCTION
    database_url: str = Field(validation_alias="DATABASE_URL")
    """Owner of the schema; requests run as the role `paigong_app`, which owns nothing."""
    secret_key: str = Field(min_length=32)
    """Signs access tokens; at least 32 characters."""
    previous_secret_key: str | None = Field(default=None, min_length=32)
    """Still accepted while access tokens signed with it run out."""
    time_zone: str = "Asia/Shanghai"
    """Calendar of days, shifts and pay periods."""
    data_dir: Path = Path("var/data")
    """Evidence bytes and imported maps."""
    holidays_file: Path | None = None
    """TOML of holidays and make-up working days, for years that are not announced yet; by default
    `holidays.toml` in the data folder."""
    mask_phones: bool = True
    """Technicians see 139****1234 and call through the station."""
    commit_horizon_s: int = 45 * 60
    """A planned visit is sent to the crew's phone when it starts within this time (DOMAIN 7)."""
    plan_sweep_s: int = Field(default=30, ge=1)
    """Business seconds between looks for plans that stayed behind and visits that became due."""
    plan_min_interval_s: int = Field(default=60, ge=0)
    """Business seconds between two plans of a station, unless danger waits."""
    plan_budget_s: float = Field(default=2.0, ge=0.05, le=60.0)
    """Real seconds of search per plan."""
    osrm_url: str | None = None
    """An `osrm-routed` elsewhere, or one per hour of the day (`http://roads-{bucket}:5000`);
    without it the imported map is served by child processes."""
    vehicle: Literal["car", "ebike"] = "car"
    """What the company's crews drive; each has a map of its own (`import-map --profile`)."""
    matrix_cache_bytes: int = Field(default=256_000_000, ge=0)
    """Travel times remembered under `data_dir/maps/matrices`, shared by all workers there."""
    fcm_credentials: Path | None = None
    """Service-account JSON; without it push is off and phones pull."""
    fcm_url: str | None = None
    """A stand-in for the FCM server, refused in production."""
    channels_file: Path | None = None
    """TOML with [jpush], [sms], [voice], [staff]; whatever lacks there is not used."""
    demo_real_epoch: datetime | None = None
    demo_business_epoch: datetime | None = None
    demo_rate: float = Field(default=1.0, ge=1.0, le=60.0)
    phone_requests_per_s: float = Field(default=10.0, gt=0)
    """Per phone once `phone_requests_burst` is used up; a person with two phones has twice that."""
    phone_requests_burst: int = Field(default=300, ge=10)
    phone_bytes_per_s: float = Field(default=2_000_000.0, gt=0)
    phone_bytes_burst: int = Field(default=100_000_000, ge=1_000_000)
    public_url: str | None = Field(default=None, pattern=r"^https?://[^\s?#]+$")
    """Where the links of customers' text messages lead: `{public_url}/visit/…` and `/rating/…`, the
    company's own pages; without it messages carry no link."""
    trusted_proxies: tuple[IPvAnyNetwork, ...] = ()
    """As JSON: networks of the company's reverse proxies, such as `["10.1.0.0/16"]`. Only what they
    say in `X-Forwarded-For` and `-Proto` is believed; limits count the address so named."""
    webhook_networks: tuple[IPvAnyNetwork, ...] = ()
    """As JSON: networks inside the company, such as `["10.1.0.0/16"]`, that webhooks may reach."""
    max_body_bytes: int = 1_000_000
    evidence_store: str | None = None
    """`s3://bucket/prefix` for evidence that is whole; without it, a folder of `data_dir`."""
    evidence_store_options: dict[str, str] = Field(default_factory=dict)
    """As JSON: endpoint, region, access_key_id, secret_access_key, ...; AWS_* variables count."""
    evidence_limits: Path | None = None
    """A TOML file with sizes, quotas and keeping that differ from the shipped ones."""

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    def scaled_clock(self) -> ScaledClock | None:
        """The demo's business clock, or None for ordinary time."""
        if self.demo_real_epoch is None or self.demo_business_epoch is None:
            return None
        return ScaledClock(self.demo_real_epoch, self.demo_business_epoch, self.demo_rate)

    def may_listen_on(self, host: str) -> bool:
        """Whether the API may be served there: the demo's secrets are known, so loopback only."""
        if self.environment is not Environment.DEMO:
            return True
        try:
            return ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"

    @model_validator(mode="after")
    def _production_is_no_demo(self) -> Self:
        if self.environment is not Environment.PRODUCTION:
            return self
        refused = {
            "PAIGONG_SECRET_KEY is the demo's": self.secret_key == DEMO_SECRET,
            "PAIGONG_PREVIOUS_SECRET_KEY is the demo's": self.previous_secret_key == DEMO_SECRET,
            "PAIGONG_FCM_URL names a fake push server": self.fcm_url is not None,
            "PAIGONG_DEMO_* clocks run only in the demo": self.demo_real_epoch is not None
            or self.demo_rate != 1.0,
        }
        if found := [why for why, wrong in refused.items() if wrong]:
            raise ValueError("; ".join(found))
        return self


_installed: Settings | None = None


def install(settings: Settings) -> None:
    """Make `settings` the ones of this process."""
    global _installed
    _installed = settings


def current() -> Settings:
    """The installed settings; raises RuntimeError before `install`."""
    if _installed is None:
        raise RuntimeError("settings are not installed: call app.core.settings.install first")
    return _installed
