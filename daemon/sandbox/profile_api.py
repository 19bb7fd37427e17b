"""Segment's Profile API, simulated (segment.md §4): traits, ids, events, metadata and links."""

import base64
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

from msgspec import Struct
from starlette.types import Receive, Scope, Send

from daemon.sandbox.answers import Answer, json
from daemon.sandbox.dates import EPOCH
from daemon.sandbox.gate import base_url, send_answer
from daemon.sandbox.limits import PUBLISHED, Bucket
from daemon.sandbox.project import Project

EVENT_DAYS = 14
DAY = 86_400_000
USUAL = {"traits": 10, "external_ids": 25, "events": 10, "links": 20}
MOST = {"traits": 200, "external_ids": 100, "events": 100, "links": 20}
PATH_PARTS = 6
NANOSECONDS = 1_000_000


class ExternalId(Struct):
    """One identifier of a profile."""

    id: str
    type: str
    created_at: str = "2020-01-01T00:00:00Z"
    source_id: str = "src"


class Profile(Struct, kw_only=True):
    """A profile as `POST /_sandbox/profiles` loads it; `events` have the API's own shape."""

    segment_id: str
    external_ids: list[ExternalId]
    traits: dict[str, Any] = {}
    audiences: list[str] = []
    computed: list[str] = []
    events: list[dict[str, Any]] = []
    links: list[dict[str, Any]] = []
    collection: str = "users"
    created_at: str = "2020-01-01T00:00:00Z"
    updated_at: str = "2020-01-01T00:00:00Z"
    visible_at: int = 0


class Wrong(Exception):
    """An error in the Profile API's form."""

    def __init__(self, status: int, code: str, message: str) -> None:
        self.answer = json({"error": {"code": code, "message": message}}, status)
        super().__init__(message)


class Ask(Struct):
    """A request for one resource of one profile."""

    profile: Profile
    resource: str
    query: dict[str, str]
    path: str
    url: str
    now: int


class ProfileApi:
    """The Profile API of one space, as an ASGI application mounted at `/v1/spaces`."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._by_id: dict[tuple[str, str, str], Profile] = {}
        self._bucket: Bucket | None = None

    def load(self, profiles: list[Profile]) -> None:
        """Add profiles, or replace those with the same identifiers."""
        visible_at = self._project.clock() + self._project.settings.profile_lag_ms
        for profile in profiles:
            profile.visible_at = visible_at
            profile.traits = {k: v for k, v in profile.traits.items() if v is not None}
            self._by_id[profile.collection, "segment_id", profile.segment_id] = profile
            for known in profile.external_ids:
                self._by_id[profile.collection, known.type, known.id.lower()] = profile

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Serve one request."""
        try:
            answer = self._answer(scope)
        except Wrong as wrong:
            answer = wrong.answer
        request_id = self._project.uuid().encode()
        await send_answer(answer, send, [(b"request-id", request_id)])

    def _answer(self, scope: Scope) -> Answer:
        project = self._project
        now = project.clock()
        self._authorize(scope)
        raw: bytes = scope.get("raw_path") or scope["path"].encode()
        parts = raw.decode("latin-1").partition("?")[0].removeprefix("/v1/spaces/").split("/")
        if len(parts) != PATH_PARTS or parts[1] != "collections" or parts[3] != "profiles":
            raise Wrong(404, "not_found", "The resource was not found.")
        if unquote(parts[0]) != project.settings.profile_space:
            raise Wrong(404, "not_found", "The space was not found.")
        self._limit(now)
        profile = self._find(unquote(parts[2]), unquote(parts[4]), now)
        query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        path = "/v1/spaces/" + "/".join(parts)
        resource = RESOURCES.get(parts[5])
        if resource is None:
            raise Wrong(404, "not_found", "The resource was not found.")
        return json(resource(Ask(profile, parts[5], query, path, base_url(scope), now)))

    def _authorize(self, scope: Scope) -> None:
        given = next((v for k, v in scope["headers"] if k == b"authorization"), b"")
        wanted = base64.b64encode(f"{self._project.settings.profile_token}:".encode())
        if given != b"Basic " + wanted:
            raise Wrong(401, "authentication_error", "The access token is not valid.")

    def _limit(self, now: int) -> None:
        settings = self._project.settings
        if not settings.limits:
            return
        rule = settings.limit_overrides.get("GET profiles") or PUBLISHED["GET profiles"]
        if self._bucket is None or self._bucket.rule != rule:
            self._bucket = Bucket(rule, now)
        if not self._bucket.take(now):
            raise Wrong(429, "rate_limit_error", "Too many requests.")

    def _find(self, collection: str, identifier: str, now: int) -> Profile:
        kind, colon, value = identifier.partition(":")
        if not collection.isalpha():
            odd = "".join(c for c in collection if not c.isalpha())
            message = f"Parameter `collection` has invalid character(s) `{odd}`"
            raise Wrong(400, "validation_error", message)
        if not colon:
            kind, value = "segment_id", identifier
        profile = self._by_id.get((collection, kind, value))
        if profile is None or profile.visible_at > now:
            raise Wrong(404, "not_found", "Profile was not found.")
        return profile


def _limit_of(ask: Ask) -> int:
    text = ask.query.get("limit", str(USUAL[ask.resource]))
    if not text.isdigit() or int(text) < 1:
        raise Wrong(400, "validation_error", "Parameter `limit` must be a positive number.")
    return min(int(text), MOST[ask.resource])


def _page(ask: Ask, rows: list[tuple[str, Any]]) -> tuple[list[tuple[str, Any]], dict[str, Any]]:
    """One page of rows by their cursor keys, in the rows' order, and the cursor."""
    limit = _limit_of(ask)
    wanted = ask.query.get("next", "")
    keys = [key for key, _ in rows]
    if wanted and wanted not in keys:
        raise Wrong(400, "validation_error", "Parameter `next` is not valid.")
    start = keys.index(wanted) if wanted else 0
    page, rest = rows[start : start + limit], keys[start + limit :]
    following = rest[0] if rest else ""
    kept = "".join(f"&{k}={quote(v)}" for k, v in ask.query.items() if k != "next")
    url = f"{ask.url}{ask.path}?next={quote(following)}{kept}" if rest else ""
    return page, {"url": url, "has_more": bool(rest), "next": following, "limit": limit}


def _traits(ask: Ask) -> dict[str, Any]:
    profile, query = ask.profile, ask.query
    names = set(profile.traits)
    kinds = {"audience": profile.audiences, "computed_trait": profile.computed}
    if "class" in query:
        names &= set(kinds.get(query["class"], ()))
    if "include" in query:
        names &= set(query["include"].split(","))
    rows = [(name, profile.traits[name]) for name in sorted(names)]
    page, cursor = _page(ask, rows)
    if query.get("verbose") == "true":
        at = profile.updated_at
        page = [(k, {"value": v, "source_id": "src", "updated_at": at}) for k, v in page]
    return {"traits": dict(page), "cursor": cursor}


def _external_ids(ask: Ask) -> dict[str, Any]:
    included = ask.query.get("include")
    rows = []
    for number, known in enumerate(ask.profile.external_ids):
        if included is None or known.type in included.split(","):
            row = {
                "source_id": known.source_id,
                "collection": ask.profile.collection,
                "id": known.id,
                "type": known.type,
                "created_at": known.created_at,
                "encoding": "none",
            }
            rows.append((f"map_{number:027d}", row))
    page, cursor = _page(ask, rows)
    return {"data": [row for _, row in page], "cursor": cursor}


def _iso_ms(text: str) -> int:
    moment = type(EPOCH).fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=EPOCH.tzinfo)
    return int((moment - EPOCH).total_seconds() * 1000)


def _time(query: dict[str, str], name: str, missing: int) -> int:
    try:
        return _iso_ms(query[name]) if name in query else missing
    except ValueError as error:
        raise Wrong(400, "validation_error", f"Parameter `{name}` is not a time.") from error


def _events(ask: Ask) -> dict[str, Any]:
    query = ask.query
    start = max(_time(query, "start", 0), ask.now - EVENT_DAYS * DAY)
    end = _time(query, "end", ask.now + DAY)
    included, excluded = query.get("include"), query.get("exclude", "").split(",")
    rows: list[tuple[str, Any]] = []
    ordered = sorted(ask.profile.events, key=lambda e: _iso_ms(str(e["timestamp"])))
    if query.get("sort", "desc") == "desc":
        ordered.reverse()
    for event in ordered:
        at, name = _iso_ms(str(event["timestamp"])), event.get("event")
        if not start <= at < end or name in excluded:
            continue
        if included is not None and name not in included.split(","):
            continue
        key = f"{at * NANOSECONDS}::{event.get('message_id', '')}"
        rows.append((base64.b64encode(key.encode()).decode(), event))
    page, cursor = _page(ask, rows)
    return {"data": [row for _, row in page], "cursor": cursor}


def _metadata(ask: Ask) -> dict[str, Any]:
    profile = ask.profile
    metadata = {
        "created_at": profile.created_at,
        "updated_at": profile.updated_at,
        "expires_at": None,
        "first_message_id": "",
        "first_source_id": "src",
        "last_message_id": "",
        "last_source_id": "src",
    }
    return {"segment_id": profile.segment_id, "metadata": metadata}


def _links(ask: Ask) -> dict[str, Any]:
    return {"data": ask.profile.links[: _limit_of(ask)]}


RESOURCES: dict[str, Callable[[Ask], dict[str, Any]]] = {
    "traits": _traits,
    "external_ids": _external_ids,
    "events": _events,
    "metadata": _metadata,
    "links": _links,
}
