"""Real servers on loopback for the clients: the sandbox, and one that answers canned bytes."""

import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from types import TracebackType
from typing import Any, Self

import anyio
import anyio.abc
import httpx
from pydantic import SecretStr

from daemon.clients.http import open_http
from daemon.clients.iterable.budgets import Budgets
from daemon.clients.iterable.client import IterableClient
from daemon.clients.iterable.endpoints import effective_limits
from daemon.sandbox.server import serve
from daemon.sandbox.settings import LagSettings, SandboxSettings

OFF = LagSettings(mode="off")


def settings(**changes: Any) -> SandboxSettings:
    """A sandbox without lag, limits or waiting."""
    quick = {
        "limits": False,
        "lag_single": OFF,
        "lag_bulk": OFF,
        "lag_export": OFF,
        "export_queue_ms": 0,
        "export_run_ms": 0,
    }
    return SandboxSettings(**{**quick, **changes})


@contextmanager
def nobody() -> Iterator[str]:
    """An address at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


class Control:
    """The sandbox's admin routes."""

    def __init__(self, base_url: str, client: httpx.AsyncClient) -> None:
        self.base_url = base_url
        self._client = client

    async def fault(self, path: str, **fault: Any) -> None:
        answer = await self._client.post("/_sandbox/faults", json={"path": path, **fault})
        assert answer.status_code == 200, answer.text

    async def profiles(self, rows: list[dict[str, Any]]) -> None:
        answer = await self._client.post("/_sandbox/profiles", json=rows)
        assert answer.status_code == 200, answer.text

    async def post(self, path: str, body: Any) -> httpx.Response:
        return await self._client.post(path, json=body, headers={"Api-Key": "sandbox-api-key"})


@asynccontextmanager
async def sandbox(chosen: SandboxSettings | None = None) -> AsyncIterator[Control]:
    """A sandbox on its own port."""
    ready = anyio.Event()
    ports: list[int] = []

    def started(port: int) -> None:
        ports.append(port)
        ready.set()

    async def run() -> None:
        await serve(chosen or settings(), ready=started)

    async with anyio.create_task_group() as group:
        group.start_soon(run)
        await ready.wait()
        base_url = f"http://127.0.0.1:{ports[0]}"
        async with httpx.AsyncClient(base_url=base_url) as client:
            yield Control(base_url, client)
        group.cancel_scope.cancel()


@asynccontextmanager
async def iterable(
    base_url: str, *, key: str = "sandbox-api-key", seconds: float = 10.0, limits: bool = False
) -> AsyncIterator[IterableClient]:
    """A client for an address."""
    async with open_http() as http:
        yield IterableClient(
            http,
            base_url=base_url,
            api_key=SecretStr(key),
            budgets=Budgets(effective_limits(off=not limits)),
            seconds=seconds,
        )


class Canned:
    """A server that answers every connection with the same bytes and keeps what it was sent."""

    def __init__(self, answer: bytes, *, linger: bool = False) -> None:
        self.answer = answer
        self.linger = linger
        self.requests: list[bytes] = []
        self.base_url = ""

    async def __aenter__(self) -> Self:
        self._listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
        port = self._listener.extra(anyio.abc.SocketAttribute.local_port)
        self.base_url = f"http://127.0.0.1:{port}"
        self._group = await anyio.create_task_group().__aenter__()
        self._group.start_soon(self._listener.serve, self._handle)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> bool | None:
        self._group.cancel_scope.cancel()
        try:
            return await self._group.__aexit__(kind, error, tb)
        finally:
            await self._listener.aclose()

    async def _handle(self, stream: anyio.abc.SocketStream) -> None:
        async with stream:
            received = b""
            while b"\r\n\r\n" not in received:
                received += await stream.receive()
            self.requests.append(received)
            await stream.send(self.answer)
            if self.linger:
                await anyio.sleep_forever()


def response(
    body: bytes, status: str = "200 OK", *headers: str, length: int | None = None
) -> bytes:
    """A whole HTTP answer."""
    size = len(body) if length is None else length
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {size}", "Connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
