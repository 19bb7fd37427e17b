"""The sandbox's own routes under `/_sandbox/`: faults, ledger, counts, tampering, settings.

They need no key and are not part of what is simulated.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from itertools import islice
from typing import Any

import anyio.lowlevel
import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from daemon.sandbox import tamper
from daemon.sandbox.answers import JSON, JSON_LINES, Refusal, encode
from daemon.sandbox.faults import Fault
from daemon.sandbox.field_types import BadValue
from daemon.sandbox.identity import Failure
from daemon.sandbox.profile_api import ProfileApi
from daemon.sandbox.profile_resources import Profile
from daemon.sandbox.project import Project
from daemon.sandbox.settings import SandboxSettings
from daemon.sandbox.user_reads import profile

Endpoint = Callable[[Request], Awaitable[Response]]
ROWS_PER_CHUNK = 200


def _json(value: Any, status: int = 200) -> Response:
    return Response(encode(value), status, media_type=JSON)


def explained(endpoint: Endpoint) -> Endpoint:
    """The endpoint, answering 400 with the reason when the request is not understood."""

    async def wrapped(request: Request) -> Response:
        try:
            return await endpoint(request)
        except (msgspec.ValidationError, msgspec.DecodeError, ValueError, BadValue) as error:
            return _json({"error": str(error)}, 400)
        except Failure as error:
            return _json({"error": str(error)}, 409)
        except Refusal as error:
            return Response(_whole(error), error.answer.status, media_type=JSON)

    return wrapped


def _whole(refusal: Refusal) -> bytes:
    body = refusal.answer.body
    return body if isinstance(body, bytes) else b"".join(body)


async def in_chunks(rows: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Lines in chunks, others being served between them; in the loop, for the state is its own."""
    while chunk := list(islice(rows, ROWS_PER_CHUNK)):
        yield b"\n".join(chunk) + b"\n"
        await anyio.lowlevel.checkpoint()


class Admin:
    """The admin routes of one sandbox."""

    def __init__(self, project: Project, profiles: ProfileApi) -> None:
        self._project = project
        self._profiles = profiles

    def routes(self) -> list[Route]:
        """The routes, to be mounted at `/_sandbox`."""
        table: dict[str, tuple[Endpoint, list[str]]] = {
            "/faults": (self._faults, ["GET", "POST", "DELETE"]),
            "/ledger": (self._ledger, ["GET"]),
            "/counts": (self._counts, ["GET", "DELETE"]),
            "/tamper": (self._tamper, ["POST"]),
            "/settings": (self._settings, ["GET", "POST"]),
            "/users": (self._users, ["GET"]),
            "/users/{id:path}": (self._user, ["GET"]),
            "/profiles": (self._load_profiles, ["POST"]),
        }
        return [Route(p, explained(e), methods=m) for p, (e, m) in table.items()]

    async def _faults(self, request: Request) -> Response:
        faults = self._project.faults
        if request.method == "DELETE":
            faults.asked.clear()
        elif request.method == "POST":
            faults.asked.append(msgspec.json.decode(await request.body(), type=Fault))
        return _json({"faults": faults.asked})

    async def _ledger(self, request: Request) -> Response:
        query = request.query_params
        rows = self._project.ledger.rows(
            kind=query.get("kind"),
            email=query.get("email"),
            user_id=query.get("userId"),
            after=int(query.get("after", "0")),
        )

        return StreamingResponse(in_chunks(encode(r) for r in rows), media_type=JSON_LINES)

    async def _counts(self, request: Request) -> Response:
        project = self._project
        if request.method == "DELETE":
            project.counts.clear()
        tallies = project.counts.values()
        total = {
            name: sum(getattr(t, name) for t in tallies)
            for name in ("calls", "applied", "failed", "throttled", "errors", "seconds")
        }
        events = sum(map(len, project.events.by_kind.values()))
        return _json(
            {
                "endpoints": project.counts,
                "total": total,
                "users": project.people.alive,
                "events": events,
            }
        )

    async def _tamper(self, request: Request) -> Response:
        edit = msgspec.json.decode(await request.body(), type=tamper.Edit)
        return _json(tamper.apply(self._project, edit))

    async def _settings(self, request: Request) -> Response:
        project = self._project
        if request.method == "POST":
            changes = msgspec.json.decode(await request.body(), type=dict[str, Any])
            whole = msgspec.to_builtins(project.settings) | changes
            project.use(msgspec.convert(whole, SandboxSettings))
        shown = msgspec.to_builtins(project.settings)
        return _json({k: v for k, v in shown.items() if k not in ("api_key", "profile_token")})

    async def _users(self, request: Request) -> Response:  # noqa: ARG002 -- an endpoint's signature
        project = self._project

        living = list(project.people.living())
        rows = (encode(profile(project, user.true)) for user in living)
        return StreamingResponse(in_chunks(rows), media_type=JSON_LINES)

    async def _user(self, request: Request) -> Response:
        project, wanted = self._project, request.path_params["id"]
        user = project.people.by_email.get(wanted.lower()) or project.people.by_user_id.get(wanted)
        if user is None:
            return _json({"error": f"no user {wanted}"}, 404)
        return _json(
            {
                "user": profile(project, user.true),
                "visibleAt": user.true.visible_at,
                "visible": user.true.visible_at <= project.clock(),
                "events": sum(1 for _ in project.events.chain(user.last_event)),
            }
        )

    async def _load_profiles(self, request: Request) -> Response:
        loaded = msgspec.json.decode(await request.body(), type=list[Profile])
        self._profiles.load(loaded)
        return _json({"profiles": len(loaded)})
