"""Why does Iterable hold what it holds of one person, and what became of each of their messages?

Everything comes out of the store. Looking a person up in the log scans it, so the messages shown
are bounded.
"""

from typing import Any

import msgspec

from daemon.domain.commands import Endpoint
from daemon.domain.messages import INTERNAL_TYPES, LogRow, Message, decode, shard_of
from daemon.domain.profiles import Certainty, Profile, decode_believed, decode_profile
from daemon.mapping.identity import identifiers as named_by
from daemon.mapping.mappings import Mappings
from daemon.mapping.project import project
from daemon.outbound.turn import FOLDED
from daemon.store import Connection, calls, cursors, identifiers, log, marks, turns, users, waiting

_MOST_MESSAGES = 200
_EVENTS = str(Endpoint.TRACK_BULK)
_FATES = ("delivered", "filtered", "expired", "dead", "parked", "passed_on")
_LATE = ("delivered", "filtered", "expired", "dead")
_NAMES = {"u": "userId", "e": "email", "a": "anonymousId"}
_CHUNK = 500


class PartStory(msgspec.Struct, frozen=True):
    """What Iterable is believed to hold of one part. `at` is in ms."""

    part: str
    certainty: str
    at: int
    reason: str


class MessageStory(msgspec.Struct, frozen=True):
    """One message. `fate` says what became of the event, `calls` which calls carried it."""

    position: int
    type: str
    name: str
    message_id: str
    received_at: int
    effective_at: int
    folded: bool
    fate: str
    calls: list[str]


class Explanation(msgspec.Struct, frozen=True):
    """All that is known of one user. `desired` is None without a published mapping."""

    user: str
    identifiers: list[str]
    traits: dict[str, Any]
    audiences: dict[str, Any]
    choices: dict[str, Any]
    desired: dict[str, Any] | None
    believed: list[PartStory]
    waits_since: int | None
    waiting: list[str]
    messages: list[MessageStory]


def explain(connection: Connection, name: str, mappings: Mappings | None) -> Explanation | None:
    """Explain a userId, e-mail, anonymousId, user key or messageId; None for nobody we know."""
    user = _user_of(connection, name)
    if user is None:
        return None
    key = (shard_of(user), user)
    row = users.load(connection, [key]).get(user)
    profile = decode_profile(row.profile) if row else Profile()
    believed = decode_believed(row.believed) if row else None
    mark = marks.of_users(connection, [key]).get(user)
    kinds = list(waiting.WaitingKind)
    return Explanation(
        user=user,
        identifiers=[f"{c.kind}:{c.value}" for c in identifiers.of_user(connection, user)],
        traits={name: value for name, (value, _) in profile.traits.items()},
        audiences={name: value for name, (value, _) in profile.audiences.items()},
        choices={name: value for name, (value, _) in profile.choices.items()},
        desired=_desired(user, profile, mappings),
        believed=[
            PartStory(part, Certainty(held.certainty).name.lower(), held.at, held.reason)
            for part, held in sorted((believed.parts if believed else {}).items())
        ],
        waits_since=mark.since if mark else None,
        waiting=[
            f"{row.kind} at position {row.position}{': ' if row.reason else ''}{row.reason}"
            for row in waiting.of_users(connection, [key], kinds)
        ],
        messages=_messages(connection, user),
    )


def _desired(user: str, profile: Profile, mappings: Mappings | None) -> dict[str, Any] | None:
    if mappings is None:
        return None
    found: dict[str, Any] = msgspec.to_builtins(project(user, profile, mappings), str_keys=True)
    return found


def _user_of(connection: Connection, name: str) -> str | None:
    """The user a name means: an identifier of any kind, else the user of a message so called."""
    bare = name[2:] if name[:2] in {"u:", "e:", "a:"} else name
    keys = [("u", bare), ("e", bare.strip().lower()), ("a", bare)]
    if bare != name:
        keys = [key for key in keys if key[0] == name[0]]
    owners = identifiers.owners(connection, keys)
    for key in keys:
        if key in owners:
            return owners[key].user
    for row in log.mentioning(connection, [_said("messageId", name)], _MOST_MESSAGES):
        message = _decoded(row)
        if message is not None and message.message_id == name:
            strongest = message.user_key
            owner = identifiers.owners(connection, [(strongest[0], strongest[2:])])
            return next((found.user for found in owner.values()), strongest)
    return None


def _messages(connection: Connection, user: str) -> list[MessageStory]:
    theirs = {f"{each.kind}:{each.value}" for each in identifiers.of_user(connection, user)}
    theirs.add(user)
    needles = [_said(_NAMES[each[0]], each[2:]) for each in sorted(theirs)]
    folded = cursors.load(connection, [shard_of(user)]).get((shard_of(user), FOLDED), 0)
    kinds = list(waiting.WaitingKind)
    rows = waiting.of_users(connection, [(shard_of(user), user)], kinds)
    waits = {row.position: row for row in rows}
    stories = []
    for row in log.mentioning(connection, needles, _MOST_MESSAGES):
        message = _decoded(row)
        if message is None or message.type in INTERNAL_TYPES:
            continue
        if theirs.isdisjoint(named_by(message)):
            continue
        stories.append(_story(connection, row, message, folded, waits.get(row.position)))
    return stories


def _story(
    connection: Connection,
    row: LogRow,
    message: Message,
    folded: int,
    waits: waiting.WaitingRow | None,
) -> MessageStory:
    carried = calls.of_message(connection, row.position, message.message_id)
    return MessageStory(
        position=row.position,
        type=message.type,
        name=message.event or message.name or "",
        message_id=message.message_id,
        received_at=message.received_at,
        effective_at=message.effective_at,
        folded=row.position <= folded,
        fate=_fate(connection, row, waits),
        calls=[_call_words(call, row.position) for call in carried],
    )


def _fate(connection: Connection, row: LogRow, waits: waiting.WaitingRow | None) -> str:
    if waits is not None:
        return f"{waits.kind}: {waits.reason}" if waits.reason else str(waits.kind)
    turn = turns.covering(connection, _EVENTS, row.shard, row.position)
    if turn is None:
        return "not yet emitted"
    for fate in _FATES:
        if row.position in getattr(turn.body, fate):
            if fate == "parked":
                return _after_waiting(connection, row.position)
            return "handed over" if fate == "passed_on" else fate
    return "no event"


def _after_waiting(connection: Connection, position: int) -> str:
    """How an event ended that waited. It may have before its cursor came by, so all turns count."""
    after = 0
    while rows := turns.scan(connection, after, _CHUNK):
        for turn in rows:
            if turn.stage != FOLDED:
                continue
            for fate in _LATE:
                if position in getattr(turn.body, fate):
                    return f"{fate}, after it waited"
            if any(origin == position for origin, _ in turn.body.handed):
                return "handed over"
        after = rows[-1].id
    return "parked"


def _call_words(call: calls.CallRow, position: int) -> str:
    where = f"call {call.id} to {call.key.endpoint}"
    if call.closed_at is None:
        return f"{where}, not answered yet"
    failed = {row.index: row for row in call.failed}
    for index, carried in enumerate(call.rows.positions):
        if carried == position and index in failed:
            row = failed[index]
            why = f": {row.reason}" if row.reason else ""
            return f"{where}, answered {call.status}, {row.verdict}{why}"
    return f"{where}, answered {call.status}"


def _decoded(row: LogRow) -> Message | None:
    try:
        return decode(row.body)
    except (msgspec.DecodeError, msgspec.ValidationError):
        return None


def _said(name: str, value: str) -> bytes:
    """How a message's body says that `name` is `value`."""
    return msgspec.json.encode({name: value})[1:-1]
