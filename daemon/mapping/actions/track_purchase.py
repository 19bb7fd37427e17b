"""`track_purchase`: an order becomes a purchase (iterable.md §8, segment.md §13.3-13.4)."""

from typing import Any

from daemon.mapping.declarations.action import Action, Default, Given, Kind, Preset, Request, Route
from daemon.mapping.declarations.commerce import (
    FIELDS,
    PRESET,
    WHOLE_PRODUCTS,
    items_of,
    refuses,
    user_of,
)
from daemon.mapping.declarations.custom_event import LONGEST_ID
from daemon.mapping.declarations.field import Field, Type
from daemon.mapping.declarations.keys import (
    EMPTY,
    EXPIRES_AFTER,
    NULLS,
    OMIT,
    data_fields,
    subscribe,
)

_SOURCE = "iterable.md §8"
_ROUTE = Route("POST", "/api/commerce/trackPurchase", _SOURCE)
_SEGMENT: dict[str, Any] = {
    **PRESET,
    "id": {"@path": "$.properties.order_id"},
    "total": {"@path": "$.properties.total"},
    "dataFields": {"@path": "$.properties"},
    "campaignId": {"@path": "$.properties.campaignId"},
    "templateId": {"@path": "$.properties.templateId"},
}
_ORDERS = 'type = "track" and event = "Order Completed"'
_PASSED_ON = ("id", "total", "createdAt", "dataFields", "campaignId", "templateId")


def _build(given: Given) -> list[Request]:
    row = {"user": user_of(given), "items": items_of(given)}
    row |= {name: given.values[name] for name in _PASSED_ON if name in given.values}
    return [Request(_ROUTE.method, _ROUTE.path, row)]


ACTION = Action(
    name="track_purchase",
    about="Adds a purchase to the user, writes the user's fields, and empties the cart.",
    kind=Kind.EVENT,
    routes=(_ROUTE,),
    refuses=refuses,
    build=_build,
    fields=(
        *FIELDS,
        Field("total", Type.NUMBER, "What the order cost.", _SOURCE, required=True),
        Field(
            "id",
            Type.TEXT,
            "The order's id; an order sent again under its id is the same order.",
            _SOURCE,
            most=LONGEST_ID,
        ),
        Field(
            "createdAt",
            Type.SECONDS,
            "When it was ordered; where it is missing, when Iterable received it.",
            _SOURCE,
            default={"@path": "$.timestamp"},
        ),
        *data_fields("The order's data.", _SOURCE),
        Field("campaignId", Type.WHOLE, "The campaign it is credited to.", _SOURCE),
        Field("templateId", Type.WHOLE, "The template it is credited to.", _SOURCE),
    ),
    keys=(subscribe(), EXPIRES_AFTER, OMIT, NULLS, EMPTY),
    presets=(
        Preset(
            "segment",
            "An `Order Completed`: its products as items, its other properties as data.",
            "segment.md §13.3",
            _SEGMENT,
            keys={"omit": ["products"]},
        ),
        Preset(
            "segment-classic",
            "The same; what else a product holds goes into its item's dataFields.",
            "segment.md §13.7",
            {**_SEGMENT, "items": WHOLE_PRODUCTS},
            keys={"omit": ["products", "total"], "nulls": "keep"},
        ),
    ),
    defaults=(
        Default("segment", "purchases", _ORDERS, "segment"),
        Default("segment-classic", "purchases", _ORDERS, "segment-classic"),
    ),
)
