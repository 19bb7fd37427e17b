"""The ASGI door both services stand behind: faults, hangs, cut connections, bodies and streams.

A service says what it answers; whatever waits or spoils an answer is here.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from time import perf_counter
from typing import Any

import anyio
import anyio.lowlevel
from starlette.types import Message, Receive, Scope, Send

from daemon.sandbox.answers import Answer
from daemon.sandbox.faults import Fault
from daemon.sandbox.project import Project, Tally

ABORT = "sandbox.abort"
LONGEST_HANG = 3600.0


class Dropped(ConnectionError):
    """The connection was cut on purpose where there is no socket to cut (in-process tests)."""


class TooLarge(Exception):
    """The body is over the limit and was not read to its end."""


async def read_body(receive: Receive, largest: int) -> bytes:
    """The whole body; raises TooLarge beyond `largest` bytes."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b"".join(parts)
        part = message.get("body", b"")
        size += len(part)
        if size > largest:
            raise TooLarge
        parts.append(part)
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)


async def gone(receive: Receive) -> None:
    """Wait until the caller has hung up."""
    message: Message = {"type": ""}
    while message["type"] != "http.disconnect":
        message = await receive()


async def cut(scope: Scope, receive: Receive) -> None:
    """Cut the connection, whatever of the answer has been sent."""
    abort: Callable[[], None] | None = scope.get(ABORT)
    if abort is None:
        raise Dropped("the sandbox dropped this answer")
    abort()
    await gone(receive)


def beginning(chunks: Iterator[bytes], size: int) -> Iterator[bytes]:
    """The first `size` bytes of a stream."""
    for chunk in chunks:
        yield chunk[:size]
        size -= len(chunk)
        if size <= 0:
            return


def timed(chunks: Iterator[bytes], tally: Tally) -> Iterator[bytes]:
    """The chunks, with the time spent making each one added to the tally."""
    while True:
        began = perf_counter()
        chunk = next(chunks, None)
        tally.seconds += perf_counter() - began
        if chunk is None:
            return
        yield chunk


class Door(ABC):
    """An ASGI application: one service of a sandbox, and the faults asked for its paths."""

    failure: Any
    """What a fault says when it is given no body: the service's own words for a 500."""

    def __init__(self, project: Project) -> None:
        self.project = project

    @abstractmethod
    async def answer(self, scope: Scope, receive: Receive) -> Answer:
        """The service's own answer."""

    @abstractmethod
    def headers(self, answer: Answer) -> list[tuple[bytes, bytes]]:
        """What every answer of the service carries beside its own headers."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        faults = self.project.faults
        fault = faults.pick(scope["method"], scope["path"]) if faults.asked else None
        if fault is None:
            await self._send(await self.answer(scope, receive), send)
            return
        if fault.delay_ms:
            await anyio.sleep(fault.delay_ms / 1000)
        await self._spoil(fault, scope, receive, send)

    async def _spoil(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        answer = None
        if fault.apply or fault.drop_after_apply or (fault.status is None and not fault.hang):
            answer = await self.answer(scope, receive)
        if fault.hang:
            with anyio.move_on_after(LONGEST_HANG):
                await gone(receive)
            return
        if not fault.drop_after_apply:
            if answer is None or fault.status is not None:
                answer = fault.answer(self.failure)
            await self._send(answer, send, fault.cut_after)
        if fault.drop_after_apply or fault.cut_after is not None:
            await cut(scope, receive)

    async def _send(self, answer: Answer, send: Send, cut_after: int | None = None) -> None:
        """Send an answer or its first bytes; a stream has a checkpoint after each chunk."""
        head = [(b"content-type", answer.content_type.encode()), *self.headers(answer)]
        head += [(k.lower().encode(), v.encode()) for k, v in answer.headers.items()]
        body = answer.body
        if isinstance(body, bytes):
            head.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": answer.status, "headers": head})
        if isinstance(body, bytes) and cut_after is None:
            await send({"type": "http.response.body", "body": body})
            return
        chunks = iter((body,)) if isinstance(body, bytes) else body
        for chunk in chunks if cut_after is None else beginning(chunks, cut_after):
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await anyio.lowlevel.checkpoint()
        if cut_after is None:
            await send({"type": "http.response.body", "body": b""})
