"""The ASGI door to the Iterable project: route, fault, key, limit, handler, headers, counts.

A handler is plain code; everything that waits (reading bodies, delays, hangs, streaming) is here.
"""

from collections.abc import Callable, Iterator
from time import perf_counter
from urllib.parse import parse_qsl

import anyio
import anyio.lowlevel
from starlette.types import Message, Receive, Scope, Send

from daemon.sandbox.answers import Answer, Call, Refusal, action_not_found, envelope
from daemon.sandbox.faults import Fault
from daemon.sandbox.project import Project, Tally
from daemon.sandbox.routes import KEYLESS, Route, Routes

ABORT = "sandbox.abort"
KEY_HEADERS = (b"api-key", b"api_key")
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


async def send_answer(answer: Answer, send: Send, headers: list[tuple[bytes, bytes]]) -> None:
    """Send a whole answer, or a stream of chunks with a checkpoint after each."""
    head = [(b"content-type", answer.content_type.encode()), *headers]
    head += [(k.lower().encode(), v.encode()) for k, v in answer.headers.items()]
    body = answer.body
    if isinstance(body, bytes):
        head.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": head})
    if isinstance(body, bytes):
        await send({"type": "http.response.body", "body": body})
        return
    for chunk in body:
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await anyio.lowlevel.checkpoint()
    await send({"type": "http.response.body", "body": b""})


async def gone(receive: Receive) -> None:
    """Wait until the caller has hung up."""
    message: Message = {"type": ""}
    while message["type"] != "http.disconnect":
        message = await receive()


async def cut(scope: Scope, receive: Receive) -> None:
    """Cut the connection without a byte of answer."""
    abort: Callable[[], None] | None = scope.get(ABORT)
    if abort is None:
        raise Dropped("the sandbox dropped this answer")
    abort()
    await gone(receive)


class Gate:
    """An ASGI application serving one project."""

    def __init__(self, project: Project, routes: Routes) -> None:
        self._project = project
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        project = self._project
        method, path = scope["method"], scope["path"]
        found = self._routes.find(method, path)
        fault = project.faults.pick(method, path) if project.faults.asked else None
        if fault is not None:
            if fault.delay_ms:
                await anyio.sleep(fault.delay_ms / 1000)
            if fault.hang and not fault.apply:
                await self._hang(receive)
                return
        if fault is None or fault.apply or fault.drop_after_apply or fault.status is None:
            answer, seconds = await self._answer(scope, receive, found)
        else:
            answer, seconds = fault.answer(), 0.0
        if fault is not None and await self._spoilt(fault, scope, receive):
            return
        if fault is not None and fault.status is not None:
            answer = fault.answer()
        await send_answer(answer, send, self._headers(seconds))

    async def _hang(self, receive: Receive) -> None:
        with anyio.move_on_after(LONGEST_HANG):
            await gone(receive)

    async def _spoilt(self, fault: Fault, scope: Scope, receive: Receive) -> bool:
        """Whether a fault keeps the answer back for good."""
        if fault.drop_after_apply:
            await cut(scope, receive)
            return True
        if fault.hang:
            await self._hang(receive)
            return True
        return False

    def _headers(self, seconds: float) -> list[tuple[bytes, bytes]]:
        return [
            (b"request-time", str(round(seconds * 1000)).encode()),
            (b"iterable-request-id", self._project.uuid().encode()),
            (b"vary", b"Origin,Accept-Encoding"),
            (b"x-content-type-options", b"nosniff"),
        ]

    async def _answer(
        self, scope: Scope, receive: Receive, found: tuple[Route, dict[str, str]] | None
    ) -> tuple[Answer, float]:
        project = self._project
        if found is None:
            return action_not_found(scope["path"]), 0.0
        route, args = found
        query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        tally = project.tally(route.name)
        tally.calls += 1
        now = project.clock()
        early = refused_key(project, scope, query) or project.limits.refusal(
            route.name, scope["path"], now, project.settings
        )
        if early is not None:
            tally.throttled += early.status == 429  # noqa: PLR2004 -- the status itself
            tally.errors += 1
            return early, 0.0
        try:
            body = await read_body(receive, project.settings.body_limit)
        except TooLarge:
            tally.errors += 1
            return envelope("Request body too large", "BadParams", None, 413), 0.0
        call = Call(scope["path"], args, query, body, now, base_url(scope))
        before = project.ledger.totals()
        began = perf_counter()
        try:
            answer = route.handler(project, call)
        except Refusal as refusal:
            answer = refusal.answer
            tally.errors += 1
        seconds = perf_counter() - began
        after = project.ledger.totals()
        tally.applied += after[0] - before[0]
        tally.failed += after[1] - before[1]
        tally.seconds += seconds
        if isinstance(answer.body, Iterator):
            answer.body = timed(answer.body, tally)
        return answer, seconds


def timed(chunks: Iterator[bytes], tally: Tally) -> Iterator[bytes]:
    """The chunks, with the time spent making each one added to the tally."""
    while True:
        began = perf_counter()
        chunk = next(chunks, None)
        tally.seconds += perf_counter() - began
        if chunk is None:
            return
        yield chunk


def refused_key(project: Project, scope: Scope, query: dict[str, str]) -> Answer | None:
    """The 401 of a call without the right key, else None (iterable.md §2.4)."""
    if scope["path"].startswith(KEYLESS):
        return None
    given = [v.decode("latin-1") for k, v in scope["headers"] if k in KEY_HEADERS]
    given += [query[name] for name in ("api_key", "apiKey") if name in query]
    if project.settings.api_key in given:
        return None
    client = scope.get("client")
    params = {"ip": client[0] if client else "127.0.0.1", "endpoint": scope["path"]}
    msg = "Invalid API key" if given else "No API key found on request"
    return envelope(msg, "BadApiKey", params, 401)


def base_url(scope: Scope) -> str:
    """The address the caller reached us by."""
    host = next((v for k, v in scope["headers"] if k == b"host"), b"localhost")
    return f"{scope.get('scheme', 'http')}://{host.decode('latin-1')}"
