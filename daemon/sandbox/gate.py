"""The door to the Iterable project: key, limit, handler, headers, counts.

A handler is plain code; everything that waits is in `door.py`.
"""

from collections.abc import Iterator
from time import perf_counter
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope

from daemon.sandbox.answers import Answer, Call, Refusal, action_not_found, envelope, refuse
from daemon.sandbox.door import Door, TooLarge, read_body, timed
from daemon.sandbox.faults import GENERIC
from daemon.sandbox.field_types import BadValue
from daemon.sandbox.identity import Failure, refusal
from daemon.sandbox.project import Project, Tally
from daemon.sandbox.routes import KEYLESS, Route, Routes

KEY_HEADERS = (b"api-key", b"api_key")
KEY_IDENTIFIER = 8


class Gate(Door):
    """An ASGI application serving one project."""

    failure = GENERIC

    def __init__(self, project: Project, routes: Routes) -> None:
        super().__init__(project)
        self._routes = routes

    def headers(self, answer: Answer) -> list[tuple[bytes, bytes]]:
        """The headers recorded in every answer (iterable.md §1)."""
        return [
            (b"request-time", str(round(answer.seconds * 1000)).encode()),
            (b"iterable-request-id", self.project.uuid().encode()),
            (b"vary", b"Origin,Accept-Encoding"),
            (b"x-content-type-options", b"nosniff"),
        ]

    async def answer(self, scope: Scope, receive: Receive) -> Answer:
        """What the project answers, after key and limit have been looked at."""
        project, path = self.project, scope["path"]
        found = self._routes.find(scope["method"], path)
        if found is None:
            return action_not_found(path)
        route, args = found
        query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        tally = project.tally(route.name)
        tally.calls += 1
        now = project.clock()
        early = refused_key(project, scope, query) or project.limits.refusal(
            route.name, path, now, project.settings
        )
        if early is not None:
            tally.throttled += early.status == 429  # noqa: PLR2004 -- the status itself
            tally.errors += 1
            return early
        try:
            body = await read_body(receive, project.settings.body_limit)
        except TooLarge:
            tally.errors += 1
            return envelope("Request body too large", "BadParams", None, 413)
        return self._handled(route, Call(path, args, query, body, now, base_url(scope)), tally)

    def _handled(self, route: Route, call: Call, tally: Tally) -> Answer:
        ledger = self.project.ledger
        applied, failed = ledger.totals()
        began = perf_counter()
        try:
            answer = route.handler(self.project, call)
        except Refusal as refused:
            answer = refused.answer
        except Failure as failure:
            answer = refusal(self.project, failure).answer
        except BadValue as bad:
            answer = refuse(f"Invalid value for field {bad}").answer
        answer.seconds = perf_counter() - began
        tally.errors += answer.status >= 400  # noqa: PLR2004 -- where errors begin
        tally.applied += ledger.totals()[0] - applied
        tally.failed += ledger.totals()[1] - failed
        tally.seconds += answer.seconds
        if isinstance(answer.body, Iterator):
            answer.body = timed(answer.body, tally)
        return answer


def refused_key(project: Project, scope: Scope, query: dict[str, str]) -> Answer | None:
    """The 401 of a call without the right key, else None (iterable.md §2.4)."""
    if scope["path"].startswith(KEYLESS):
        return None
    settings = project.settings
    given = [v.decode("latin-1") for k, v in scope["headers"] if k in KEY_HEADERS]
    given += [query[name] for name in ("api_key", "apiKey") if name in query]
    if settings.api_key in given:
        return None
    client = scope.get("client")
    params = {"ip": client[0] if client else "127.0.0.1", "endpoint": scope["path"]}
    if settings.disabled_api_key in given:
        name = settings.disabled_api_key.encode().hex()[-KEY_IDENTIFIER:]
        params |= {"apiKeyIdentifier": name, "apiKeyType": "ServerSide"}
        return envelope("Disabled API key or insufficient privileges", "BadApiKey", params, 401)
    msg = "Invalid API key" if given else "No API key found on request"
    return envelope(msg, "BadApiKey", params, 401)


def base_url(scope: Scope) -> str:
    """The address the caller reached us by."""
    host = next((v for k, v in scope["headers"] if k == b"host"), b"localhost")
    return f"{scope.get('scheme', 'http')}://{host.decode('latin-1')}"
