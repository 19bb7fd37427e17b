"""The web application: both doors, the pixel, and the two questions a load balancer asks."""

from collections.abc import Callable, Mapping
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from daemon.domain.ports import Clock
from daemon.ingest.acceptor import Acceptor
from daemon.ingest.body import Room
from daemon.ingest.door import Answer, Desk, problem
from daemon.ingest.sources import Sources
from daemon.ingest.tracking import KINDS, Tracking, pixel_parameter
from daemon.ingest.webhook import Webhook
from daemon.settings.schema import IngestSettings, SourceSettings

_IN_HAND = 16  # times the largest request: so many bytes may be in hand at once


def build_app(
    acceptor: Acceptor,
    sources: Mapping[str, SourceSettings],
    settings: IngestSettings,
    *,
    clock: Clock,
    new_id: Callable[[], str],
    ready: Callable[[], str | None],
) -> ASGIApp:
    """The ASGI application of ingest.

    `new_id` names messages that come without a messageId. `ready` returns None, or why this process
    should get no requests now.
    """
    room = Room(_IN_HAND * max(settings.webhook_max_bytes, settings.tracking_max_bytes))
    desk = Desk(acceptor, settings, clock, new_id, room)
    known = Sources(sources)
    tracking = Tracking(desk, known)
    doors = tracking.paths() | Webhook(desk, known).paths()
    rest = _rest(tracking, ready)

    async def front(scope: Scope, receive: Receive, send: Send) -> None:
        door = doors.get(scope["path"]) if scope["type"] == "http" else None
        await (door or rest)(scope, receive, send)

    return ServerErrorMiddleware(front, handler=_internal)


def _rest(tracking: Tracking, ready: Callable[[], str | None]) -> ASGIApp:
    async def healthz(_request: Request) -> Response:
        return _response(Answer(200, b'{"alive": true}'))

    async def readyz(_request: Request) -> Response:
        reason = ready()
        if reason is None:
            return _response(Answer(200, b'{"ready": true}'))
        return _response(problem(503, "not_ready", reason, retry_after=1))

    async def pixel(request: Request) -> Response:
        kind = request.path_params["kind"]
        if kind not in KINDS:
            return _response(problem(404, "not_found", "no such pixel"))
        return _response(await tracking.pixel(kind, pixel_parameter(request.scope)))

    app = Starlette(
        routes=[
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/v1/pixel/{kind}", pixel),
        ],
        exception_handlers={HTTPException: _refused},
    )
    app.router.redirect_slashes = False
    return app


def _response(answer: Answer) -> Response:
    headers = {} if answer.retry_after is None else {"retry-after": str(answer.retry_after)}
    return Response(
        answer.body, answer.status, headers, media_type=answer.content_type.decode("ascii")
    )


async def _refused(_request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    phrase = HTTPStatus(status).phrase
    return _response(problem(status, phrase.lower().replace(" ", "_"), phrase))


async def _internal(_request: Request, _error: Exception) -> Response:
    return _response(problem(500, "internal", "an unexpected error; it was logged"))
