"""The reference of ingest: an empty Starlette route behind the very server that serves ingest."""

from collections.abc import Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from daemon.ingest.server import WebServer, listen
from daemon.settings import IngestSettings
from tests.bench.child import run


async def _empty(_request: Request) -> Response:
    return Response(b'{"success": true}', media_type="application/json")


async def _serve(ready: Callable[[int], None]) -> None:
    app = Starlette(routes=[Route("/{path:path}", _empty, methods=["POST"])])
    with listen("127.0.0.1", 0) as listener:
        web = WebServer(app, IngestSettings(), listener)
        await web.run(ready=lambda: ready(web.port))


if __name__ == "__main__":
    run(_serve)
