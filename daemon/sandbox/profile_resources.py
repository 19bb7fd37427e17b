"""What the Profile API tells of a profile: traits, ids, events, and more (segment.md §4.2)."""

import base64
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from msgspec import Struct

from daemon.sandbox.answers import Answer, json
from daemon.sandbox.dates import EPOCH
from daemon.sandbox.decoding import whole

EVENT_DAYS = 14
DAY = 86_400_000
USUAL = {"traits": 10, "external_ids": 25, "events": 10, "links": 20}
MOST = {"traits": 200, "external_ids": 100, "events": 100, "links": 20}
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


class Wrong(Exception):
    """An error in the Profile API's form."""

    def __init__(self, status: int, code: str, message: str) -> None:
        self.answer: Answer = json(error(code, message), status)
        super().__init__(message)


def error(code: str, message: str) -> dict[str, Any]:
    """An error's body (segment.md §4.4)."""
    return {"error": {"code": code, "message": message}}


class Ask(Struct):
    """A request for one resource of one profile."""

    profile: Profile
    resource: str
    query: dict[str, str]
    path: str
    url: str
    now: int


def _limit_of(ask: Ask) -> int:
    limit = whole(ask.query.get("limit", str(USUAL[ask.resource])))
    if not limit:
        raise Wrong(400, "validation_error", "Parameter `limit` must be a positive number.")
    return min(limit, MOST[ask.resource])


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
    except ValueError as wrong:
        raise Wrong(400, "validation_error", f"Parameter `{name}` is not a time.") from wrong


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
