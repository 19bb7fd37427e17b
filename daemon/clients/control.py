"""A running daemon, as commands reach it: HTTP over the Unix socket in its runtime folder.

What the daemon refuses comes back as the error it raised there, so a command behaves alike whether
it asks a daemon or runs by itself. Reports come as the JSON they are; whoever asked decodes them.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import anyio
import httpx
import msgspec

from daemon.actors.vitals import Vitals
from daemon.errors import (
    ConfigurationError,
    GuardRefused,
    NoDaemon,
    SegueError,
    Unavailable,
)

_SECONDS = 10.0


class _Trouble(msgspec.Struct):
    """The body of an answer that is no 200."""

    message: str = ""


class ControlClient:
    """The daemon that listens at `path`.

    Everything raises NoDaemon where none listens, Unavailable where it stops answering, and the
    daemon's own ConfigurationError, GuardRefused and Unavailable.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    async def status(self) -> bytes:
        """A StatusReport as JSON."""
        return await self._call("GET", "/status")

    async def actors(self) -> list[Vitals]:
        """How every actor is doing."""
        return msgspec.json.decode(await self._call("GET", "/actors"), type=list[Vitals])

    async def kill(self, name: str) -> None:
        """End one actor, to be restarted. Raises ConfigurationError for a name nobody bears."""
        await self._call("POST", f"/actors/{name}/kill")

    async def reconcile(self, users: Sequence[str] = ()) -> bytes:
        """Compare `users`, or all, and plan; a RunReport as JSON. Takes as long as it takes."""
        return await self._wait("/reconcile", {"users": list(users) or None})

    async def apply(
        self,
        plan: int | None,
        *,
        recreate: bool = False,
        beyond_guards: bool = False,
        by: str = "",
    ) -> bytes:
        """Apply plan `plan`, or the latest, and look again; a RunReport as JSON.

        `recreate` allows creating deleted users again, `beyond_guards` is a person's explicit yes,
        `by` is who says so.
        """
        body = {"plan": plan, "recreate": recreate, "beyond_guards": beyond_guards, "by": by}
        return await self._wait("/reconcile/apply", body)

    async def _wait(self, route: str, body: dict[str, Any]) -> bytes:
        """Ask for what may take long, for as long as the daemon answers otherwise."""
        answers: list[bytes | SegueError] = []
        async with anyio.create_task_group() as group:

            async def ask() -> None:
                try:
                    answers.append(await self._call("POST", route, body, seconds=None))
                except SegueError as error:
                    answers.append(error)
                group.cancel_scope.cancel()

            async def watch() -> None:
                while True:
                    await anyio.sleep(_SECONDS)
                    try:
                        await self._call("GET", "/health", seconds=_SECONDS)
                    except SegueError as error:
                        answers.append(error)
                        group.cancel_scope.cancel()

            group.start_soon(ask)
            group.start_soon(watch)
        if isinstance(answers[0], SegueError):
            raise answers[0]
        return answers[0]

    async def _call(
        self,
        method: Literal["GET", "POST"],
        route: str,
        body: dict[str, Any] | None = None,
        *,
        seconds: float | None = _SECONDS,
    ) -> bytes:
        """`seconds` bounds each read; None waits until the daemon answers or goes away."""
        timeout = httpx.Timeout(_SECONDS, read=seconds)
        try:
            async with httpx.AsyncClient(
                transport=httpx.AsyncHTTPTransport(uds=str(self._path)),
                base_url="http://segue",
                timeout=timeout,
                trust_env=False,
            ) as client:
                answer = await client.request(method, route, json=body)
        except httpx.ConnectError as error:
            raise NoDaemon(
                f"no daemon answers at {self._path}; start one with: segue serve"
            ) from error
        except httpx.HTTPError as error:
            raise Unavailable(
                f"the daemon at {self._path} stopped answering ({type(error).__name__})"
            ) from error
        if not answer.is_success:
            raise _error(answer.status_code, answer.content)
        return answer.content


def _error(status: int, body: bytes) -> SegueError:
    try:
        trouble = msgspec.json.decode(body, type=_Trouble)
    except (ValueError, RecursionError):
        trouble = _Trouble()
    message = trouble.message or f"the daemon answered {status}"
    match status:
        case 400 | 404:
            return ConfigurationError(message.split("\n"))
        case 409:
            return GuardRefused(message)
        case 503:
            return Unavailable(message)
        case _:
            return SegueError(message)
