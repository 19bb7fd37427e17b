"""Differences as rows for Iterable's endpoints (iterable.md §5, §7, §9, §10)."""

from typing import Any

import msgspec

from daemon.domain.commands import CallKey, Command, Endpoint
from daemon.domain.identity import IterableIdentity, ProjectType
from daemon.domain.profiles import Choice, Observed, Wish
from daemon.mapping.diff import (
    IDENTITY,
    MEMBER,
    NO_MEMBER,
    UNSUBSCRIBED,
    choice_hash,
    identity_hash,
)

_encode = msgspec.json.Encoder().encode


def creating_row(
    user: str,
    identity: IterableIdentity,
    project: ProjectType,
    fields: dict[str, Any],
    hashes: dict[str, int],
) -> tuple[CallKey, Command]:
    """The first row of a user: all identifiers, with the fields."""
    if project is ProjectType.USER_ID:
        email = {"email": identity.email} if identity.email else {}
        row: dict[str, Any] = {"userId": identity.user_id, "dataFields": {**fields, **email}}
    else:
        row = {"dataFields": fields}
        if identity.email:
            row["email"] = identity.email
        if identity.user_id:
            row["userId"] = identity.user_id
    return _bulk_update(user, identity, row, {**hashes, IDENTITY: identity_hash(identity)})


def field_row(
    user: str,
    identity: IterableIdentity,
    project: ProjectType,
    fields: dict[str, Any],
    hashes: dict[str, int],
) -> tuple[CallKey, Command]:
    """Changed fields of a user Iterable knows."""
    row = {**(identity.key(project) or {}), "dataFields": fields}
    return _bulk_update(user, identity, row, hashes)


def identity_row(
    user: str, current: IterableIdentity, wanted: IterableIdentity, project: ProjectType
) -> tuple[CallKey, Command]:
    """A change of identity, alone (iterable.md §5; an address without a userId: §17.0)."""
    parts = {IDENTITY: identity_hash(wanted)}
    if project is ProjectType.EMAIL and wanted.email != current.email:
        row: dict[str, Any] = {"currentEmail": current.email, "newEmail": wanted.email}
        return CallKey(Endpoint.UPDATE_EMAIL), _command(user, current, row, parts)
    if project is ProjectType.EMAIL:
        row = {"email": current.email, "dataFields": {"userId": wanted.user_id}}
    elif wanted.user_id is None:
        row = {"email": current.email, "dataFields": {"email": wanted.email}}
    elif current.user_id is None:
        row = {"email": current.email, "userId": wanted.user_id, "dataFields": {}}
    elif wanted.user_id != current.user_id:
        row = {"userId": current.user_id, "dataFields": {"userId": wanted.user_id}}
    else:
        row = {"userId": current.user_id, "dataFields": {"email": wanted.email}}
    return _bulk_update(user, current, row, parts)


def list_row(
    user: str, identity: IterableIdentity, project: ProjectType, list_id: int, *, member: bool
) -> tuple[CallKey, Command]:
    """A membership to begin or to end."""
    endpoint = Endpoint.LIST_SUBSCRIBE if member else Endpoint.LIST_UNSUBSCRIBE
    parts = {f"list:{list_id}": MEMBER if member else NO_MEMBER}
    row = dict(identity.key(project) or {})
    return CallKey(endpoint, target=list_id), _command(user, identity, row, parts)


def subscription_row(
    user: str, identity: IterableIdentity, project: ProjectType, wish: Wish
) -> tuple[CallKey, Command]:
    """A choice about a channel, message type or list."""
    action = "unsubscribe" if wish.choice is Choice.OUT else "subscribe"
    key = CallKey(
        Endpoint.SUBSCRIPTIONS, target=wish.target.id, group=wish.target.group, action=action
    )
    row = dict(identity.key(project) or {})
    return key, _command(user, identity, row, {wish.target.part: choice_hash(wish.choice)})


def event_row(
    user: str, identity: IterableIdentity, project: ProjectType, position: int, row: dict[str, Any]
) -> tuple[CallKey, Command]:
    """An event, addressed to its user."""
    addressed = {**(identity.key(project) or {}), **row}
    command = Command(
        user=user,
        position=position,
        email=addressed.get("email"),
        user_id=addressed.get("userId"),
        row=addressed,
        size=len(_encode(addressed)),
    )
    return CallKey(Endpoint.TRACK_BULK), command


def _bulk_update(
    user: str, identity: IterableIdentity, row: dict[str, Any], parts: dict[str, int]
) -> tuple[CallKey, Command]:
    return CallKey(Endpoint.BULK_UPDATE), _command(user, identity, row, parts)


def _command(
    user: str, identity: IterableIdentity, row: dict[str, Any], parts: dict[str, int]
) -> Command:
    return Command(
        user=user,
        position=0,
        email=identity.email,
        user_id=identity.user_id,
        row=row,
        size=len(_encode(row)),
        parts=parts,
    )


def subscriptions_row(
    identity: IterableIdentity,
    project: ProjectType,
    parts: dict[str, int],
    observed: Observed,
    opt_in_types: frozenset[int],
) -> dict[str, Any]:
    """The row for users/updateSubscriptions, which replaces whole arrays (iterable.md §7).

    Only arrays a choice is about are sent: what was read, plus what Desired opts out of, less what
    a recorded opt-in takes away; of opt-in message types, the other way round.
    """
    row: dict[str, Any] = dict(identity.key(project) or {})
    for part, digest in parts.items():
        kind, _, name = part.partition(":")
        opt_in = kind == "messageType" and int(name) in opt_in_types
        array, stored = _ARRAYS["opt-in" if opt_in else kind]
        listed = row.setdefault(array, set(getattr(observed, stored)))
        if (digest == UNSUBSCRIBED) is opt_in:
            listed.discard(int(name))
        else:
            listed.add(int(name))
    return {name: sorted(held) if isinstance(held, set) else held for name, held in row.items()}


_ARRAYS = {
    "channel": ("unsubscribedChannelIds", "unsubscribed_channels"),
    "messageType": ("unsubscribedMessageTypeIds", "unsubscribed_message_types"),
    "opt-in": ("subscribedMessageTypeIds", "subscribed_message_types"),
}
