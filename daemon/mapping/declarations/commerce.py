"""What carts and purchases share: the user who is written on the way, and the items.

Both calls update the user they are about (iterable.md §8), so `user.` fields are a profile's.
"""

from typing import Any

from daemon.mapping.declarations.action import Given
from daemon.mapping.declarations.caller import (
    EVENTS_EMAIL,
    identity_fields,
    identity_of,
    prefer_user_id,
    written,
)
from daemon.mapping.declarations.field import Field, Type
from daemon.mapping.declarations.objects import told
from daemon.mapping.declarations.reserved import refusal, writable

_SOURCE = "iterable.md §8"
_OWN = ("id", "sku", "name", "categories", "price", "quantity", "url", "imageUrl", "description")
_SEGMENTS = ("product_id", "category", "image_url")

ITEM = (
    Field("id", Type.TEXT, "The product's id.", _SOURCE, required=True),
    Field("sku", Type.TEXT, "The stock keeping unit.", _SOURCE),
    Field("name", Type.TEXT, "The product's name.", _SOURCE, required=True),
    Field("categories", Type.TEXTS, "What it belongs to.", _SOURCE),
    Field("price", Type.NUMBER, "Of one of them.", _SOURCE, required=True),
    Field("quantity", Type.WHOLE, "How many.", _SOURCE, required=True),
    Field("url", Type.TEXT, "The product's page.", _SOURCE),
    Field("imageUrl", Type.TEXT, "A picture of it.", _SOURCE),
    Field("description", Type.TEXT, "A few words about it.", _SOURCE),
    Field(
        "dataFields",
        Type.OBJECT,
        "More about it. Given as a whole product, what has a field of its own is left out.",
        _SOURCE,
    ),
)
_SHAPE: dict[str, Any] = {
    "id": {"@path": "product_id"},
    "sku": {"@path": "sku"},
    "categories": {"@path": "category"},
    "name": {"@path": "name"},
    "price": {"@path": "price"},
    "quantity": {"@path": "quantity"},
    "url": {"@path": "url"},
    "imageUrl": {"@path": "image_url"},
    "description": {"@path": "description"},
}
PRODUCTS: dict[str, Any] = {"@arrayPath": ["$.properties.products", _SHAPE]}
"""`properties.products` as items, as Segment's destination takes them (segment.md §13.3)."""
WHOLE_PRODUCTS: dict[str, Any] = {
    "@arrayPath": ["$.properties.products", {**_SHAPE, "dataFields": {"@path": "."}}]
}
"""The same, and what else a product holds, as the classic destination did (segment.md §13.7)."""

FIELDS = (
    *identity_fields("user."),
    Field(
        "user.dataFields",
        Type.OBJECT,
        "Fields of the user's profile that are written too.",
        _SOURCE,
    ),
    Field("user.dataFields.*", Type.ANY, "One of them.", _SOURCE),
    Field(
        "user.phoneNumber",
        Type.TEXT,
        "The user's phone number.",
        "segment.md §13.3",
        nullable=True,
    ),
    Field(
        "user.mergeNestedObjects",
        Type.FLAG,
        "Whether an object is merged into the stored one instead of replacing it.",
        "iterable.md §6.4",
        default=False,
    ),
    prefer_user_id("user."),
    Field(
        "items",
        Type.ITEMS,
        "The products. Names besides those below are an item's dataFields.",
        _SOURCE,
        required=True,
        of=ITEM,
    ),
)
PRESET: dict[str, Any] = {
    "user.email": EVENTS_EMAIL,
    "user.dataFields": {"@path": "$.context.traits"},
    "user.phoneNumber": {"@path": "$.context.traits.phone"},
    "items": PRODUCTS,
}


def refuses(name: str) -> str | None:
    """Why a data field can't be written: a purchase's own can, the profile's only if it is ours."""
    return refusal(name.removeprefix("user.")) if name.startswith("user.") else None


def user_of(given: Given) -> dict[str, Any]:
    """The user, as the calls take it."""
    values = given.values
    data = writable(values.get("user.dataFields", {}), identity_of(values, "user."))
    if "user.phoneNumber" in values:
        data["phoneNumber"] = values["user.phoneNumber"]
    row = {**written(given, "user."), "dataFields": told(data, given.options)}
    for name in ("mergeNestedObjects", "preferUserId"):
        if f"user.{name}" in values:
            row[name] = values[f"user.{name}"]
    return row


def items_of(given: Given) -> list[dict[str, Any]]:
    """The items, each with what is more than its own fields under dataFields.

    Without dataFields of its own an item has its description there too, as Segment's destination
    sends it: templates may read it there.
    """
    return [_item(item) for item in given.values["items"]]


def _item(item: dict[str, Any]) -> dict[str, Any]:
    row = {name: item[name] for name in _OWN if name in item}
    data = {name: value for name, value in item.items() if name not in (*_OWN, "dataFields")}
    if "dataFields" in item:
        own = (*_OWN, *_SEGMENTS)
        data |= {name: value for name, value in item["dataFields"].items() if name not in own}
    elif "description" in row:
        data["description"] = row["description"]
    return {**row, "dataFields": data}
