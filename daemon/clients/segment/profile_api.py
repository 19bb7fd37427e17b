"""Segment's Profile API: what Segment itself holds of one user (segment.md §4).

Identifiers are looked up lower-cased, as Segment stores them, and percent-encoded throughout: some
special characters are answered with a 500 otherwise (segment.md §4.1).
"""

import base64
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias, TypeVar
from urllib.parse import quote

import anyio
import msgspec

from daemon.clients.bucket import Budget, Rate
from daemon.clients.http import Answer, Http, Secret
from daemon.domain.messages import MessageClass
from daemon.errors import (
    EndpointMissing,
    Refused,
    ServerFailed,
    ServiceError,
    Throttled,
    Unauthorized,
    Unreachable,
)

T = TypeVar("T")

IdType: TypeAlias = Literal["user_id", "email", "anonymous_id"]

LIMIT = Rate(100)
"""Requests a second and space (segment.md §4.1)."""

_PAGE = {"traits": "200", "external_ids": "100"}
_MOST_PAGES = 1000
_ANSWER = 8_000_000
_NOT_FOUND = 404
_WHAT = "Segment Profile API"

_ERRORS: tuple[tuple[range, type[ServiceError]], ...] = (
    (range(200, 300), ServiceError),
    (range(401, 402), Unauthorized),
    (range(403, 404), Unauthorized),
    (range(429, 430), Throttled),
    (range(404, 405), EndpointMissing),
    (range(300, 500), Refused),
    (range(500, 600), ServerFailed),
    (range(1000), Unreachable),
)
"""(statuses, error), the first that fits counts; ServiceError: no error (segment.md §4.4)."""


class ExternalId(msgspec.Struct, frozen=True):
    """An identifier of a profile. `type` is user_id, email, anonymous_id or a space's own."""

    type: str
    id: str


class _Cursor(msgspec.Struct):
    has_more: bool = False
    next: str = ""


class _Traits(msgspec.Struct):
    traits: dict[str, Any] = {}
    cursor: _Cursor | None = None


class _ExternalIds(msgspec.Struct):
    data: list[ExternalId] = []
    cursor: _Cursor | None = None


class _Error(msgspec.Struct):
    code: str = ""


class _ErrorBody(msgspec.Struct):
    error: _Error


class ProfileApi:
    """One space. Every read raises ServiceError, and returns None where Segment says that it knows
    no such profile.

    Reads share one budget; `repair` reads (the reconciler's) leave live ones the first place.
    """

    def __init__(
        self, http: Http, *, base_url: str, space: str, token: Secret, seconds: float = 30.0
    ) -> None:
        self._http = http
        self._root = f"{base_url.rstrip('/')}/v1/spaces/{quote(space, safe='')}/collections/users"
        self._token = token
        self._seconds = seconds
        self._budget = Budget(LIMIT)

    async def traits(
        self, kind: IdType, value: str, *, repair: bool = False
    ) -> dict[str, Any] | None:
        """All traits, audiences and computed traits among them."""
        return await self._all_traits(kind, value, {}, repair=repair)

    async def audiences(
        self, kind: IdType, value: str, *, repair: bool = False
    ) -> dict[str, bool] | None:
        """Audience memberships by key; a key that isn't there was never computed for the user."""
        traits = await self._all_traits(kind, value, {"class": "audience"}, repair=repair)
        if traits is None:
            return None
        return {name: value for name, value in traits.items() if isinstance(value, bool)}

    async def external_ids(
        self, kind: IdType, value: str, *, repair: bool = False
    ) -> list[ExternalId] | None:
        """All identifiers of the profile."""
        found: list[ExternalId] = []
        following = ""
        for _ in range(_MOST_PAGES):
            body = await self._page("external_ids", kind, value, {}, following, repair=repair)
            if body is None:
                return None
            page = _decode(body, _ExternalIds)
            found += page.data
            following = _following(page.cursor, following, "external_ids")
            if not following:
                return found
        raise _endless("external_ids")

    async def _all_traits(
        self, kind: IdType, value: str, query: Mapping[str, str], *, repair: bool
    ) -> dict[str, Any] | None:
        found: dict[str, Any] = {}
        following = ""
        for _ in range(_MOST_PAGES):
            body = await self._page("traits", kind, value, query, following, repair=repair)
            if body is None:
                return None
            page = _decode(body, _Traits)
            found |= page.traits
            following = _following(page.cursor, following, "traits")
            if not following:
                return found
        raise _endless("traits")

    async def _page(
        self,
        resource: str,
        kind: IdType,
        value: str,
        query: Mapping[str, str],
        following: str,
        *,
        repair: bool,
    ) -> bytes | None:
        params = {**query, "limit": _PAGE[resource]} | ({"next": following} if following else {})
        await self._acquire(MessageClass.REPAIR if repair else MessageClass.LIVE)
        identifier = quote(f"{kind}:{value.lower()}", safe="")
        answer = await self._http.request(
            "GET",
            f"{self._root}/profiles/{identifier}/{resource}",
            what=f"{_WHAT} {resource}",
            max_bytes=_ANSWER,
            seconds=self._seconds,
            headers={"Authorization": _basic(self._token)},
            params=params,
        )
        if answer.status == _NOT_FOUND and _code(answer.body) == "not_found":
            return None
        self._raise_for(resource, answer)
        return answer.body

    async def _acquire(self, message_class: MessageClass) -> None:
        wait = self._budget.take(anyio.current_time(), message_class)
        while wait > 0.0:
            await anyio.sleep(wait)
            wait = self._budget.take(anyio.current_time(), message_class)

    def _raise_for(self, resource: str, answer: Answer) -> None:
        kind = next(kind for statuses, kind in _ERRORS if answer.status in statuses)
        if kind is ServiceError:
            return
        what = f"{_WHAT} {resource}"
        if kind is Throttled:
            seconds = _retry_after(answer)
            self._budget.pause(anyio.current_time(), seconds)
            raise Throttled(f"{what}: too many calls", retry_after=seconds)
        code = _code(answer.body)
        text = f"{what}: {answer.status} {code or 'without a code'}"
        raise kind(text, status=answer.status, code=code)


def _basic(token: Secret) -> str:
    pair = f"{token.get_secret_value()}:".encode()
    return "Basic " + base64.b64encode(pair).decode("ascii")


def _following(cursor: _Cursor | None, before: str, resource: str) -> str:
    """Where the next page starts, empty after the last. One that stands still is no end."""
    if cursor is None or not cursor.has_more:
        return ""
    if not cursor.next or cursor.next == before:
        raise _endless(resource)
    return cursor.next


def _endless(resource: str) -> Unreachable:
    return Unreachable(f"{_WHAT} {resource}: its pages have no end", code="AnswerUnreadable")


def _decode(body: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except (ValueError, RecursionError) as error:
        raise Unreachable(
            f"{_WHAT}: the answer could not be read", status=200, code="AnswerUnreadable"
        ) from error


def _code(body: bytes) -> str:
    try:
        return msgspec.json.decode(body, type=_ErrorBody).error.code
    except (ValueError, RecursionError):
        return ""


def _retry_after(answer: Answer) -> float | None:
    try:
        seconds = float(answer.headers.get("retry-after", ""))
    except ValueError:
        return None
    return seconds if 0.0 <= seconds < float("inf") else None
