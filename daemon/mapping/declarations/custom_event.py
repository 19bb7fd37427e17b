"""What all custom events share, whatever they are made from (iterable.md §8)."""

from typing import Any

from daemon.mapping.declarations.action import Given, Request, Route
from daemon.mapping.declarations.caller import identity_fields, mentioned
from daemon.mapping.declarations.field import Field, Type
from daemon.mapping.declarations.keys import (
    CREATE_NEW_FIELDS,
    EXPIRES_AFTER,
    OMIT,
    data_fields,
    subscribe,
)

LONGEST_ID = 512
_SOURCE = "iterable.md §8"

ROUTE = Route("POST", "/api/events/track", _SOURCE, bulk="/api/events/trackBulk", rows="events")
FIELDS = (
    *identity_fields(),
    Field("eventName", Type.TEXT, "What happened.", _SOURCE, required=True),
    Field(
        "id",
        Type.TEXT,
        "The event's id; an event sent again under its id is the same event.",
        _SOURCE,
        default={"@path": "$.messageId"},
        most=LONGEST_ID,
    ),
    Field(
        "createdAt",
        Type.SECONDS,
        "When it happened; where it is missing, when Iterable received it.",
        _SOURCE,
        default={"@path": "$.timestamp"},
    ),
    *data_fields("The event's data.", _SOURCE),
    Field("campaignId", Type.WHOLE, "The campaign it is credited to.", _SOURCE),
    Field("templateId", Type.WHOLE, "The template it is credited to.", _SOURCE),
    CREATE_NEW_FIELDS,
)
KEYS = (subscribe(), EXPIRES_AFTER, OMIT)
_PASSED_ON = (
    "eventName",
    "id",
    "createdAt",
    "dataFields",
    "campaignId",
    "templateId",
    "createNewFields",
)


def row(given: Given) -> dict[str, Any]:
    """The event without its user."""
    return {name: given.values[name] for name in _PASSED_ON if name in given.values}


def build(given: Given) -> list[Request]:
    return [Request(ROUTE.method, ROUTE.path, {**mentioned(given), **row(given)})]
