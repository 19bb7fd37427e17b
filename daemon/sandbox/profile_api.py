"""Segment's Profile API, simulated (segment.md §4)."""

import base64
import re
from time import perf_counter
from typing import Any
from urllib.parse import parse_qsl, unquote

from msgspec import Struct
from starlette.types import Receive, Scope

from daemon.sandbox.answers import Answer, json
from daemon.sandbox.door import Door
from daemon.sandbox.gate import base_url
from daemon.sandbox.limits import PUBLISHED, Bucket
from daemon.sandbox.profile_resources import RESOURCES, Ask, Profile, Wrong, error
from daemon.sandbox.project import Project, Tally

ENDPOINT = "GET profiles"
PATH_PARTS = 6
ESCAPED = re.compile(r"(?:[A-Za-z0-9._~:@-]|%[0-9A-Fa-f]{2})*")
FAILURE = error("internal_error", "Something went wrong.")


class Held(Struct, eq=False):
    """A profile and what is shown until `visible_at` (ms)."""

    profile: Profile
    visible_at: int
    before: "Held | None"

    def seen(self, at: int) -> Profile | None:
        """What a read at `at` shows, or None."""
        held: Held | None = self
        while held is not None and held.visible_at > at:
            held = held.before
        return None if held is None else held.profile


class ProfileApi(Door):
    """The Profile API of one space, as an ASGI application mounted at `/v1/spaces`."""

    failure: Any = FAILURE

    def __init__(self, project: Project) -> None:
        super().__init__(project)
        self._by_id: dict[tuple[str, str, str], Held] = {}
        self._bucket: Bucket | None = None

    def load(self, profiles: list[Profile]) -> None:
        """Add profiles, or replace those with the same `segment_id`."""
        now = self.project.clock()
        for profile in profiles:
            profile.traits = {k: v for k, v in profile.traits.items() if v is not None}
            known = self._by_id.get((profile.collection, "segment_id", profile.segment_id))
            before = None
            if known is not None:
                before = known if known.visible_at <= now else known.before
                for key in _keys(known.profile):
                    if self._by_id.get(key) is known:
                        del self._by_id[key]
            held = Held(profile, now + self.project.settings.profile_lag_ms, before)
            self._by_id.update(dict.fromkeys(_keys(profile), held))

    def headers(self, answer: Answer) -> list[tuple[bytes, bytes]]:  # noqa: ARG002 -- the same for all
        """The header every answer carries (segment.md §4.1)."""
        return [(b"request-id", self.project.uuid().encode())]

    async def answer(self, scope: Scope, receive: Receive) -> Answer:  # noqa: ARG002 -- only reads
        """What the API answers."""
        tally = self.project.tally(ENDPOINT)
        tally.calls += 1
        began = perf_counter()
        try:
            answer = self._told(scope, tally)
        except Wrong as wrong:
            answer = wrong.answer
            tally.errors += 1
        tally.seconds += perf_counter() - began
        return answer

    def _told(self, scope: Scope, tally: Tally) -> Answer:
        project = self.project
        now = project.clock()
        self._authorize(scope)
        raw: bytes = scope.get("raw_path") or scope["path"].encode()
        parts = raw.decode("latin-1").partition("?")[0].removeprefix("/v1/spaces/").split("/")
        shaped = len(parts) == PATH_PARTS and parts[1] == "collections" and parts[3] == "profiles"
        if scope["method"] != "GET" or not shaped or parts[5] not in RESOURCES:
            raise Wrong(404, "not_found", "The resource was not found.")
        if unquote(parts[0]) != project.settings.profile_space:
            raise Wrong(404, "not_found", "The space was not found.")
        self._limit(now, tally)
        if project.settings.profile_unescaped == "fail" and not ESCAPED.fullmatch(parts[4]):
            return json(FAILURE, 500)
        profile = self._find(unquote(parts[2]), unquote(parts[4]), now)
        query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        path = "/v1/spaces/" + "/".join(parts)
        return json(RESOURCES[parts[5]](Ask(profile, parts[5], query, path, base_url(scope), now)))

    def _authorize(self, scope: Scope) -> None:
        given = next((v for k, v in scope["headers"] if k == b"authorization"), b"")
        wanted = base64.b64encode(f"{self.project.settings.profile_token}:".encode())
        if given != b"Basic " + wanted:
            raise Wrong(401, "authentication_error", "The access token is not valid.")

    def _limit(self, now: int, tally: Tally) -> None:
        settings = self.project.settings
        if not settings.limits:
            return
        rule = settings.limit_overrides.get(ENDPOINT) or PUBLISHED[ENDPOINT]
        if self._bucket is None or self._bucket.rule != rule:
            self._bucket = Bucket(rule, now)
        if not self._bucket.take(now):
            tally.throttled += 1
            raise Wrong(429, "rate_limit_error", "Too many requests.")

    def _find(self, collection: str, identifier: str, now: int) -> Profile:
        kind, colon, value = identifier.partition(":")
        if not collection.isalpha():
            odd = "".join(c for c in collection if not c.isalpha())
            message = f"Parameter `collection` has invalid character(s) `{odd}`"
            raise Wrong(400, "validation_error", message)
        if not colon:
            kind, value = "segment_id", identifier
        held = self._by_id.get((collection, kind, value))
        profile = None if held is None else held.seen(now)
        if profile is None:
            raise Wrong(404, "not_found", "Profile was not found.")
        return profile


def _keys(profile: Profile) -> list[tuple[str, str, str]]:
    """What a profile is found by: its segment id, and its other ids in lower case."""
    ids = [(profile.collection, known.type, known.id.lower()) for known in profile.external_ids]
    return [(profile.collection, "segment_id", profile.segment_id), *ids]
