"""What a running daemon says of itself, as `ControlClient.status` brings it."""

import msgspec

from daemon.actors.vitals import Vitals


class Backlog(msgspec.Struct, frozen=True):
    """What is in the log and not sent yet. `oldest_at` is a receivedAt in ms."""

    messages: int = 0
    oldest_at: int | None = None
    marks: int = 0
    waiting: dict[str, int] = {}


class EndpointStatus(msgspec.Struct, frozen=True):
    """A budget. Rates are calls a second, None without a limit; `paused_for` is in seconds."""

    rate: float | None
    configured: float | None
    paused_for: float
    taken: int
    throttled: int


class SourceStatus(msgspec.Struct, frozen=True):
    """What a source sent today (UTC)."""

    received: int
    accepted: int
    rejected: int
    duplicate: int


class LastRun(msgspec.Struct, frozen=True):
    """The last sweep or spot check. Times are ms."""

    run: int
    kind: str
    state: str
    started_at: int
    finished_at: int | None


class StatusReport(msgspec.Struct, frozen=True):
    """One moment of a running daemon. `up` is in ms; `today` counts since midnight UTC."""

    project: str
    type: str
    data_center: str
    mapping_version: int
    up: int
    messages: int
    sources: dict[str, SourceStatus]
    unsent: Backlog
    today: dict[str, int]
    endpoints: dict[str, EndpointStatus]
    last_run: LastRun | None
    actors: list[Vitals]
