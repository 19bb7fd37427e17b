"""Durable before answered: requests that wait together share one commit.

While one group is being committed the next one gathers, so a group is as large as the load makes
it. Nothing is answered before the commit that holds it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import anyio

from daemon.actors.mailbox import Mailbox
from daemon.errors import LogFull, StoreUnavailable, Unavailable
from daemon.ingest.intake import Intake

Save: TypeAlias = Callable[[Sequence[Intake]], Awaitable[None]]
"""Makes requests durable in one transaction; raises StoreUnavailable where that can't be done."""

_FULL_RETRY_SECONDS = 60


@dataclass(slots=True, eq=False)
class Waiting:
    """A request, and what tells it that it is saved (None) or why not.

    The future is cancelled when its client gives up.
    """

    intake: Intake
    saved: asyncio.Future[Unavailable | None]


def _nothing() -> None:
    """Nobody asks for progress."""


class Acceptor:
    """An actor: many requests in, few commits out.

    `unsent` tells how many messages of the log are not sent yet; above `max_unsent` requests are
    refused. `commit_messages` bounds a group, unless a single request is larger. The mailbox's
    capacity bounds the requests that wait.
    """

    name = "acceptor"

    def __init__(
        self,
        mailbox: Mailbox[Waiting],
        save: Save,
        *,
        commit_messages: int,
        unsent: Callable[[], int],
        max_unsent: int,
        progress: Callable[[], None] = _nothing,
    ) -> None:
        self._mailbox, self._save, self._most = mailbox, save, commit_messages
        self._unsent, self._max_unsent, self._progress = unsent, max_unsent, progress

    async def accept(self, intake: Intake) -> None:
        """Return once the request is durable. Cancelled, it may or may not become so.

        Raises:
            LogFull: too much of the log is unsent.
            MailboxFull: too many requests wait.
            StoreUnavailable: it could not be stored.
        """
        if not intake.received:
            return
        if self._unsent() >= self._max_unsent:
            raise LogFull(
                "the unsent part of the log is over its bound", retry_after=_FULL_RETRY_SECONDS
            )
        waiting = Waiting(intake, asyncio.get_running_loop().create_future())
        try:
            self._mailbox.offer(waiting)
        except anyio.ClosedResourceError:
            raise StoreUnavailable("shutting down", retry_after=5) from None
        error = await waiting.saved
        if error is not None:
            raise error

    async def run(self, *, ready: Callable[[], None]) -> None:
        """Commit group after group until the mailbox is finished.

        A store that is away fails the group that waits, not the actor. Any other error fails the
        group too and is for the supervisor.
        """
        ready()
        async for first in self._mailbox:
            group = self._group(first)
            if group:
                await self._commit(group)
            self._progress()

    def _group(self, first: Waiting) -> list[Waiting]:
        """Those that wait now, without those whose client has given up; bounded in messages."""
        group: list[Waiting] = []
        size = 0
        following = [first]
        while following:
            if not following[0].saved.done():
                group.append(following[0])
                size += following[0].intake.received
            following = self._mailbox.take(1) if size < self._most else []
        return group

    async def _commit(self, group: list[Waiting]) -> None:
        saved, failure = False, None
        try:
            await self._save([waiting.intake for waiting in group])
            saved = True
        except Unavailable as unavailable:
            failure = unavailable
        finally:
            for waiting in group:
                if not waiting.saved.done():
                    waiting.saved.set_result(None if saved else failure or _interrupted())


def _interrupted() -> Unavailable:
    return StoreUnavailable("the request was not stored; send it again", retry_after=1)
