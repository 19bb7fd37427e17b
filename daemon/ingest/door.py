"""What both doors do alike: read within bounds, store, answer; errors become answers here.

The doors are plain ASGI functions behind a look-up by path: a request passes no router, and no
object is built around it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import anyio.lowlevel
import msgspec
from starlette.types import Receive, Scope, Send

from daemon.domain.ports import Clock
from daemon.errors import LogFull, MailboxFull, RequestRefused, Unavailable
from daemon.ingest.acceptor import Acceptor
from daemon.ingest.body import ClientGone, Room, Share, decoded, read_body
from daemon.ingest.intake import Intake
from daemon.ingest.sieve import Sieve
from daemon.settings.schema import IngestSettings

Headers: TypeAlias = dict[bytes, bytes]
Take: TypeAlias = Callable[[Headers, bytes], Awaitable[Intake]]
"""Turns headers and a decoded body into an intake; raises RequestRefused."""

SUCCESS = b'{"success": true}'
_MEMBERS_A_STEP = 200  # validated before others get their turn
_RETRY_SECONDS = (1, 300)  # what SDKs understand (segment.md §2.6)


class Answer(msgspec.Struct, frozen=True):
    """A response. `close` ends the connection, for where the request was not read to its end."""

    status: int
    body: bytes
    retry_after: int | None = None
    content_type: bytes = b"application/json"
    close: bool = False

    async def send(self, send: Send, headers: list[tuple[bytes, bytes]]) -> None:
        lines = [
            (b"content-type", self.content_type),
            (b"content-length", str(len(self.body)).encode()),
            *headers,
        ]
        if self.retry_after is not None:
            lines.append((b"retry-after", str(self.retry_after).encode()))
        if self.close:
            lines.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": self.status, "headers": lines})
        await send({"type": "http.response.body", "body": self.body})


def problem(
    status: int, code: str, message: str, *, retry_after: int | None = None, close: bool = False
) -> Answer:
    """An error; SDKs need both `code` and `message`, or they repeat it (segment.md §2.2)."""
    body = msgspec.json.encode({"code": code, "message": message})
    return Answer(status, body, retry_after, close=close)


DONE = Answer(200, SUCCESS)


def refusal(error: RequestRefused | Unavailable, *, close: bool) -> Answer:
    """Backpressure is 429 with a time SDKs wait for; an outage is 503 (segment.md §2.6)."""
    if isinstance(error, RequestRefused):
        return problem(error.status, error.code, str(error), close=close)
    least, most = _RETRY_SECONDS
    after = max(least, min(most, error.retry_after))
    if isinstance(error, LogFull | MailboxFull):
        return problem(429, "too_many_requests", str(error), retry_after=after, close=close)
    return problem(503, "unavailable", str(error), retry_after=after, close=close)


@dataclass(frozen=True, slots=True)
class Desk:
    """What the doors share."""

    acceptor: Acceptor
    settings: IngestSettings
    clock: Clock
    new_id: Callable[[], str]
    room: Room

    async def serve(
        self, scope: Scope, receive: Receive, take: Take, *, limit: int, too_large: int
    ) -> Answer | None:
        """Read, take, store: within the time one request is given. None: the client is gone."""
        body: bytes | None = None
        with self.room.share() as share:
            try:
                # a third cheaper than anyio's, on the path of every request
                async with asyncio.timeout(self.settings.request_timeout_seconds):
                    headers: Headers = dict(scope["headers"])
                    body = await self._body(headers, receive, share, limit, too_large)
                    return await self._store(await take(headers, body))
            except TimeoutError:
                return _late(read=body is not None)
            except (RequestRefused, Unavailable) as error:
                return refusal(error, close=body is None)
            except ClientGone:
                return None

    async def _body(
        self, headers: Headers, receive: Receive, share: Share, limit: int, too_large: int
    ) -> bytes:
        body = await read_body(receive, share, limit, too_large)
        encoding = headers.get(b"content-encoding", b"")
        return decoded(body, encoding, share, limit, too_large) if encoding else body

    async def _store(self, intake: Intake) -> Answer:
        await self.acceptor.accept(intake)
        return DONE


def _late(*, read: bool) -> Answer:
    if read:
        return problem(503, "unavailable", "could not be stored in time", retry_after=1)
    return problem(408, "request_timeout", "the request did not arrive in time", close=True)


async def sift(sieve: Sieve, members: Sequence[bytes | msgspec.Raw]) -> Intake:
    """Validate members, letting others have a turn in between."""
    for start in range(0, len(members), _MEMBERS_A_STEP):
        for raw in members[start : start + _MEMBERS_A_STEP]:
            sieve.take(bytes(raw))
        if start + _MEMBERS_A_STEP < len(members):
            await anyio.lowlevel.checkpoint()
    return sieve.intake
