"""What is true at the end, asked of everybody who knows: the store, the sandbox, the audit."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from daemon.domain.messages import SHARDS, Message, shard_of
from daemon.domain.profiles import (
    Believed,
    Certainty,
    Choice,
    Desired,
    Profile,
    decode_believed,
    decode_profile,
)
from daemon.mapping.diff import IDENTITY
from daemon.mapping.identity import identifiers as named_by
from daemon.mapping.project import project
from daemon.outbound.audit import audit
from daemon.store import Connection, calls, identifiers, turns, users, waiting
from tests.outbound.bench import Bench

_CHUNK = 500
_ARRAYS = {"messageChannel": "unsubscribedChannelIds", "messageType": "unsubscribedMessageTypeIds"}


def stored(b: Bench) -> dict[str, tuple[Profile, Believed]]:
    """Every stored user."""

    def read(connection: Connection) -> list[users.UserRow]:
        rows: list[users.UserRow] = []
        while more := users.scan(connection, _last(rows), _CHUNK):
            rows += more
        return rows

    return {
        row.id: (decode_profile(row.profile), decode_believed(row.believed))
        for row in b.database.read_now(read)
    }


def profiles(b: Bench) -> dict[str, Profile]:
    return {user: profile for user, (profile, _) in stored(b).items()}


def refused_identities(b: Bench) -> set[str]:
    """The users whose identity Iterable would not change."""
    return {
        user
        for user, (_, believed) in stored(b).items()
        if IDENTITY in believed.parts and believed.parts[IDENTITY].certainty == Certainty.REFUSED
    }


def _last(rows: Sequence[users.UserRow]) -> tuple[int, str] | None:
    return (rows[-1].shard, rows[-1].id) if rows else None


def owners(b: Bench, names: Iterable[str]) -> dict[str, str]:
    """Whose each identifier is."""
    keys = [(name[0], name[2:]) for name in names]
    found = b.database.read_now(lambda c: identifiers.owners(c, keys))
    for owner in found.values():
        assert owner.shard == shard_of(owner.user)
    return {f"{kind}:{value}": owner.user for (kind, value), owner in found.items()}


def assert_identifiers_agree(b: Bench, said: Iterable[Message]) -> None:
    """Every identifier somebody named has an owner who is there and knows it."""
    found = profiles(b)
    owned = owners(b, {name for message in said for name in named_by(message)})
    for name, user in owned.items():
        assert user in found, f"{name} belongs to {user}, who is not there"
        kind, value = name[0], name[2:]
        known = {"e": found[user].emails, "a": found[user].anonymous_ids, "u": [user[2:]]}[kind]
        assert value in known, f"{name} belongs to {user}, who does not know"
    for user, profile in found.items():
        assert not profile.merging, f"{user} still waits for {profile.merging}"
        assert not profile.leaving, f"{user} still leaves for {profile.leaving}"
        names = [f"e:{email}" for email in profile.emails]
        names += [f"a:{each}" for each in profile.anonymous_ids]
        assert {name: user for name in names if owned.get(name, user) != user} == {}


def assert_balanced(b: Bench) -> None:
    problems = b.database.read_now(audit).problems
    assert problems == [], problems


async def assert_state(b: Bench, *, but: Iterable[str] = ()) -> None:
    """Iterable holds what it should of everybody, except of the users in `but`.

    A user whose identity was refused is looked for under the one last confirmed.
    """
    mappings, refused = b.parts.mappings(), refused_identities(b)
    for user, (profile, believed) in stored(b).items():
        wanted = project(user, profile, mappings)
        empty = not (wanted.identified or wanted.subscriptions or wanted.lists)
        if wanted.identity is None or empty or user in but:
            continue
        identity = believed.identity if user in refused else wanted.identity
        assert identity is not None, f"{user} was refused"
        held = await b.user(next(iter((identity.key(mappings.project) or {}).values())))
        assert held is not None, f"Iterable has no {user}"
        _assert_holds(user, wanted, held["dataFields"])
        assert (held.get("email"), held.get("userId")) == (identity.email, identity.user_id), user


def _assert_holds(user: str, wanted: Desired, held: dict[str, Any]) -> None:
    for name, value in wanted.fields.items():
        assert held.get(name) == value, f"{name} of {user}"
    lists = {*held.get("emailListIds", []), *held.get("userListIds", [])}
    for number, member in wanted.lists.items():
        assert (number in lists) == member, f"list {number} of {user}"
    for wish in wanted.subscriptions:
        gone = held.get(_ARRAYS[wish.target.group], [])
        assert (wish.target.id in gone) == (wish.choice is Choice.OUT), f"{wish} of {user}"


async def deliveries(b: Bench) -> list[str]:
    """The ids of applied events, in the order in which Iterable first took each."""
    rows = await b.ledger(kind="event")
    return list(dict.fromkeys(row["payload"]["id"] for row in rows if row["result"] == "applied"))


def strongest(message: Message) -> list[str]:
    """What alone decides on the order where several lanes work on a backlog."""
    return [message.user_key]


def assert_in_order(
    said: Sequence[Message],
    delivered: Sequence[str],
    names: Callable[[Message], list[str]] = named_by,
) -> None:
    """Events that name the same identifier came in the order in which they were said."""
    place = {name: number for number, name in enumerate(delivered)}
    last: dict[str, Message] = {}
    for message in said:
        if message.message_id not in place:
            continue
        for name in names(message):
            if name in last:
                before = last[name]
                words = f"{before.message_id} and then {message.message_id} name {name}"
                assert place[before.message_id] < place[message.message_id], words
            last[name] = message


def counters(b: Bench) -> Counter[str]:
    found: Counter[str] = Counter()
    for turn in b.database.read_now(lambda c: turns.scan(c, 0, 10_000)):
        found.update(turn.body.counters)
    return found


def waiting_kinds(b: Bench) -> list[tuple[str, str]]:
    kinds = [waiting.WaitingKind.HELD, waiting.WaitingKind.PARKED, waiting.WaitingKind.DEAD]
    return [
        (row.user, str(kind))
        for kind in kinds
        for row in b.database.read_now(partial(waiting.by_kind, kind=kind, after=0, limit=100))
    ]


def open_calls(b: Bench) -> list[str]:
    found = b.database.read_now(lambda c: calls.open_calls(c, range(SHARDS)))
    return [f"/api/{call.key.endpoint}" for call in found]


def known(profile: Profile) -> dict[str, Any]:
    return {name: value for name, (value, _) in profile.traits.items()}
