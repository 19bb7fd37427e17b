"""The groups of settings. Every field has a description, and a unit where it is a quantity.

Secrets may stand in the environment, in systemd's credentials, or in a file named by the key with
`_file` after it (`api_key_file`). A missing credential is no mistake of the file's: whoever needs
it asks `missing_credentials`.
"""

import re
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeAlias
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from daemon.domain.commands import Endpoint
from daemon.domain.identity import ProjectType
from daemon.settings.schedule import parse_schedule

MIB = 1 << 20
BLOCKED_IDS = (
    "-1",
    "anonymous",
    "false",
    "guest",
    "nan",
    "nil",
    "none",
    "null",
    "undefined",
    "unknown",
    "[object object]",
)
BASE_URLS = {"US": "https://api.iterable.com", "EU": "https://api.eu.iterable.com"}

SOURCE_NAME = r"^[a-z0-9][a-z0-9_-]{0,63}$"
SourceName: TypeAlias = Annotated[
    str, StringConstraints(pattern=SOURCE_NAME, strip_whitespace=False)
]
Url: TypeAlias = Annotated[str, StringConstraints(pattern=r"^https?://[^/\s@]+(/[^\s]*)?$")]
Secret: TypeAlias = Annotated[SecretStr, Field(min_length=1, max_length=4096)]


def _fit_for_a_header(key: SecretStr) -> SecretStr:
    if re.fullmatch(r"[\x21-\x7e]+", key.get_secret_value()) is None:
        raise ValueError("must be printable ASCII without blanks: was it pasted whole, and alone?")
    return key


Token: TypeAlias = Annotated[Secret, AfterValidator(_fit_for_a_header)]
"""A secret that is sent in a header."""
Fraction: TypeAlias = Annotated[float, Field(ge=0, le=1)]


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, (str, SecretStr)) else value


def _checked_store(url: SecretStr) -> SecretStr:
    """A store's address as far as it can be judged without the store's own library."""
    scheme, _, rest = url.get_secret_value().partition("://")
    kind = scheme.partition("+")[0]
    with suppress(ValueError):
        if kind == "sqlite" and rest.startswith("/") and rest.strip("/"):
            return url
        if kind in {"postgresql", "postgres"} and urlsplit(url.get_secret_value()).port != 0:
            return url
    raise ValueError("should be sqlite:///<file> or postgresql://<user>@<host>/<database>")


def _checked_schedule(text: str) -> str:
    parse_schedule(text)
    return text


class Group(BaseModel):
    """A frozen group that knows its keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ProjectSettings(Group):
    """The one Iterable project this instance serves."""

    name: str = Field(default="iterable", min_length=1, description="What people call it.")
    type: ProjectType = Field(description="How the project identifies its users.")


class IterableSettings(Group):
    """How Iterable is reached, and how fast."""

    api_key: Token | None = Field(default=None, description="A server-side API key of the project.")
    data_center: Literal["US", "EU"] = Field(default="US", description="Where the project lives.")
    base_url: Url | None = Field(
        default=None, description="Another address than the data center's."
    )
    limits: dict[Endpoint, Annotated[float, Field(gt=0, le=10_000)]] = Field(
        default_factory=dict, description="Calls per second, where not Iterable's published limit."
    )
    lag_seconds: float = Field(
        default=15,
        ge=0,
        le=3600,
        description="Seconds until a write can be read back; grace of reads.",
    )
    opt_in_types: Literal["subscribed", "unsubscribed"] = Field(
        default="subscribed",
        description="Which of Iterable's lists tells who gets a message type of policy OptIn.",
    )
    timeout_seconds: float = Field(
        default=30, gt=0, le=300, description="Seconds one call may take."
    )
    concurrency: int = Field(default=4, ge=1, le=64, description="Calls in flight per endpoint.")

    @property
    def url(self) -> str:
        """The address calls go to, without a slash at its end."""
        return (self.base_url or BASE_URLS[self.data_center]).rstrip("/")


class SourceSettings(Group):
    """One Segment source: its write key opens the tracking API, its secret the webhook."""

    write_key: Secret | None = Field(default=None, description="What SDKs of this source send.")
    webhook_secret: Annotated[tuple[Secret, ...], BeforeValidator(_as_list)] = Field(
        default=(),
        max_length=2,
        description="The webhook's shared secret; two while it is rotated.",
    )


class StoreSettings(Group):
    """Where messages, profiles and outcomes rest."""

    url: Annotated[Secret, AfterValidator(_checked_store)] = Field(
        description="sqlite:///<file> or postgresql://...; by default a file in the state folder."
    )
    retention_days: float = Field(default=7, gt=0, le=365, description="Days the log is kept.")
    dedupe_hours: int = Field(
        default=24, ge=1, le=168, description="Hours a messageId is remembered."
    )
    max_unsent_messages: int = Field(
        default=10_000_000,
        ge=1000,
        description="Messages not yet sent, above which ingest refuses.",
    )


class IngestSettings(Group):
    """The two doors Segment's messages come through."""

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(
        default=8080, ge=0, le=65_535, description="Port to listen on; 0 takes a free one."
    )
    webhook_max_bytes: int = Field(
        default=16 * MIB, ge=MIB, le=256 * MIB, description="Bytes of one webhook request."
    )
    webhook_max_messages: int = Field(
        default=4000, ge=1, le=100_000, description="Messages of one webhook request."
    )
    tracking_max_bytes: int = Field(
        default=4 * MIB,
        ge=500_000,
        le=64 * MIB,
        description="Bytes of one tracking request, inflated.",
    )
    message_max_bytes: int = Field(
        default=32 * 1024, ge=1024, le=MIB, description="Bytes of one message at the tracking API."
    )
    webhook_message_max_bytes: int = Field(
        default=256 * 1024,
        ge=1024,
        le=4 * MIB,
        description="Bytes of one message in a webhook request.",
    )
    max_nesting: int = Field(
        default=32, ge=4, le=200, description="Levels of objects in a message."
    )
    max_traits: int = Field(
        default=2000, ge=1, le=10_000, description="Traits or properties a message."
    )
    commit_messages: int = Field(
        default=2000, ge=1, le=50_000, description="Messages that share one commit at most."
    )
    waiting_requests: int = Field(
        default=512, ge=1, le=100_000, description="Requests waiting for a commit; beyond that 503."
    )
    request_timeout_seconds: float = Field(
        default=5, gt=0, le=60, description="Seconds until a request is answered; Segment waits 5."
    )
    tls_cert_file: Path | None = Field(default=None, description="Certificate chain, PEM.")
    tls_key_file: Path | None = Field(default=None, description="The certificate's key, PEM.")
    trusted_proxies: tuple[str, ...] = Field(
        default=(), description="Addresses whose X-Forwarded-* headers are believed."
    )
    accept_unsigned: bool = Field(
        default=False, description="Take webhook requests of sources that have no secret."
    )
    blocked_ids: tuple[str, ...] = Field(
        default=BLOCKED_IDS,
        description="Identifiers nobody has, in lower case; refused, as are mere zeros and dashes.",
    )

    @model_validator(mode="after")
    def _tls_is_whole(self) -> Self:
        if (self.tls_cert_file is None) != (self.tls_key_file is None):
            raise ValueError("tls_cert_file and tls_key_file are given together or not at all")
        return self


class LaneSettings(Group):
    """How messages leave the log."""

    count: int = Field(default=1, ge=1, le=64, description="Lanes that share the 64 shards.")
    turn_messages: int = Field(
        default=2000, ge=1, le=50_000, description="Messages folded in one turn."
    )
    window_messages: int = Field(
        default=20_000,
        ge=100,
        le=1_000_000,
        description="Messages emit may run ahead of its cursor.",
    )
    parked_messages: int = Field(
        default=100_000, ge=0, le=10_000_000, description="Messages parked before the cursor stops."
    )
    hold_anonymous_days: float = Field(
        default=7, ge=0, le=90, description="Days the messages of someone anonymous are held."
    )
    hold_anonymous_messages: int = Field(
        default=1000, ge=0, le=100_000, description="Messages held for each anonymous person."
    )
    profile_max_traits: int = Field(
        default=2000, ge=1, le=10_000, description="Traits of one profile."
    )
    profile_max_bytes: int = Field(
        default=256 * 1024, ge=4096, le=4 * MIB, description="Bytes of one profile's traits."
    )
    trait_max_bytes: int = Field(
        default=32 * 1024, ge=256, le=MIB, description="Bytes of one trait."
    )
    max_hops: int = Field(default=4, ge=1, le=16, description="Hand-overs of one message.")
    drain_seconds: float = Field(
        default=15,
        gt=0,
        le=300,
        description="Seconds a lane may take to finish its turn at the end.",
    )


class ReconcileSettings(Group):
    """How Iterable is compared with what it should hold, and who decides on repairs."""

    schedule: Annotated[str, AfterValidator(_checked_schedule)] = Field(
        default="every 6h",
        description='When to sweep: "every 6h", a crontab line in UTC, or "off".',
    )
    repair: Literal["auto", "ask"] = Field(
        default="ask",
        description="Whether a scheduled run may apply its plan when every guard holds.",
    )
    max_share: Fraction = Field(
        default=0.05, description="Share of users a plan may touch without an explicit yes, 0 to 1."
    )
    keep_runs: int = Field(default=30, ge=1, le=1000, description="Runs whose reports are kept.")
    recreate_deleted: bool = Field(
        default=False, description="Whether users deleted in Iterable are created again."
    )


class ProfileApiSettings(Group):
    """Segment's Profile API, where traits are refreshed from."""

    space_id: str = Field(min_length=1, max_length=128, description="The Unify space.")
    token: Token | None = Field(default=None, description="The space's access token.")
    base_url: Url = Field(
        default="https://profiles.segment.com",
        description="Its address; in the EU https://profiles.euw1.segment.com.",
    )


class SegmentSettings(Group):
    """What is read from Segment."""

    profile_api: ProfileApiSettings | None = Field(default=None, description="Left out: not read.")


class TelemetrySettings(Group):
    """What can be seen from outside."""

    metrics: Literal["none", "console", "otlp", "prometheus"] = Field(
        default="none", description="Where metrics go."
    )
    traces: Literal["none", "console", "otlp"] = Field(
        default="none", description="Where traces go."
    )
    otlp_endpoint: Url = Field(
        default="http://127.0.0.1:4318", description="The OTLP/HTTP collector."
    )
    prometheus_host: str = Field(default="127.0.0.1", description="Address /metrics listens on.")
    prometheus_port: int = Field(default=9464, ge=0, le=65_535, description="Port of /metrics.")
    interval_seconds: float = Field(
        default=30, ge=1, le=3600, description="Seconds between exports."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least that is logged."
    )
    log_format: Literal["text", "json"] = Field(
        default="text", description="One line each, to stderr."
    )


class ControlSettings(Group):
    """Where a running daemon answers commands."""

    socket: Path = Field(
        description="The Unix socket; by default segue.sock in the runtime or state folder."
    )


class Settings(BaseSettings):
    """Everything. Built by `load_settings`; nothing is read from the process by itself."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    project: ProjectSettings = Field(description="The Iterable project.")
    iterable: IterableSettings = Field(default_factory=IterableSettings, description="The client.")
    sources: dict[SourceName, SourceSettings] = Field(
        default_factory=dict, max_length=1000, description="Segment's sources, by our names."
    )
    store: StoreSettings = Field(description="The store.")
    ingest: IngestSettings = Field(default_factory=IngestSettings, description="Intake.")
    lanes: LaneSettings = Field(default_factory=LaneSettings, description="Delivery.")
    reconcile: ReconcileSettings = Field(
        default_factory=ReconcileSettings, description="Comparison and repair."
    )
    segment: SegmentSettings = Field(default_factory=SegmentSettings, description="Reads.")
    telemetry: TelemetrySettings = Field(
        default_factory=TelemetrySettings, description="Metrics, traces, logs."
    )
    control: ControlSettings = Field(description="The control socket.")
    mappings: list[dict[str, Any]] = Field(
        default_factory=list, description="What maps to what; see the mapping reference."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 -- pydantic-settings calls by these names
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what `load_settings` has put together."""
        return (init_settings,)

    def missing_credentials(self) -> list[str]:
        """What stands between these settings and serving, one line each."""
        missing = []
        if self.iterable.api_key is None:
            missing.append(
                "iterable.api_key: missing; give the credential iterable-api-key,"
                " SEGUE_ITERABLE__API_KEY or iterable.api_key_file"
            )
        if not self.sources:
            missing.append("sources: none; name at least one Segment source")
        for name, source in self.sources.items():
            if not (source.write_key or source.webhook_secret or self.ingest.accept_unsigned):
                missing.append(
                    f"sources.{name}: no secret; give the credential segment-webhook-secret.{name}"
                    f" (webhooks) or segment-write-key.{name} (SDKs)"
                )
        api = self.segment.profile_api
        if api and api.token is None:
            missing.append(
                "segment.profile_api.token: missing; give the credential profile-api-token"
            )
        return missing
