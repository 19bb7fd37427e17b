"""The sandbox as one thing: its state, its ASGI application, and serving it on a port.

uvicorn runs inside the caller's task: its signal handling is left out, so cancelling the caller (or
the end of its task group) stops it.
"""

import gc
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

import anyio
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from daemon.errors import ConfigurationError
from daemon.sandbox.admin import Admin
from daemon.sandbox.door import ABORT
from daemon.sandbox.gate import Gate
from daemon.sandbox.profile_api import ProfileApi
from daemon.sandbox.project import Clock, Project
from daemon.sandbox.routes import TABLE, Routes
from daemon.sandbox.settings import SandboxSettings

BACKLOG = 2048
CLOSING_SECONDS = 3
KEEP_ALIVE_SECONDS = 75  # as long as load balancers keep an idle connection
GC_THRESHOLD = (200_000, 50, 100)


def now_ms() -> int:
    """The served sandbox's clock: milliseconds UTC."""
    return time.time_ns() // 1_000_000  # noqa: TID251 -- it may not share the daemon's clock


class Sandbox:
    """Iterable and Segment's Profile API, simulated, behind one ASGI application."""

    def __init__(
        self,
        settings: SandboxSettings | None = None,
        clock: Clock = now_ms,
        rng: Random | None = None,
    ) -> None:
        chosen = settings or SandboxSettings()
        dice = rng or Random(chosen.seed)  # noqa: S311 -- a simulation must be repeatable
        self.project = Project(chosen, clock, dice)
        self.profiles = ProfileApi(self.project)

    def app(self) -> Starlette:
        """The application: `/api/...`, `/v1/spaces/...` and `/_sandbox/...`."""
        admin = Admin(self.project, self.profiles)
        return Starlette(
            routes=[
                Mount("/_sandbox", routes=admin.routes()),
                Mount("/v1/spaces", app=self.profiles),
                Mount("/", app=Gate(self.project, Routes(TABLE))),
            ]
        )


class _Protocol(HttpToolsProtocol):
    """uvicorn's protocol, which also lets an application cut its connection."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        scope: Any = self.scope
        scope[ABORT] = self.transport.abort


class _Server(uvicorn.Server):
    """uvicorn's server without its hands on the process's signals, which tells when it serves."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[int], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready(self.servers[0].sockets[0].getsockname()[1])

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        number = error.errno or 0
        why = os.strerror(number) if number > 0 else str(error.strerror).partition(" (while ")[0]
        raise ConfigurationError(
            f"can't listen on {host} port {port}: {why}; choose with --host and --port"
        ) from None
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # inherited by connections
    return listener


async def serve(
    settings: SandboxSettings,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    ready: Callable[[int], None],
) -> None:
    """Serve a sandbox until cancelled; `ready` is told the port once connections are taken.

    Raises ConfigurationError where the address can't be had.
    """
    listener = _listen(host, port)
    config = uvicorn.Config(
        Sandbox(settings).app(),
        http=_Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=CLOSING_SECONDS,
    )
    server = _Server(config, ready)
    gc.freeze()
    before = gc.get_threshold()
    gc.set_threshold(*GC_THRESHOLD)
    try:
        await server.serve([listener])
    except anyio.get_cancelled_exc_class():
        if server.started:
            with anyio.move_on_after(CLOSING_SECONDS, shield=True):
                await server.shutdown()
        raise
    finally:
        listener.close()
        gc.set_threshold(*before)
