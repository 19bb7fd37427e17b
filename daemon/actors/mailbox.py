"""A bounded queue with one reader: full means the sender waits, or is told so.

There are three ways in, each with its own promise for the moment the box is full. Mailboxes hold
hints and requests in waiting, never the only copy of an accepted message: what counts is in the
store. Whoever builds a mailbox opens it with `with`, so that it outlives its reader's restarts.
"""

from collections.abc import AsyncIterator
from contextlib import suppress
from math import inf
from typing import Generic, Self, TypeVar

import anyio

from daemon.errors import MailboxFull

M = TypeVar("M")


class Mailbox(Generic[M]):
    """One actor's inbox, for messages of type `M`; read it with `async for`, then `take` more."""

    def __init__(self, name: str, capacity: int) -> None:
        if not 0 < capacity < inf:
            raise ValueError(f"mailbox {name!r} needs a finite capacity above zero")
        self.name = name
        self._send, self._receive = anyio.create_memory_object_stream[M](capacity)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._send.close()
        self._receive.close()

    async def put(self, message: M) -> None:
        """Wait for room: back-pressure, for senders that can be slowed down.

        Raises:
            anyio.ClosedResourceError: the mailbox was finished.
        """
        await self._send.send(message)

    def offer(self, message: M) -> None:
        """Deliver at once or not at all, for senders that must answer now (503, Retry-After).

        Raises:
            MailboxFull: there is no room.
            anyio.ClosedResourceError: the mailbox was finished.
        """
        try:
            self._send.send_nowait(message)
        except anyio.WouldBlock:
            raise MailboxFull(f"mailbox {self.name} has no room", retry_after=1) from None

    def nudge(self, message: M) -> None:
        """Deliver if there is room, else drop: for hints whose truth is in the store anyway."""
        with suppress(anyio.WouldBlock, anyio.BrokenResourceError, anyio.ClosedResourceError):
            self._send.send_nowait(message)

    def take(self, most: int) -> list[M]:
        """Up to `most` messages that are here already; never waits."""
        taken: list[M] = []
        with suppress(anyio.WouldBlock, anyio.EndOfStream):
            while len(taken) < most:
                taken.append(self._receive.receive_nowait())
        return taken

    def finish(self) -> None:
        """No more messages: the reader's `async for` ends after what is already queued."""
        self._send.close()

    def depth(self) -> int:
        """How many messages wait to be read."""
        return self._receive.statistics().current_buffer_used

    def __aiter__(self) -> AsyncIterator[M]:
        return self._receive
