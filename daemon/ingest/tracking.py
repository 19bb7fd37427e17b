"""The drop-in for Segment's Tracking API (segment.md §1, §2.6): SDKs need only another host.

The answer is exactly 200 with `{"success": true}` once the request is stored, however many of its
members were rejected: SDKs throw a whole batch away for any 4xx. The browser SDK posts
`text/plain`, so the content type says nothing; its Authorization header needs CORS.
"""

import asyncio
import base64
import binascii
from functools import partial
from urllib.parse import parse_qs

import msgspec
from starlette.types import ASGIApp, Receive, Scope, Send

from daemon.errors import RequestRefused, Unavailable
from daemon.ingest.body import too_large
from daemon.ingest.door import Answer, Desk, Headers, problem, sift
from daemon.ingest.intake import Intake
from daemon.ingest.members import read_envelope, read_single
from daemon.ingest.scan import deeper_than
from daemon.ingest.sieve import Sieve
from daemon.ingest.sources import Sources, basic_user
from daemon.ingest.times import parse_time
from daemon.ingest.validate import Origin, rules_of

KINDS = ("identify", "track", "page", "screen", "group", "alias")
BATCHES = ("batch", "import", "b")

OVERSIZE = 400  # as Segment answers it (segment.md §1.4)
_SPREAD = 8  # times the body's limit: so much may a batch's context amount to in its members

CORS = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"retry-after"),
]
_PREFLIGHT = [
    *CORS,
    (b"access-control-allow-methods", b"POST, OPTIONS"),
    (b"access-control-allow-headers", b"authorization, *"),
    (b"access-control-max-age", b"86400"),
]
PIXEL = base64.b64decode(b"R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")


class Tracking:
    """The Tracking API's routes, as one ASGI function for each type."""

    def __init__(self, desk: Desk, sources: Sources) -> None:
        self._desk, self._sources = desk, sources
        self._limit = desk.settings.tracking_max_bytes
        self._rules = rules_of(desk.settings, desk.settings.message_max_bytes)

    def paths(self) -> dict[str, ASGIApp]:
        """Every path with its ASGI function: full and one-letter routes, with and without `/`."""
        kinds: dict[str, str | None] = dict.fromkeys(BATCHES)
        for kind in KINDS:
            kinds[kind] = kinds[kind[0]] = kind
        return {
            f"/v1/{route}{slash}": partial(self._post, kind)
            for route, kind in kinds.items()
            for slash in ("", "/")
        }

    async def pixel(self, kind: str, data: str) -> Answer:
        """One message out of a query string. Always the image, also for what is not taken.

        Only an outage is no 200: a 200 means that what could be taken is durable.
        """
        gif = Answer(200, PIXEL, content_type=b"image/gif")
        try:
            body = _pixel_data(data)
            async with asyncio.timeout(self._desk.settings.request_timeout_seconds):
                await self._desk.acceptor.accept(await self._take(kind, {}, body))
        except RequestRefused:
            return gif
        except (Unavailable, TimeoutError):
            return msgspec.structs.replace(gif, status=503)
        return gif

    async def _post(self, kind: str | None, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "OPTIONS":
            await Answer(200, b"").send(send, _PREFLIGHT)
            return
        if scope["method"] != "POST":
            refused = problem(405, "method_not_allowed", "use POST", close=True)
            await refused.send(send, [*CORS, (b"allow", b"POST, OPTIONS")])
            return
        answer = await self._desk.serve(
            scope, receive, partial(self._take, kind), limit=self._limit, too_large=OVERSIZE
        )
        if answer is not None:
            await answer.send(send, CORS)

    async def _take(self, kind: str | None, headers: Headers, body: bytes) -> Intake:
        user = basic_user(headers.get(b"authorization", b""))
        if kind is None:
            return await self._batch(user, body)
        if len(body) > self._rules.max_bytes:
            raise too_large(self._rules.max_bytes, OVERSIZE)
        single = read_single(body)
        origin = Origin(
            source=self._sources.of_write_key(user or single.write_key),
            received_at=self._desk.clock.now(),
            type=kind,
            sent_at=parse_time(single.sent_at),
        )
        return await sift(Sieve(origin, self._rules, self._desk.new_id), [body])

    async def _batch(self, user: str | None, body: bytes) -> Intake:
        if user:
            self._sources.of_write_key(user)
        envelope = read_envelope(body)
        members = envelope.batch or []
        context = bytes(envelope.context)
        if len(context) * len(members) > _SPREAD * self._limit:
            raise too_large(self._limit, OVERSIZE)
        origin = Origin(
            source=self._sources.of_write_key(user or envelope.write_key),
            received_at=self._desk.clock.now(),
            sent_at=parse_time(envelope.sent_at),
            context=self._context(context),
            context_bytes=len(context),
        )
        return await sift(Sieve(origin, self._rules, self._desk.new_id), members)

    def _context(self, raw: bytes) -> dict[str, object]:
        """A batch's own context. One too large is not read: its members are refused for it."""
        if not raw or len(raw) > self._rules.max_bytes:
            return {}
        if deeper_than(raw, self._rules.max_nesting):
            raise RequestRefused(400, "bad_request", "the batch's context is nested too deep")
        try:
            context = msgspec.json.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise RequestRefused(400, "bad_request", "the batch's context is not JSON") from None
        return context if isinstance(context, dict) else {}


def pixel_parameter(scope: Scope) -> str:
    """The pixel's `data`; "" where it is missing or there are too many parameters."""
    try:
        found = parse_qs(scope["query_string"].decode("latin-1"), max_num_fields=20)
    except ValueError:
        return ""
    data: str = found.get("data", [""])[0]
    return data


def _pixel_data(data: str) -> bytes:
    """Base64 (of either alphabet, padded or not) or plain JSON (segment.md §1.1)."""
    if data.lstrip().startswith("{"):
        return data.encode("utf-8", "replace")
    plain = data.strip().replace(" ", "+").replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise RequestRefused(400, "bad_request", "data is neither JSON nor base64") from None
