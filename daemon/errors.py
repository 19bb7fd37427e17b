"""Every error Segue raises on purpose.

    SegueError
    ├── ConfigurationError        the operator's files or arguments are wrong; never retried
    │   ├── SchemaNotCurrent      the store's tables are not the ones this version needs
    │   └── InstanceLocked        another process owns this store
    ├── Unavailable               cannot be served now, may be later
    │   ├── MailboxFull           an actor's mailbox has no room
    │   ├── LogFull               the unsent part of the log is over its bound
    │   ├── StoreUnavailable      the database is away, full or read-only
    │   └── NoDaemon              nobody listens on the control socket
    ├── RestartsExhausted         an actor kept failing; the process ends and its supervisor decides
    ├── ActorKilled               an actor was ended by name, to be restarted
    ├── RequestRefused            an HTTP request to ingest cannot be taken as it stands
    ├── MessageRejected           one message cannot be taken; its neighbours can
    ├── ServiceError              what a call to Iterable or Segment ended in
    │   ├── Throttled             429: wait
    │   ├── Unreachable           no answer, or one cut short: it may have been applied
    │   ├── ServerFailed          5xx: it may have been applied
    │   ├── Unauthorized          401 or 403: stop and tell a person
    │   ├── EndpointMissing       404 for the path itself: the feature is not enabled
    │   ├── TooLarge              413 or BatchTooLarge: send fewer rows
    │   └── Refused               any other 4xx: the same call will fail again
    └── GuardRefused              a guard holds this action back; nothing was changed
        └── PlanStale             what the plan was made against has changed since

People see `str(error)`: what happened, where, and what to do.
"""

from collections.abc import Mapping, Sequence


class SegueError(Exception):
    """The root of what Segue raises on purpose."""


class ConfigurationError(SegueError):
    """The operator's files or arguments are wrong. `problems` holds one line for each mistake."""

    def __init__(self, problems: str | Sequence[str]) -> None:
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        super().__init__("\n".join(self.problems))


class SchemaNotCurrent(ConfigurationError):
    """The store's tables are not the ones this version needs."""


class InstanceLocked(ConfigurationError):
    """Another process owns this store."""


class Unavailable(SegueError):
    """Cannot be served now. `retry_after` is how many seconds the caller should wait."""

    def __init__(self, message: str, *, retry_after: int = 5) -> None:
        self.retry_after = retry_after
        super().__init__(message)


class MailboxFull(Unavailable):
    """An actor's mailbox has no room."""


class LogFull(Unavailable):
    """The unsent part of the log is over its bound."""


class StoreUnavailable(Unavailable):
    """The database is away, full or read-only."""


class NoDaemon(Unavailable):
    """Nobody listens on the control socket."""


class RestartsExhausted(SegueError):
    """An actor kept failing within its restart window."""


class ActorKilled(SegueError):
    """An actor was ended by name; its supervisor restarts it."""


class RequestRefused(SegueError):
    """An HTTP request to ingest cannot be taken as it stands: answered with `status` and `code`."""

    def __init__(self, status: int, code: str, message: str) -> None:
        self.status = status
        self.code = code
        super().__init__(message)


class MessageRejected(SegueError):
    """One message cannot be taken. `reason` is a short code, if possible of segment.md §1.5."""

    def __init__(self, reason: str, message: str) -> None:
        self.reason = reason
        super().__init__(message)


class ServiceError(SegueError):
    """What a call to Iterable or Segment ended in.

    `status` is the HTTP status (0 where no answer came), `code` and `params` the service's own.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        code: str = "",
        params: Mapping[str, object] | None = None,
    ) -> None:
        self.status = status
        self.code = code
        self.params = dict(params or {})
        super().__init__(message)


class Throttled(ServiceError):
    """429. `retry_after` is in seconds, None where the answer named no time."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        self.retry_after = retry_after
        super().__init__(message, status=429, code="RateLimitExceeded")


class Unreachable(ServiceError):
    """No answer, or one cut short: the call may have been applied."""


class ServerFailed(ServiceError):
    """A 5xx answer: the call may have been applied."""


class Unauthorized(ServiceError):
    """401 or 403: no call will succeed until a person changes the key or its rights."""


class EndpointMissing(ServiceError):
    """404 for the path itself: the feature is not enabled for this project."""


class TooLarge(ServiceError):
    """413 or BatchTooLarge: the same rows may succeed in smaller calls."""


class Refused(ServiceError):
    """Any other 4xx: the same call will fail again."""


class GuardRefused(SegueError):
    """A guard holds this action back; nothing was changed."""


class PlanStale(GuardRefused):
    """What the plan was made against has changed since; make a new plan."""
