"""The receiver of Segment's Webhooks destinations (segment.md §3): one path for each source.

A message's `timestamp` was corrected by Segment already; `received_at` is when we first received
it, not Segment's own receivedAt. A signature covers only the first element of an array and holds no
time: who can repeat a signed request can put other members behind its first one. The source's path
and TLS are what keeps others out; repeats are recognised by messageId.
"""

from functools import partial

from starlette.types import ASGIApp, Receive, Scope, Send

from daemon.errors import RequestRefused
from daemon.ingest.door import Desk, Headers, problem, sift
from daemon.ingest.intake import Intake
from daemon.ingest.members import read_array, unwrapped
from daemon.ingest.scan import skip_blank
from daemon.ingest.sieve import Sieve
from daemon.ingest.signature import verified
from daemon.ingest.sources import Sources
from daemon.ingest.validate import Origin, rules_of

OVERSIZE = 413


class Webhook:
    """The webhook paths, as one ASGI function for each source."""

    def __init__(self, desk: Desk, sources: Sources) -> None:
        self._desk, self._secrets = desk, sources.secrets
        self._rules = rules_of(desk.settings, desk.settings.webhook_message_max_bytes)

    def paths(self) -> dict[str, ASGIApp]:
        """Every source's path with its ASGI function, with and without `/` at the end."""
        return {
            f"/v1/webhook/{source}{slash}": partial(self._post, source)
            for source in self._secrets
            for slash in ("", "/")
        }

    async def _post(self, source: str, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in {"POST", "PUT", "PATCH"}:
            refused = problem(405, "method_not_allowed", "use POST", close=True)
            await refused.send(send, [(b"allow", b"POST, PUT, PATCH")])
            return
        answer = await self._desk.serve(
            scope,
            receive,
            partial(self._take, source),
            limit=self._desk.settings.webhook_max_bytes,
            too_large=OVERSIZE,
        )
        if answer is not None:
            await answer.send(send, [])

    async def _take(self, source: str, headers: Headers, body: bytes) -> Intake:
        self._verify(source, headers.get(b"x-signature", b"").decode("latin-1"), body)
        sieve = Sieve(Origin(source, self._desk.clock.now()), self._rules, self._desk.new_id)
        if not body.startswith(b"[", skip_blank(body, 0)):
            return await sift(sieve, [unwrapped(body)])
        members = read_array(body, self._desk.settings.webhook_max_messages)
        return await sift(sieve, [unwrapped(bytes(member)) for member in members])

    def _verify(self, source: str, signature: str, body: bytes) -> None:
        secrets = self._secrets[source]
        if not secrets:
            if self._desk.settings.accept_unsigned:
                return
            raise RequestRefused(
                401,
                "no_secret",
                f"source {source} has no webhook secret; set sources.{source}.webhook_secret",
            )
        if not verified(body, signature, secrets):
            raise RequestRefused(401, "bad_signature", "X-Signature is missing or does not match")
