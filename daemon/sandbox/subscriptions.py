"""Channels, message types, and opting in and out of one id at a time (iterable.md §10)."""

from typing import Any

from msgspec.structs import replace

from daemon.sandbox.answers import (
    TEXT,
    Answer,
    Call,
    Refusal,
    encode,
    envelope,
    json,
    refuse,
    refuse_second,
)
from daemon.sandbox.decoding import decode, whole
from daemon.sandbox.identity import Failure, find
from daemon.sandbox.ledger import CODE
from daemon.sandbox.lists import note_subscription, with_list
from daemon.sandbox.people import Choices
from daemon.sandbox.project import Project
from daemon.sandbox.requests import DoubleOptIn, SubscriptionUsers
from daemon.sandbox.settings import GIVEN_AT_START
from daemon.sandbox.writes import put_choices, write_user

GROUPS = {"emaillist": "lists", "messagetype": "types", "messagechannel": "channels"}


def get_channels(project: Project, call: Call) -> Answer:  # noqa: ARG001 -- every handler takes both
    """GET channels."""
    rows = [
        {"id": c.id, "name": c.name, "channelType": c.type, "messageMedium": c.medium}
        for c in project.channels.values()
    ]
    return json({"channels": rows})


def get_message_types(project: Project, call: Call) -> Answer:  # noqa: ARG001 -- as above
    """GET messageTypes."""
    rows = [
        {
            "id": m.id,
            "name": m.name,
            "channelId": m.channel_id,
            "createdAt": GIVEN_AT_START,
            "updatedAt": GIVEN_AT_START,
            "subscriptionPolicy": m.policy,
        }
        for m in project.message_types.values()
    ]
    return json({"messageTypes": rows})


def toggled(ids: tuple[int, ...], one: int, *, present: bool) -> tuple[int, ...]:
    """The ids with one more, or one less, in order."""
    if present == (one in ids):
        return ids
    return (*ids, one) if present else tuple(i for i in ids if i != one)


def chosen(project: Project, choices: Choices | None, group: str, one: int, *, on: bool) -> Choices:
    """Subscription arrays after opting in to, or out of, one list, channel or message type."""
    old = Choices() if choices is None else choices
    if group == "lists":
        return with_list(old, one, on=on)
    if group == "channels":
        return replace(old, off_channels=toggled(old.off_channels, one, present=not on))
    if project.message_types[one].policy == "OptIn":
        off = toggled(old.off_types, one, present=False)
        return replace(old, on_types=toggled(old.on_types, one, present=on), off_types=off)
    return replace(old, off_types=toggled(old.off_types, one, present=not on))


def _group(project: Project, call: Call) -> tuple[str, int]:
    if not project.settings.subscriptions_feature:
        raise refuse("Endpoint not found", "NotFound", status=404)
    group, number = GROUPS.get(call.args["group"].lower()), whole(call.args["id"])
    if group is None or number is None:
        raise refuse(f"Invalid subscription group: {call.args['group']}/{call.args['id']}")
    known: dict[str, Any] = {
        "lists": project.lists,
        "channels": project.channels,
        "types": project.message_types,
    }
    if number not in known[group]:
        raise refuse(f"Invalid {call.args['group']} id: {number}")
    return group, number


def choose(
    project: Project,
    email: str | None,
    user_id: str | None,
    group: str,
    one: int,
    *,
    on: bool,
    now: int,
    source: str | None = None,
) -> None:
    """Opt one user in or out, creating an unknown one; raises Failure."""
    user, email, user_id = find(project, email, user_id)
    at = now + project.lag_single.draw()
    if user is None:
        user = write_user(project, None, email, user_id, None, visible_at=at, now=now)
    if user is None:
        return
    choices = chosen(project, user.true.choices, group, one, on=on)
    if choices != user.true.choices:
        put_choices(project, user, choices, visible_at=at, now=now)
        note_subscription(project, user, now, {group: (one,)}, on=on, source=source)


def put_group(project: Project, call: Call) -> Answer:
    """PUT subscriptions/{group}/{id}?action=: many users; 202, and no row's fate is told."""
    group, one = _group(project, call)
    action = call.query.get("action", "")
    if action not in ("subscribe", "unsubscribe"):
        raise refuse(f"Invalid action: {action}")
    request = decode(call.body, SubscriptionUsers, call.path)
    everyone = [("email", e) for e in request.users] + [
        ("userId", u) for u in request.usersByUserId
    ]
    for kind, value in everyone:
        body = _payload(call, action, **{kind: value})
        email, user_id = (value, None) if kind == "email" else (None, value)
        try:
            on = action == "subscribe"
            choose(project, email, user_id, group, one, on=on, now=call.now)
        except Failure as failure:
            code = CODE[failure.kind]
            project.ledger.one(call.now, call.path, "subscription", body, code=code)
        else:
            project.ledger.one(call.now, call.path, "subscription", body)
    return envelope(status=202)


def _payload(call: Call, action: str, **who: str) -> bytes:
    group = {"group": call.args["group"], "id": int(call.args["id"]), "action": action}
    return encode({**who, **group})


def subscribe_one(project: Project, call: Call) -> Answer:
    """PATCH subscriptions/{group}/{id}/user/{email} or /byUserId/{userId}."""
    return _one(project, call, "subscribe")


def unsubscribe_one(project: Project, call: Call) -> Answer:
    """DELETE subscriptions/{group}/{id}/user/{email} or /byUserId/{userId}."""
    return _one(project, call, "unsubscribe")


def _one(project: Project, call: Call, action: str) -> Answer:
    group, one = _group(project, call)
    email, user_id = call.args.get("email"), call.args.get("userId")
    choose(project, email, user_id, group, one, on=action == "subscribe", now=call.now)
    who = {"email": email} if email is not None else {"userId": user_id or ""}
    project.ledger.one(call.now, call.path, "subscription", _payload(call, action, **who))
    return envelope(status=202)


def subscribe_to_double_opt_in(project: Project, call: Call) -> Answer:
    """POST subscriptions/subscribeToDoubleOptIn: asks the person, who has yet to answer."""
    if not project.settings.subscriptions_feature:
        raise refuse("Endpoint not found", "NotFound", status=404)
    try:
        row = decode(call.body, DoubleOptIn, call.path)
    except Refusal as wrong:
        code = "error.request.invalidJson"
        raise refuse_second("BadRequest", "Invalid JSON body", code, 400) from wrong
    user, _, _ = find(project, row.email, row.userId)
    if user is None:
        who = f"User not found for userId: {row.userId or ''} or email: {row.email or ''}"
        return Answer(who.encode(), 400, TEXT)
    project.ledger.one(call.now, call.path, "subscription", call.body)
    return Answer(b"Request for double opt-in subscription accepted", 202, TEXT)
