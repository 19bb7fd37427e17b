"""`update_cart`: what is in the cart now (iterable.md §8, segment.md §13.3-13.4)."""

from daemon.mapping.declarations.action import Action, Default, Given, Kind, Preset, Request, Route
from daemon.mapping.declarations.commerce import (
    FIELDS,
    PRESET,
    WHOLE_PRODUCTS,
    items_of,
    refuses,
    user_of,
)
from daemon.mapping.declarations.keys import EMPTY, EXPIRES_AFTER, NULLS, subscribe

_ROUTE = Route("POST", "/api/commerce/updateCart", "iterable.md §8")


def _build(given: Given) -> list[Request]:
    row = {"user": user_of(given), "items": items_of(given)}
    return [Request(_ROUTE.method, _ROUTE.path, row)]


ACTION = Action(
    name="update_cart",
    about="Replaces what is in the user's cart, and writes the user's fields.",
    kind=Kind.EVENT,
    routes=(_ROUTE,),
    refuses=refuses,
    build=_build,
    fields=FIELDS,
    keys=(subscribe(), EXPIRES_AFTER, NULLS, EMPTY),
    presets=(
        Preset(
            "segment",
            "A `Cart Updated`: its products as items.",
            "segment.md §13.3",
            PRESET,
        ),
        Preset(
            "segment-classic",
            "The same; what else a product holds goes into its item's dataFields.",
            "segment.md §13.7",
            {**PRESET, "items": WHOLE_PRODUCTS},
            keys={"nulls": "keep"},
        ),
    ),
    defaults=(
        Default("segment", "carts", 'type = "track" and event = "Cart Updated"', "segment"),
        Default(
            "segment-classic",
            "carts",
            'type = "track" and event in ["Product Added", "Product Removed"]'
            " and properties.products != null",
            "segment-classic",
        ),
    ),
)
