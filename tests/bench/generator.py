"""The load generator: keep-alive HTTP/1.1 on bare sockets, requests made of prepared bytes.

It is a process of its own, and cheap enough that the server is what is measured. A load without a
rate is a closed loop: each connection sends its next request as soon as its last one is answered.
A load with a rate is an open one: a request is due at its time whether or not others are answered,
and waiting for a free connection counts.
"""

import asyncio
import re
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import cast

import msgspec
import uvloop

from daemon.actors.clock import SystemClock

NUMBER = b"0123456789"
"""Stands in a template for the request's number, which is as long."""

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_LAST_ANSWERS_SECONDS = 30.0


class Load(msgspec.Struct, frozen=True):
    """What to send to `port`: templates in turn, numbered from `first`.

    Without a rate, what is answered in the first `warm_up` seconds is left out of the measure.
    """

    port: int
    templates: list[bytes]
    connections: int
    seconds: float
    warm_up: float = 0.0
    rate: float | None = None
    first: int = 0


class Answered(msgspec.Struct):
    """What came of a load. `measured` answers came within `seconds`; `taken` is every 200.

    Of each request of a load with a rate: `sent_at` is when it was due, in ms, `took` how many ms
    later it was answered.
    """

    measured: int = 0
    taken: int = 0
    refused: int = 0
    seconds: float = 0.0
    cpu: float = 0.0
    sent_at: list[int] = []
    took: list[float] = []

    @property
    def per_second(self) -> float:
        return self.measured / self.seconds


def post(path: str, body: bytes, *headers: str) -> bytes:
    """A whole request."""
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *headers,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def get(path: str, *headers: str) -> bytes:
    """A whole request without a body."""
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: 127.0.0.1", *headers, "", ""]).encode()


@contextmanager
def sending(load: Load) -> Iterator[Callable[[], Answered]]:
    """A generator at work beside the block; what is given waits for its end.

    Raises RuntimeError where it failed, or anything was answered otherwise than with 200.
    """
    command = [sys.executable, "-m", __name__]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as popen:
        assert popen.stdin is not None
        popen.stdin.write(msgspec.msgpack.encode(load))
        popen.stdin.close()
        try:
            yield lambda: _result(popen)
        finally:
            popen.kill()


def send(load: Load) -> Answered:
    """Send a load, and wait for its end."""
    with sending(load) as result:
        return result()


def _result(popen: "subprocess.Popen[bytes]") -> Answered:
    assert popen.stdout is not None
    output = popen.stdout.read()
    if popen.wait():
        raise RuntimeError("the load generator failed")
    answered = msgspec.msgpack.decode(output, type=Answered)
    if answered.refused:
        raise RuntimeError(f"{answered.refused} requests were not answered with 200")
    return answered


class _Connection(asyncio.Protocol):
    """One request in flight at most."""

    def __init__(self, generator: "_Generator") -> None:
        self._generator = generator
        self._received = b""
        self.number = 0
        self.transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.WriteTransport, transport)  # uvloop's own don't inherit it

    def data_received(self, data: bytes) -> None:
        received = self._received + data
        head = received.find(b"\r\n\r\n")
        length = _LENGTH.search(received, 0, head + 2) if head >= 0 else None
        if length is None or len(received) < head + 4 + int(length[1]):
            self._received = received
            return
        self._received = b""
        self._generator.answered(self, ok=received[9:12] == b"200")

    def connection_lost(self, exc: Exception | None) -> None:
        self._generator.lost(self)


class _Generator:
    """All connections of one load. `number` is that of the next request."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.result = Answered()
        self.number = load.first
        self.over = asyncio.Event()
        self._templates = [template.split(NUMBER) for template in load.templates]
        self._idle: deque[_Connection] = deque()  # in turn, so that none is idle for long
        self._due: deque[int] = deque()
        self._flying = 0
        self._began = 0.0
        self._ending = False

    async def run(self) -> None:
        loop, cpu = asyncio.get_running_loop(), time.process_time()
        for _ in range(self.load.connections):
            _, connection = await loop.create_connection(
                lambda: _Connection(self), "127.0.0.1", self.load.port
            )
            self._idle.append(connection)
        await (self._flood() if self.load.rate is None else self._pace(self.load.rate))
        self._ending = True
        if self._flying or self._due:
            async with asyncio.timeout(_LAST_ANSWERS_SECONDS):
                await self.over.wait()
        self.result.cpu = time.process_time() - cpu

    async def _flood(self) -> None:
        """Keep every connection busy, and measure after the warm-up."""
        while self._idle:
            self._send(self._idle.popleft(), self._next())
        await asyncio.sleep(self.load.warm_up)
        began, taken = time.perf_counter(), self.result.taken
        await asyncio.sleep(self.load.seconds)
        self.result.measured = self.result.taken - taken
        self.result.seconds = time.perf_counter() - began

    async def _pace(self, rate: float) -> None:
        """Send each request at its time."""
        count = int(rate * self.load.seconds)
        self._began, clock = time.perf_counter(), SystemClock().now()
        self.result.sent_at = [clock + round(place / rate * 1000) for place in range(count)]
        self.result.took = [0.0] * count
        for place in range(count):
            wait = self._began + place / rate - time.perf_counter()
            if wait > 0:
                await asyncio.sleep(wait)
            self._due.append(self._next())
            self._send_due()
        self.result.measured = count
        self.result.seconds = self.load.seconds

    def answered(self, connection: _Connection, *, ok: bool) -> None:
        self._flying -= 1
        if ok:
            self.result.taken += 1
        else:
            self.result.refused += 1
        if self.load.rate is not None:
            place = connection.number - self.load.first
            due = self._began + place / self.load.rate
            self.result.took[place] = (time.perf_counter() - due) * 1000
        elif not self._ending:
            self._send(connection, self._next())
            return
        self._idle.append(connection)
        self._send_due()
        self._look_for_the_end()

    def lost(self, connection: _Connection) -> None:
        """The server hung up: on one that was idle it may, an answer that was due is refused."""
        if connection in self._idle:
            self._idle.remove(connection)
            return
        self._flying -= 1
        self.result.refused += 1
        self._look_for_the_end()

    def _look_for_the_end(self) -> None:
        if self._ending and not self._flying:
            self.over.set()

    def _send_due(self) -> None:
        while self._due and self._idle:
            self._send(self._idle.popleft(), self._due.popleft())

    def _send(self, connection: _Connection, number: int) -> None:
        assert connection.transport is not None
        parts = self._templates[number % len(self._templates)]
        self._flying += 1
        connection.number = number
        connection.transport.write((b"%010d" % number).join(parts))

    def _next(self) -> int:
        self.number += 1
        return self.number - 1


def main() -> None:
    load = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Load)
    generator = _Generator(load)
    uvloop.run(generator.run())
    sys.stdout.buffer.write(msgspec.msgpack.encode(generator.result))


if __name__ == "__main__":
    main()
