"""The control socket: where a running daemon answers commands (DESIGN §3.6).

HTTP over a Unix socket, readable and writable by the owner and the group. What acts or spends
budget goes through here, so that two processes never hold budgets for one project unawares.
"""

import errno
import socket
import stat
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
import msgspec
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from daemon.actors.supervisor import Supervisor
from daemon.app.status import Snapshot
from daemon.errors import ConfigurationError, GuardRefused, SegueError, Unavailable
from daemon.ingest.server import WebServer
from daemon.reconcile.applying import Approval
from daemon.reconcile.report import RunReport
from daemon.reconcile.requests import Apply, Plan
from daemon.reconcile.requests import Request as Asking
from daemon.settings.schema import IngestSettings

_BACKLOG = 64
_MOST_BYTES = 1_000_000
_ANSWER_LEAVES_SECONDS = 0.05
_MODE = stat.S_IRUSR | stat.S_IWUSR | stat.S_IRGRP | stat.S_IWGRP
_by_status: tuple[tuple[type[SegueError], int, str], ...] = (
    (GuardRefused, 409, "refused_by_guard"),
    (ConfigurationError, 400, "wrong_configuration"),
    (Unavailable, 503, "unavailable"),
    (SegueError, 502, "failed"),
)


class PlanOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Compare these users, or all."""

    users: tuple[str, ...] | None = None


class ApplyOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Apply a plan; None means the newest."""

    plan: int | None = None
    recreate: bool = False
    beyond_guards: bool = False
    by: str = "operator"


class Control:
    """What the socket's routes reach. `newest_plan` names the plan an order without one means."""

    def __init__(
        self,
        supervisor: Supervisor,
        snapshot: Callable[[], Snapshot],
        reconcile: Callable[[Asking], Awaitable[RunReport]],
        newest_plan: Callable[[], Awaitable[int]],
    ) -> None:
        self._supervisor = supervisor
        self._snapshot = snapshot
        self._reconcile = reconcile
        self._newest_plan = newest_plan

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/health", self._health),
                Route("/status", self._status),
                Route("/actors", self._actors),
                Route("/actors/{name}/kill", self._kill, methods=["POST"]),
                Route("/reconcile", self._plan, methods=["POST"]),
                Route("/reconcile/apply", self._apply, methods=["POST"]),
            ],
            exception_handlers={SegueError: _explain, msgspec.MsgspecError: _misread},
        )

    async def _health(self, _request: Request) -> Response:
        return _json({"alive": True})

    async def _status(self, _request: Request) -> Response:
        return _json(await self._snapshot().read())

    async def _actors(self, _request: Request) -> Response:
        return _json(self._supervisor.vitals())

    async def _kill(self, request: Request) -> Response:
        """End an actor once the answer has left: it may be the one that answers."""
        name = request.path_params["name"]
        if not self._supervisor.runs(name):
            return _problem(404, "not_running", f"no actor {name!r} is running")
        response = _json({"killed": name})
        response.background = BackgroundTask(self._kill_later, name)
        return response

    async def _kill_later(self, name: str) -> None:
        await anyio.sleep(_ANSWER_LEAVES_SECONDS)
        self._supervisor.kill(name)

    async def _plan(self, request: Request) -> Response:
        order = msgspec.json.decode(await _body(request), type=PlanOrder)
        return _json(await self._reconcile(Plan(order.users or ())))

    async def _apply(self, request: Request) -> Response:
        order = msgspec.json.decode(await _body(request), type=ApplyOrder)
        approval = Approval(order.by, order.recreate, order.beyond_guards)
        plan = order.plan if order.plan is not None else await self._newest_plan()
        return _json(await self._reconcile(Apply(plan, approval)))


class ControlServer(WebServer):
    """An actor: serves the control application on its socket."""

    name = "control"

    def __init__(self, control: Control, listener: socket.socket) -> None:
        super().__init__(control.app(), IngestSettings(), listener)


@contextmanager
def listening_on(path: Path) -> Iterator[socket.socket]:
    """A listening Unix socket at `path`, in place of one a dead process left there. It goes with
    the block, unless another one stands there by then.

    Raises ConfigurationError where it can't be had, or another daemon answers there.
    """
    with closing(_listen(path)) as listener:
        ours = path.stat().st_ino
        try:
            yield listener
        finally:
            with suppress(FileNotFoundError):
                if path.stat().st_ino == ours:
                    path.unlink()


def _listen(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if not _somebody_listens(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
        listener.bind(str(path))
        path.chmod(_MODE)
    except OSError as error:
        listener.close()
        why = "another daemon does" if error.errno == errno.EADDRINUSE else str(error)
        raise ConfigurationError(f"control.socket: can't listen on {path}: {why}") from error
    listener.listen(_BACKLOG)
    return listener


def _somebody_listens(path: Path) -> bool:
    """Whether a process has it, even one that stands still and takes no more callers."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        caller.settimeout(0)
        return caller.connect_ex(str(path)) in {0, errno.EAGAIN}


async def _body(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST_BYTES:
            raise ConfigurationError("the order is too large")
    return body or b"{}"


def _json(value: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, media_type="application/json")


def _problem(status: int, code: str, message: str) -> Response:
    return _json({"code": code, "message": message}, status)


async def _explain(_request: Request, error: Exception) -> Response:
    for kind, status, code in _by_status:
        if isinstance(error, kind):
            return _problem(status, code, str(error))
    raise error


async def _misread(_request: Request, error: Exception) -> Response:
    return _problem(400, "bad_order", str(error))
