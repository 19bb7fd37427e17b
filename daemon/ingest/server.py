"""uvicorn as one of our actors: its own sockets, no signal handling, a stop that can be awaited."""

import math
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import anyio
import uvicorn
from starlette.types import ASGIApp

from daemon.errors import ConfigurationError
from daemon.ingest.protocol import BoundedProtocol
from daemon.settings.schema import IngestSettings

_BACKLOG = 2048
_KEEP_ALIVE_SECONDS = 75  # longer than load balancers keep theirs, so that they hang up first


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one.

    Raises:
        ConfigurationError: the address can't be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise ConfigurationError(
            f"ingest.host, ingest.port: can't listen on {host} port {port}: {_why(error)}"
        ) from None
    # Inherited by what it accepts; asyncio sets it only where the socket names its protocol.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _why(error: OSError) -> str:
    """Python adds to the system's words what we say better; a name that is none has no number."""
    number = error.errno or 0
    return os.strerror(number) if number > 0 else str(error.strerror).partition(" (while ")[0]


class _Server(uvicorn.Server):
    """Leaves signals to whoever runs the process, and says when it accepts connections."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    def hang_up(self) -> None:
        """Close what a cancelled run has left open."""
        for server in getattr(self, "servers", []):
            server.close()
        for connection in list(self.server_state.connections):
            connection.transport.abort()


class WebServer:
    """An actor: serves `app` on `listener` (see `listen`), which outlives its restarts."""

    name = "web"

    def __init__(self, app: ASGIApp, settings: IngestSettings, listener: socket.socket) -> None:
        self._app, self._settings, self._listener = app, settings, listener
        self._server: _Server | None = None
        self._stopping = False
        self._stopped = anyio.Event()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._listener.getsockname()[1])

    async def run(self, *, ready: Callable[[], None]) -> None:
        """Serve until `stop`.

        Raises:
            ConfigurationError: the TLS files can't be used.
        """
        self._stopped = anyio.Event()
        try:
            if not self._stopping:
                await self._serve(ready)
        finally:
            self._stopped.set()

    async def stop(self) -> None:
        """Accept nothing new, answer what is in hand, return when that is done."""
        self._stopping = True
        self._listener.close()
        if self._server is not None:
            self._server.should_exit = True
            await self._stopped.wait()

    async def _serve(self, ready: Callable[[], None]) -> None:
        server = self._server = _Server(self._config(), ready)
        finished = False
        try:
            await server.serve([self._listener.dup()])
            finished = True
        finally:
            self._server = None
            if not finished:
                server.hang_up()

    def _config(self) -> uvicorn.Config:
        settings = self._settings
        config = uvicorn.Config(
            self._app,
            http=BoundedProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=bool(settings.trusted_proxies),
            forwarded_allow_ips=list(settings.trusted_proxies),
            ssl_certfile=settings.tls_cert_file,
            ssl_keyfile=settings.tls_key_file,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=math.ceil(settings.request_timeout_seconds) + 1,
        )
        try:
            config.load()
        except OSError as error:
            raise ConfigurationError(
                f"ingest.tls_cert_file, ingest.tls_key_file: {error}"
            ) from None
        return config
