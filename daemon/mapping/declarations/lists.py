"""What joining and leaving a list have in common (iterable.md §9, segment.md §13.5)."""

from typing import Any

from daemon.mapping.declarations.action import Given, Request, Route
from daemon.mapping.declarations.caller import identity_fields, mentioned, written
from daemon.mapping.declarations.field import Field, Type
from daemon.mapping.declarations.key import Key
from daemon.mapping.declarations.keys import constant
from daemon.mapping.declarations.shapes import Reference

SOURCE = "iterable.md §9"
SUBSCRIBE = Route("POST", "/api/lists/subscribe", SOURCE, "/api/lists/subscribe", "subscribers")
UNSUBSCRIBE = Route(
    "POST", "/api/lists/unsubscribe", SOURCE, "/api/lists/unsubscribe", "subscribers"
)

LIST = Key(
    name="list",
    shape=Reference("emailList"),
    about="The list, by its name in Iterable or its id.",
    required=True,
    fills=constant("listId"),
)
IDENTITY = identity_fields()
LIST_ID = Field("listId", Type.WHOLE, "The list's id.", SOURCE, required=True)
CHANNEL_UNSUBSCRIBE = Field(
    "channelUnsubscribe",
    Type.FLAG,
    "Whether leaving the list also opts the user out of its whole channel.",
    SOURCE,
)
CAMPAIGN_ID = Field("campaignId", Type.WHOLE, "The campaign the leaving is credited to.", SOURCE)


def joining(given: Given) -> Request:
    """Onto the list. The userId counts first, as Segment's destination has it (§13.5)."""
    values = given.values
    subscriber: dict[str, Any] = written(given)
    if given.project is None or "preferUserId" in values:
        subscriber["preferUserId"] = values.get("preferUserId", True)
    if "dataFields" in values:
        subscriber["dataFields"] = values["dataFields"]
    body = {"listId": values["listId"], "subscribers": [subscriber]}
    if "updateExistingUsersOnly" in values:
        body["updateExistingUsersOnly"] = values["updateExistingUsersOnly"]
    return Request("POST", SUBSCRIBE.path, body)


def leaving(given: Given) -> Request:
    """Off the list. Whether the channel is left too is always said: sources differ on what is
    assumed otherwise (iterable.md §20.9).
    """
    values = given.values
    body: dict[str, Any] = {
        "listId": values["listId"],
        "subscribers": [mentioned(given)],
        "channelUnsubscribe": values.get("channelUnsubscribe", False),
    }
    if "campaignId" in values:
        body["campaignId"] = values["campaignId"]
    return Request("POST", UNSUBSCRIBE.path, body)
