"""Exact rows for each endpoint and project type (iterable.md §5, §7, §9, §10)."""

from typing import Any

import msgspec
import pytest

from daemon.domain.commands import CallKey, Endpoint, SubscriptionTarget
from daemon.domain.identity import IterableIdentity, ProjectType
from daemon.domain.profiles import Choice, Observed, Wish
from daemon.mapping.diff import (
    IDENTITY,
    MEMBER,
    NO_MEMBER,
    SUBSCRIBED,
    UNSUBSCRIBED,
    identity_hash,
)
from daemon.mapping.rows import (
    creating_row,
    event_row,
    field_row,
    identity_row,
    list_row,
    subscription_row,
    subscriptions_row,
)

EMAIL, USER_ID, HYBRID = ProjectType.EMAIL, ProjectType.USER_ID, ProjectType.HYBRID
A, B = "a@example.com", "b@example.com"
BOTH = IterableIdentity(A, "u1")
BY_EMAIL = IterableIdentity(A, None)
BY_USER_ID = IterableIdentity(None, "u1")
FIELDS = {"plan": "pro", "old": None}
HASHES = {"field:plan": 1, "field:old": 0}

CREATING: list[tuple[ProjectType, IterableIdentity, dict[str, Any]]] = [
    (EMAIL, BOTH, {"email": A, "userId": "u1", "dataFields": FIELDS}),
    (EMAIL, BY_EMAIL, {"email": A, "dataFields": FIELDS}),
    (HYBRID, BOTH, {"email": A, "userId": "u1", "dataFields": FIELDS}),
    (HYBRID, BY_EMAIL, {"email": A, "dataFields": FIELDS}),
    (HYBRID, BY_USER_ID, {"userId": "u1", "dataFields": FIELDS}),
    (USER_ID, BOTH, {"userId": "u1", "dataFields": {**FIELDS, "email": A}}),
    (USER_ID, BY_USER_ID, {"userId": "u1", "dataFields": FIELDS}),
]


@pytest.mark.parametrize(("kind", "identity", "row"), CREATING)
def test_the_first_row_of_a_user_carries_all_identifiers(
    kind: ProjectType, identity: IterableIdentity, row: dict[str, Any]
) -> None:
    key, command = creating_row("u:u1", identity, kind, FIELDS, HASHES)
    assert key == CallKey(Endpoint.BULK_UPDATE)
    assert command.row == row
    assert command.parts == {**HASHES, IDENTITY: identity_hash(identity)}
    assert (command.user, command.position) == ("u:u1", 0)
    assert (command.email, command.user_id) == (identity.email, identity.user_id)
    assert command.size == len(msgspec.json.encode(row))
    assert FIELDS == {"plan": "pro", "old": None}


@pytest.mark.parametrize(
    ("kind", "identity", "address"),
    [
        (EMAIL, BOTH, {"email": A}),
        (EMAIL, BY_EMAIL, {"email": A}),
        (HYBRID, BOTH, {"userId": "u1"}),
        (HYBRID, BY_EMAIL, {"email": A}),
        (HYBRID, BY_USER_ID, {"userId": "u1"}),
        (USER_ID, BOTH, {"userId": "u1"}),
    ],
)
def test_every_other_row_names_the_user_by_the_key_alone(
    kind: ProjectType, identity: IterableIdentity, address: dict[str, str]
) -> None:
    key, command = field_row("u:u1", identity, kind, FIELDS, HASHES)
    assert key == CallKey(Endpoint.BULK_UPDATE)
    assert command.row == {**address, "dataFields": FIELDS}
    assert command.parts == HASHES
    assert (command.email, command.user_id) == (identity.email, identity.user_id)

    key, command = list_row("u:u1", identity, kind, 4711, member=True)
    assert key == CallKey(Endpoint.LIST_SUBSCRIBE, target=4711)
    assert (command.row, command.parts) == (address, {"list:4711": MEMBER})

    key, command = list_row("u:u1", identity, kind, 4711, member=False)
    assert key == CallKey(Endpoint.LIST_UNSUBSCRIBE, target=4711)
    assert (command.row, command.parts) == (address, {"list:4711": NO_MEMBER})

    key, command = event_row("u:u1", identity, kind, 17, {"id": "m1", "eventName": "A"})
    assert key == CallKey(Endpoint.TRACK_BULK)
    assert command.row == {**address, "id": "m1", "eventName": "A"}
    assert (command.position, command.parts) == (17, {})
    assert (command.email, command.user_id) == (address.get("email"), address.get("userId"))
    assert command.size == len(msgspec.json.encode(command.row))


@pytest.mark.parametrize(
    ("choice", "action", "digest"),
    [(Choice.OUT, "unsubscribe", UNSUBSCRIBED), (Choice.IN, "subscribe", SUBSCRIBED)],
)
@pytest.mark.parametrize(
    ("target", "part"),
    [
        (SubscriptionTarget("messageChannel", 11), "channel:11"),
        (SubscriptionTarget("messageType", 21), "messageType:21"),
        (SubscriptionTarget("emailList", 4711), "list:4711"),
    ],
)
def test_choices_about_one_target_and_one_way_share_a_call(
    target: SubscriptionTarget, part: str, choice: Choice, action: str, digest: int
) -> None:
    key, command = subscription_row("u:u1", BOTH, HYBRID, Wish(target, choice, 5))
    assert key == CallKey(Endpoint.SUBSCRIPTIONS, target.id, target.group, action)
    assert (command.row, command.parts) == ({"userId": "u1"}, {part: digest})
    _, command = subscription_row("u:u1", BOTH, EMAIL, Wish(target, choice, 5))
    assert command.row == {"email": A}


IDENTITIES: list[tuple[ProjectType, Any, Any, Endpoint, dict[str, Any]]] = [
    # e-mail-based: a new e-mail has a call of its own, a userId is a field
    (EMAIL, (A, None), (B, None), Endpoint.UPDATE_EMAIL, {"currentEmail": A, "newEmail": B}),
    (EMAIL, (A, "u1"), (B, "u1"), Endpoint.UPDATE_EMAIL, {"currentEmail": A, "newEmail": B}),
    (
        EMAIL,
        (A, None),
        (A, "u1"),
        Endpoint.BULK_UPDATE,
        {"email": A, "dataFields": {"userId": "u1"}},
    ),
    (
        EMAIL,
        (A, "u0"),
        (A, "u1"),
        Endpoint.BULK_UPDATE,
        {"email": A, "dataFields": {"userId": "u1"}},
    ),
    (
        HYBRID,
        (A, None),
        (A, "u1"),
        Endpoint.BULK_UPDATE,
        {"email": A, "userId": "u1", "dataFields": {}},
    ),
    (
        HYBRID,
        (A, "u1"),
        (B, "u1"),
        Endpoint.BULK_UPDATE,
        {"userId": "u1", "dataFields": {"email": B}},
    ),
    (
        HYBRID,
        (A, None),
        (B, None),
        Endpoint.BULK_UPDATE,
        {"email": A, "dataFields": {"email": B}},
    ),
    (
        HYBRID,
        (None, "u1"),
        (B, "u1"),
        Endpoint.BULK_UPDATE,
        {"userId": "u1", "dataFields": {"email": B}},
    ),
    (
        HYBRID,
        (A, "u0"),
        (A, "u1"),
        Endpoint.BULK_UPDATE,
        {"userId": "u0", "dataFields": {"userId": "u1"}},
    ),
    (
        USER_ID,
        (A, "u1"),
        (B, "u1"),
        Endpoint.BULK_UPDATE,
        {"userId": "u1", "dataFields": {"email": B}},
    ),
    (
        USER_ID,
        (A, "u0"),
        (A, "u1"),
        Endpoint.BULK_UPDATE,
        {"userId": "u0", "dataFields": {"userId": "u1"}},
    ),
]


@pytest.mark.parametrize(("kind", "current", "wanted", "endpoint", "row"), IDENTITIES)
def test_a_change_of_identity_stands_alone_and_names_the_identity_confirmed(
    kind: ProjectType, current: Any, wanted: Any, endpoint: Endpoint, row: dict[str, Any]
) -> None:
    now, then = IterableIdentity(*current), IterableIdentity(*wanted)
    key, command = identity_row("u:u1", now, then, kind)
    assert key == CallKey(endpoint)
    assert command.row == row
    assert command.parts == {IDENTITY: identity_hash(then)}
    assert (command.email, command.user_id) == (now.email, now.user_id)


READ = Observed(
    as_of=1,
    exists=True,
    identity=BOTH,
    unsubscribed_channels=[13, 14],
    unsubscribed_message_types=[22],
    subscribed_message_types=[32, 33],
)
OPT_IN = frozenset({31, 32})
REPLACING: list[tuple[dict[str, int], dict[str, list[int]]]] = [
    ({"channel:11": UNSUBSCRIBED}, {"unsubscribedChannelIds": [11, 13, 14]}),
    ({"channel:13": UNSUBSCRIBED}, {"unsubscribedChannelIds": [13, 14]}),
    ({"channel:13": SUBSCRIBED}, {"unsubscribedChannelIds": [14]}),
    ({"channel:11": SUBSCRIBED}, {"unsubscribedChannelIds": [13, 14]}),
    ({"messageType:21": UNSUBSCRIBED}, {"unsubscribedMessageTypeIds": [21, 22]}),
    ({"messageType:22": SUBSCRIBED}, {"unsubscribedMessageTypeIds": []}),
    (
        {"channel:11": UNSUBSCRIBED, "channel:14": SUBSCRIBED, "messageType:21": UNSUBSCRIBED},
        {"unsubscribedChannelIds": [11, 13], "unsubscribedMessageTypeIds": [21, 22]},
    ),
    ({"messageType:31": SUBSCRIBED}, {"subscribedMessageTypeIds": [31, 32, 33]}),
    ({"messageType:32": UNSUBSCRIBED}, {"subscribedMessageTypeIds": [33]}),
    (
        {"messageType:31": UNSUBSCRIBED, "messageType:33": UNSUBSCRIBED},
        {"subscribedMessageTypeIds": [32, 33], "unsubscribedMessageTypeIds": [22, 33]},
    ),
    ({}, {}),
]


@pytest.mark.parametrize(("parts", "arrays"), REPLACING)
def test_an_array_is_replaced_by_what_was_read_and_the_choices(
    parts: dict[str, int], arrays: dict[str, list[int]]
) -> None:
    row = subscriptions_row(BOTH, HYBRID, parts, READ, OPT_IN)
    assert row == {"userId": "u1", **arrays}
    assert subscriptions_row(BOTH, EMAIL, parts, READ, OPT_IN) == {"email": A, **arrays}
    assert READ.unsubscribed_channels == [13, 14]
