"""What a running daemon says of itself, as `ControlClient.status` brings it."""

import msgspec

from daemon.actors.vitals import Vitals


class Backlog(msgspec.Struct, frozen=True):
    """What is in the log and not sent yet, counted once a second.

    `oldest_at` is a receivedAt in ms; `counted_to` the log's last position at that moment.
    """

    messages: int = 0
    oldest_at: int | None = None
    marks: int = 0
    waiting: dict[str, int] = {}
    counted_to: int = 0


class EndpointStatus(msgspec.Struct, frozen=True):
    """A budget. Rates are calls a second, None without a limit; `paused_for` is in seconds."""

    rate: float | None
    configured: float | None
    paused_for: float
    taken: int
    throttled: int


class Trouble(msgspec.Struct, frozen=True):
    """An endpoint whose calls fail, since when (ms), and what they fail with."""

    endpoint: str
    since: int
    reason: str


class SourceStatus(msgspec.Struct, frozen=True):
    """What a source sent today (UTC)."""

    received: int
    accepted: int
    rejected: int
    duplicate: int


class Today(msgspec.Struct, frozen=True):
    """What lanes did since midnight UTC, or since the process began if that is later.

    `folded` counts messages; `state`, `events` and `repairs` count by what became of them, one for
    each mapping that matched; `noted` counts what happens seldom.
    """

    folded: int = 0
    state: dict[str, int] = {}
    events: dict[str, int] = {}
    repairs: dict[str, int] = {}
    noted: dict[str, int] = {}


class LastRun(msgspec.Struct, frozen=True):
    """The last sweep or spot check; `drifted` counts users. Times are ms."""

    run: int
    kind: str
    state: str
    started_at: int
    finished_at: int | None
    drifted: int


class StatusReport(msgspec.Struct, frozen=True):
    """One moment of a running daemon. `up` is in ms, `messages` the log's last position."""

    project: str
    type: str
    data_center: str
    mapping_version: int
    up: int
    messages: int
    sources: dict[str, SourceStatus]
    unsent: Backlog
    today: Today
    endpoints: dict[str, EndpointStatus]
    last_run: LastRun | None
    actors: list[Vitals]
    troubles: list[Trouble] = []
