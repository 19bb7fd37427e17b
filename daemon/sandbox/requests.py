"""The bodies Iterable takes, typed, and the 400 a body of the wrong shape gets (iterable.md §2.4).

A wrong type anywhere refuses the whole call and names every item's first fault by its place,
counted from 0.
"""

import re
from typing import Any, TypeVar

import msgspec
from msgspec import Raw, Struct

from daemon.sandbox.answers import Refusal, refuse

Body = TypeVar("Body")


class Who(Struct, gc=False):
    """Whom a call is about."""

    email: str | None = None
    userId: str | None = None  # noqa: N815 -- Iterable's own name


class UserRow(Struct, gc=False):
    """A user in users/update, users/bulkUpdate and lists/subscribe."""

    email: str | None = None
    userId: str | None = None  # noqa: N815
    dataFields: dict[str, Any] | None = None  # noqa: N815
    preferUserId: bool | None = None  # noqa: N815
    mergeNestedObjects: bool | None = None  # noqa: N815
    createNewFields: bool | None = None  # noqa: N815


class BulkUpdate(Struct):
    """users/bulkUpdate."""

    users: list[UserRow]
    createNewFields: bool | None = None  # noqa: N815
    updateOnly: bool | None = None  # noqa: N815


class Track(Struct, gc=False):
    """An event in events/track and events/trackBulk."""

    eventName: str  # noqa: N815
    email: str | None = None
    userId: str | None = None  # noqa: N815
    id: str | None = None
    createdAt: int | float | None = None  # noqa: N815
    dataFields: Raw = Raw(b"{}")  # noqa: N815
    campaignId: int | None = None  # noqa: N815
    templateId: int | None = None  # noqa: N815
    createNewFields: bool | None = None  # noqa: N815


class TrackBulk(Struct):
    """events/trackBulk."""

    events: list[Track]


class Subscribe(Struct):
    """lists/subscribe and lists/unsubscribe."""

    listId: int  # noqa: N815
    subscribers: list[UserRow]
    updateExistingUsersOnly: bool = False  # noqa: N815
    channelUnsubscribe: bool = False  # noqa: N815
    campaignId: int | None = None  # noqa: N815


class UpdateEmail(Struct):
    """users/updateEmail."""

    newEmail: str  # noqa: N815
    currentEmail: str | None = None  # noqa: N815
    currentUserId: str | None = None  # noqa: N815


class ArrayMerge(Struct):
    """One array that users/merge unites."""

    field: str
    dedupeBy: str | None = None  # noqa: N815


class Merge(Struct):
    """users/merge."""

    sourceEmail: str | None = None  # noqa: N815
    sourceUserId: str | None = None  # noqa: N815
    destinationEmail: str | None = None  # noqa: N815
    destinationUserId: str | None = None  # noqa: N815
    arrayMerge: list[ArrayMerge] = []  # noqa: N815


class Subscriptions(Struct):
    """users/updateSubscriptions, and a row of users/bulkUpdateSubscriptions."""

    email: str | None = None
    userId: str | None = None  # noqa: N815
    emailListIds: list[int] | None = None  # noqa: N815
    unsubscribedChannelIds: list[int] | None = None  # noqa: N815
    unsubscribedMessageTypeIds: list[int] | None = None  # noqa: N815
    subscribedMessageTypeIds: list[int] | None = None  # noqa: N815
    campaignId: int | None = None  # noqa: N815
    templateId: int | None = None  # noqa: N815
    validateChannelAlignment: bool | None = None  # noqa: N815


class BulkSubscriptions(Struct):
    """users/bulkUpdateSubscriptions."""

    updateSubscriptionsRequests: list[Subscriptions]  # noqa: N815


class SubscriptionUsers(Struct):
    """PUT subscriptions/{group}/{id}."""

    users: list[str] = []
    usersByUserId: list[str] = []  # noqa: N815


class CreateList(Struct):
    """POST lists."""

    name: str
    description: str | None = None


class Device(Struct):
    """A device in users/registerDeviceToken."""

    token: str
    platform: str
    applicationName: str  # noqa: N815
    dataFields: dict[str, Any] | None = None  # noqa: N815


class RegisterDevice(Struct):
    """users/registerDeviceToken."""

    device: Device
    email: str | None = None
    userId: str | None = None  # noqa: N815
    preferUserId: bool | None = None  # noqa: N815


class RegisterBrowser(Struct):
    """users/registerBrowserToken."""

    browserToken: str  # noqa: N815
    email: str | None = None
    userId: str | None = None  # noqa: N815


class DisableDevice(Struct):
    """users/disableDevice."""

    token: str
    email: str | None = None
    userId: str | None = None  # noqa: N815


class Item(Struct):
    """An item bought or in the cart."""

    id: str
    name: str
    price: float
    quantity: int
    sku: str | None = None
    description: str | None = None
    categories: list[str] | None = None
    imageUrl: str | None = None  # noqa: N815
    url: str | None = None
    dataFields: dict[str, Any] | None = None  # noqa: N815


class Purchase(Struct):
    """commerce/trackPurchase."""

    user: UserRow
    items: list[Item]
    total: float
    id: str | None = None
    createdAt: int | float | None = None  # noqa: N815
    dataFields: dict[str, Any] | None = None  # noqa: N815
    campaignId: int | None = None  # noqa: N815
    templateId: int | None = None  # noqa: N815


class Cart(Struct):
    """commerce/updateCart."""

    user: UserRow
    items: list[Item]


class Target(Struct):
    """email|push|sms|inApp/target."""

    campaignId: int  # noqa: N815
    recipientEmail: str | None = None  # noqa: N815
    recipientUserId: str | None = None  # noqa: N815
    sendAt: str | None = None  # noqa: N815
    dataFields: dict[str, Any] | None = None  # noqa: N815
    allowRepeatMarketingSends: bool | None = None  # noqa: N815


class Cancel(Struct):
    """email|push|sms|inApp/cancel."""

    scheduledMessageId: int | None = None  # noqa: N815
    campaignId: int | None = None  # noqa: N815
    email: str | None = None
    userId: str | None = None  # noqa: N815


class TriggerWorkflow(Struct):
    """workflows/triggerWorkflow."""

    workflowId: int  # noqa: N815
    email: str | None = None
    userId: str | None = None  # noqa: N815
    listId: int | None = None  # noqa: N815
    dataFields: dict[str, Any] | None = None  # noqa: N815


class PushOpen(Struct):
    """events/trackPushOpen."""

    campaignId: int  # noqa: N815
    messageId: str  # noqa: N815
    email: str | None = None
    userId: str | None = None  # noqa: N815


class StartExport(Struct):
    """export/start."""

    dataTypeName: str  # noqa: N815
    outputFormat: str  # noqa: N815
    startDateTime: str | None = None  # noqa: N815
    endDateTime: str | None = None  # noqa: N815
    campaignId: int | None = None  # noqa: N815
    omitFields: str | None = None  # noqa: N815
    onlyFields: str | None = None  # noqa: N815
    delimiter: str | None = None


DECODERS: dict[type, msgspec.json.Decoder[Any]] = {}
PLACE = re.compile(r" - at `\$(.*)`$")
EXPECTED = re.compile(r"Expected `([a-z]+)")
WANTED = {
    "str": "String value expected",
    "int": "Number value expected",
    "float": "Number value expected",
    "bool": "Boolean value expected",
    "object": "Object value expected",
    "array": "Array value expected",
}
MISSING = re.compile(r"missing required field `(\w+)`")


def decode(body: bytes, shape: type[Body], path: str) -> Body:
    """The body as `shape`; raises the BadJsonBody refusal when it has another one."""
    decoder = DECODERS.get(shape)
    if decoder is None:
        decoder = DECODERS[shape] = msgspec.json.Decoder(shape)
    try:
        decoded: Body = decoder.decode(body)
    except msgspec.ValidationError as error:
        raise bad_json(path, problems(body, shape, error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise bad_json(path, {"obj": "Invalid JSON"}) from error
    return decoded


def bad_json(path: str, params: dict[str, str]) -> Refusal:
    """The refusal of a body that is no JSON or of the wrong shape."""
    return refuse(f"[{path}] Invalid JSON body", "BadJsonBody", params)


def problems(body: bytes, shape: type[Any], error: msgspec.ValidationError) -> dict[str, str]:
    """Every item's first fault, by its place; outside of items the body's first one."""
    found: dict[str, str] = {}
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {"obj": "Invalid JSON"}
    for field in msgspec.structs.fields(shape):
        rows = document.get(field.name) if isinstance(document, dict) else None
        if not isinstance(rows, list):
            continue
        for number, row in enumerate(rows):
            part = {field.name: [row]}
            try:
                msgspec.convert(part, msgspec.defstruct("Part", [(field.name, field.type)]))
            except msgspec.ValidationError as wrong:
                place, what = place_of(wrong)
                found[place.replace("[0]", f"[{number}]", 1)] = what
    if not found:
        place, what = place_of(error)
        found[place] = what
    return found


def place_of(error: msgspec.ValidationError) -> tuple[str, str]:
    """A decoding error as Iterable's place and words."""
    text = str(error)
    where = PLACE.search(text)
    place = "obj" + (where[1] if where else "")
    missing = MISSING.search(text)
    if missing:
        return f"{place}.{missing[1]}", "error.path.missing"
    kind = EXPECTED.search(text)
    return place, WANTED.get(kind[1] if kind else "", "Invalid value")
