"""Finding out what a project is and what a key may do, without changing anything.

The forgotten users can be asked for by e-mail and by userId; in an e-mail-based project the latter
is an error, in a userID-based one the former (iterable.md §7). A bulk call without rows is refused
only after the key's rights were checked (§2.4).
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

import msgspec

from daemon.domain.commands import Endpoint
from daemon.domain.identity import ProjectType
from daemon.errors import EndpointMissing, Refused, ServiceError, Unauthorized, Unreachable

MayRead: TypeAlias = Callable[[Endpoint], Awaitable[None]]
MayWrite: TypeAlias = Callable[[Endpoint, Mapping[str, Any]], Awaitable[None]]

_NOTHING: Mapping[Endpoint, Mapping[str, Any]] = {
    Endpoint.BULK_UPDATE: {"users": []},
    Endpoint.TRACK_BULK: {"events": []},
    Endpoint.LIST_SUBSCRIBE: {"listId": 0, "subscribers": []},
    Endpoint.LIST_UNSUBSCRIBE: {"listId": 0, "subscribers": [], "channelUnsubscribe": False},
}


class Probe(msgspec.Struct, frozen=True):
    """What was found. None means it could not be told.

    `rights` says of each writing endpoint whether the key may use it. `problems` are for people.
    """

    reachable: bool
    authorized: bool | None
    project: ProjectType | None
    rights: Mapping[Endpoint, bool | None]
    problems: tuple[str, ...]


async def probe_project(may_read: MayRead, may_write: MayWrite) -> Probe:
    """Ask by calls that change nothing. Stops at the first 401: repeated ones bring 429s (§3.2)."""
    problems: list[str] = []
    by_email = await _answer(problems, may_read(Endpoint.FORGOTTEN))
    if isinstance(by_email, (Unreachable, Unauthorized)):
        reached = not isinstance(by_email, Unreachable)
        return Probe(reached, False if reached else None, None, {}, tuple(problems))
    by_user_id = await _answer(problems, may_read(Endpoint.FORGOTTEN_USER_IDS))
    rights = {
        endpoint: _right(await _answer(problems, may_write(endpoint, nothing)))
        for endpoint, nothing in _NOTHING.items()
    }
    return Probe(
        reachable=True,
        authorized=True,
        project=_project(by_email, by_user_id),
        rights=rights,
        problems=tuple(problems),
    )


async def _answer(problems: list[str], call: Awaitable[None]) -> ServiceError | None:
    try:
        await call
    except ServiceError as error:
        if not _says_no(error):
            problems.append(str(error))
        return error
    return None


def _says_no(error: ServiceError) -> bool:
    return isinstance(error, (Refused, EndpointMissing))


def _right(error: ServiceError | None) -> bool | None:
    if error is None or isinstance(error, Refused):
        return True
    return False if isinstance(error, Unauthorized) else None


def _project(by_email: ServiceError | None, by_user_id: ServiceError | None) -> ProjectType | None:
    match by_email is None, by_user_id is None:
        case True, True:
            return ProjectType.HYBRID
        case True, False if by_user_id and _says_no(by_user_id):
            return ProjectType.EMAIL
        case False, True if by_email and _says_no(by_email):
            return ProjectType.USER_ID
        case _:
            return None
