"""How commands run what is asynchronous: one loop, uvloop's, and logs that hold no secrets."""

import sys
from collections.abc import Awaitable, Callable
from typing import TypeVar, TypeVarTuple

import anyio

from daemon.settings import Settings
from daemon.telemetry.logs import log_to
from daemon.telemetry.redaction import Redactor, secrets_of

T = TypeVar("T")
Args = TypeVarTuple("Args")


def run(work: Callable[[*Args], Awaitable[T]], *args: *Args) -> T:
    """Run `work` to its end."""
    return anyio.run(work, *args, backend_options={"use_uvloop": True})


def start_logs(settings: Settings) -> None:
    """Send all logs to stderr, as settings choose."""
    log_to(sys.stderr, settings.telemetry, Redactor(secrets_of(settings)))
