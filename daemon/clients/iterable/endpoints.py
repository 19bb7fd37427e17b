"""Iterable's endpoints as data: where they are, what a call may hold, and how often.

Limits Iterable publishes (iterable.md §3.1) are used in full: the budget's small bursts keep them
without a margin. Limits it does not publish begin low. All of them are shared with whoever else
uses the project or organization, so each can be set lower (or higher) in the settings.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import msgspec

from daemon.clients.bucket import Rate
from daemon.domain.commands import Endpoint

MAX_ROWS: Final = 1000
MAX_BYTES: Final = 3_700_000
"""Of a bulk call's body: Iterable's 4 MB less a margin (iterable.md §4)."""


class Scope(StrEnum):
    """With whom a limit is shared."""

    PROJECT = "project"
    ORGANIZATION = "organization"
    UNKNOWN = "unknown"


class Origin(StrEnum):
    """Where an effective limit comes from."""

    PUBLISHED = "published by Iterable"
    INFERRED = "not published; a cautious guess"
    SETTING = "your setting"
    OFF = "limits are off"


class EndpointSpec(msgspec.Struct, frozen=True):
    """One endpoint. `path` is below `/api/`; `rows_key` is where rows stand in the body.

    `published` is Iterable's own figure, else `guessed` is ours. `source` says where that stands.
    """

    endpoint: Endpoint
    method: str
    path: str
    published: Rate | None = None
    guessed: Rate = Rate(5)
    rows_key: str = ""
    max_rows: int = 1
    max_bytes: int = MAX_BYTES
    scope: Scope = Scope.PROJECT
    source: str = "iterable.md §3.1"


class EffectiveLimit(msgspec.Struct, frozen=True):
    """The limit in force for an endpoint, None for none, and where it comes from."""

    endpoint: Endpoint
    rate: Rate | None
    origin: Origin
    scope: Scope
    source: str


_UNPUBLISHED = "iterable.md §3.1, no published figure"

_SPECS = (
    EndpointSpec(
        Endpoint.BULK_UPDATE,
        "POST",
        "users/bulkUpdate",
        published=Rate(5),
        rows_key="users",
        max_rows=MAX_ROWS,
    ),
    EndpointSpec(
        Endpoint.TRACK_BULK,
        "POST",
        "events/trackBulk",
        published=Rate(10),
        rows_key="events",
        max_rows=MAX_ROWS,
    ),
    EndpointSpec(
        Endpoint.LIST_SUBSCRIBE,
        "POST",
        "lists/subscribe",
        rows_key="subscribers",
        max_rows=MAX_ROWS,
        scope=Scope.UNKNOWN,
        source=_UNPUBLISHED,
    ),
    EndpointSpec(
        Endpoint.LIST_UNSUBSCRIBE,
        "POST",
        "lists/unsubscribe",
        rows_key="subscribers",
        max_rows=MAX_ROWS,
        scope=Scope.UNKNOWN,
        source=_UNPUBLISHED,
    ),
    EndpointSpec(
        Endpoint.SUBSCRIPTIONS,
        "PUT",
        "subscriptions/{group}/{target}",
        rows_key="users",
        max_rows=MAX_ROWS,
        scope=Scope.UNKNOWN,
        source=_UNPUBLISHED,
    ),
    EndpointSpec(
        Endpoint.UPDATE_SUBSCRIPTIONS,
        "POST",
        "users/updateSubscriptions",
        guessed=Rate(50),
        scope=Scope.UNKNOWN,
        source=_UNPUBLISHED,
    ),
    EndpointSpec(
        Endpoint.UPDATE_EMAIL,
        "POST",
        "users/updateEmail",
        guessed=Rate(50),
        scope=Scope.UNKNOWN,
        source=_UNPUBLISHED,
    ),
    EndpointSpec(Endpoint.GET_USER, "GET", "users/getByEmail", published=Rate(100)),
    EndpointSpec(Endpoint.GET_FIELDS, "GET", "users/getFields", published=Rate(3)),
    EndpointSpec(Endpoint.LISTS, "GET", "lists", published=Rate(100)),
    EndpointSpec(Endpoint.LIST_USERS, "GET", "lists/getUsers", published=Rate(5, 60)),
    EndpointSpec(Endpoint.CHANNELS, "GET", "channels", published=Rate(100)),
    EndpointSpec(Endpoint.MESSAGE_TYPES, "GET", "messageTypes", published=Rate(100)),
    EndpointSpec(
        Endpoint.EXPORT_START,
        "POST",
        "export/start",
        published=Rate(1),
        scope=Scope.ORGANIZATION,
    ),
    EndpointSpec(
        Endpoint.EXPORT_FILES,
        "GET",
        "export/{target}/files",
        published=Rate(1),
        scope=Scope.ORGANIZATION,
    ),
    EndpointSpec(Endpoint.FORGOTTEN, "GET", "users/forgotten", published=Rate(3)),
    EndpointSpec(Endpoint.FORGOTTEN_USER_IDS, "GET", "users/forgottenUserIds", published=Rate(3)),
)

ENDPOINTS: Final[Mapping[Endpoint, EndpointSpec]] = {spec.endpoint: spec for spec in _SPECS}


def effective_limits(
    *, overrides: Mapping[Endpoint, float] | None = None, off: bool = False
) -> dict[Endpoint, EffectiveLimit]:
    """The limit of each endpoint, and where it comes from.

    `overrides` are calls per second. `off` lifts all limits (for a sandbox).
    """
    chosen = overrides or {}
    return {
        endpoint: _limit(spec, override=chosen.get(endpoint), off=off)
        for endpoint, spec in ENDPOINTS.items()
    }


def _limit(spec: EndpointSpec, *, override: float | None, off: bool) -> EffectiveLimit:
    rate: Rate | None
    if off:
        rate, origin = None, Origin.OFF
    elif override is not None:
        rate, origin = Rate(override), Origin.SETTING
    else:
        rate = spec.published or spec.guessed
        origin = Origin.PUBLISHED if spec.published else Origin.INFERRED
    return EffectiveLimit(spec.endpoint, rate, origin, spec.scope, spec.source)
