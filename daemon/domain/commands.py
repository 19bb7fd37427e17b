"""Commands: one row for one endpoint, and what became of it.

A part names a piece of a user's state: `field:plan`, `list:4711`, `channel:12`, `messageType:7`,
`identity`, `user` (existence). Parts are how Desired, Believed, Observed, calls and drift agree on
what is meant.
"""

from enum import StrEnum
from typing import Any, Literal, TypeAlias

import msgspec

Group: TypeAlias = Literal["emailList", "messageChannel", "messageType"]


class Endpoint(StrEnum):
    """Iterable's endpoints, by the last words of their path. Values are keys of settings."""

    BULK_UPDATE = "users/bulkUpdate"
    TRACK_BULK = "events/trackBulk"
    LIST_SUBSCRIBE = "lists/subscribe"
    LIST_UNSUBSCRIBE = "lists/unsubscribe"
    SUBSCRIPTIONS = "subscriptions"
    UPDATE_SUBSCRIPTIONS = "users/updateSubscriptions"
    UPDATE_EMAIL = "users/updateEmail"
    GET_USER = "users/get"
    GET_FIELDS = "users/getFields"
    LISTS = "lists"
    LIST_USERS = "lists/getUsers"
    CHANNELS = "channels"
    MESSAGE_TYPES = "messageTypes"
    EXPORT_START = "export/start"
    EXPORT_FILES = "export/files"
    FORGOTTEN = "users/forgotten"
    FORGOTTEN_USER_IDS = "users/forgottenUserIds"


class SubscriptionTarget(msgspec.Struct, frozen=True, array_like=True):
    """A channel, message type or list a choice is about; `id` is Iterable's."""

    group: Group
    id: int

    @property
    def part(self) -> str:
        return f"{_PART_OF_GROUP[self.group]}:{self.id}"


_PART_OF_GROUP: dict[Group, str] = {
    "emailList": "list",
    "messageChannel": "channel",
    "messageType": "messageType",
}


class Command(msgspec.Struct, frozen=True, gc=False):
    """One row: `row` is the JSON Iterable takes; outcomes are matched by `email` and `user_id`.

    `position` is the event's (0 for state). `parts` maps each part the row carries to the 8-byte
    hash of what it says (empty for events). `size` is the row's length in bytes as sent.
    """

    user: str
    position: int
    email: str | None
    user_id: str | None
    row: dict[str, Any]
    size: int
    parts: dict[str, int] = {}


class CallKey(msgspec.Struct, frozen=True, array_like=True):
    """Rows with the same key may share a call: the endpoint and what the whole call is about."""

    endpoint: Endpoint
    target: int = 0
    group: str = ""
    action: str = ""


class Call(msgspec.Struct, frozen=True):
    """One request to Iterable carrying `commands`."""

    key: CallKey
    commands: list[Command]


class Verdict(StrEnum):
    """What an answer says of one row."""

    ACCEPTED = "accepted"
    SKIPPED = "skipped"  # accepted by Iterable, and silently not stored (disallowed event name)
    INVALID = "invalid"  # the identifier is malformed
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"  # the identifiers belong to different users
    FORGOTTEN = "forgotten"
    BAD_DATA = "bad_data"  # the row's content is refused
    RETRY = "retry"  # valid, but Iterable failed internally
    UNCERTAIN = "uncertain"  # no answer: it may have been applied


class RowOutcome(msgspec.Struct, frozen=True, gc=False):
    """The outcome of the command at `index` of its call. `reason` is for people, without values.

    `fields` names the fields a type clash is about.
    """

    index: int
    verdict: Verdict
    reason: str = ""
    fields: tuple[str, ...] = ()


class CallOutcome(msgspec.Struct, frozen=True):
    """What became of a call that was answered, row by row.

    Rows not named in `failed` were accepted. `filtered_fields` were left out by Iterable (§7).
    `status` is the HTTP status.
    """

    status: int
    failed: list[RowOutcome] = []
    filtered_fields: tuple[str, ...] = ()
