"""Whose profile a message belongs to (DESIGN §3, "Who is it?").

Identifiers are written `u:<userId>`, `e:<e-mail>`, `a:<anonymousId>`; a user's id is the identifier
it began with. The stronger kind of key wins a merge, so a profile with a userId always has a key
of that kind. Among equals the lesser key wins: a fixed order, which unlike the order of claims
can't send two profiles into each other.
"""

from collections.abc import Mapping

import msgspec

from daemon.domain.messages import Message
from daemon.domain.profiles import Profile

MOST_EMAILS = 50
MOST_ANONYMOUS_IDS = 50
_STRENGTH = {"u": 0, "e": 1, "a": 2}


class Resolution(msgspec.Struct):
    """Where a message goes. `losers` are the users to be merged into that one.

    `contested` are identifiers the message loses, as their owner has a userId of its own.
    """

    user: str
    claims: dict[str, str] = {}
    losers: list[str] = []
    contested: list[str] = []


def identifiers(message: Message) -> list[str]:
    """The identifiers a message carries, strongest first."""
    found = []
    if message.user_id:
        found.append("u:" + message.user_id)
    if message.email:
        found.append("e:" + message.email)
    if message.anonymous_id:
        found.append("a:" + message.anonymous_id)
    return found


def is_computed(message: Message) -> bool:
    """Whether Engage made it: its identifiers find or create a profile, and never change one."""
    personas = message.context.get("personas")
    return isinstance(personas, dict) and bool(personas.get("computation_key"))


def knows(profile: Profile, message: Message) -> bool:
    """Whether the weaker identifiers of a message are its own profile's already: nothing to ask."""
    if message.user_id and message.email and message.email not in profile.emails:
        return False
    alone = not message.user_id and not message.email
    return alone or not message.anonymous_id or message.anonymous_id in profile.anonymous_ids


def resolve(message: Message, owners: Mapping[str, str]) -> Resolution:
    """Decide by who owns the message's identifiers now; identifiers without owner are claimed.

    It goes to the strongest of their owners, who waits for the others: so whoever names one of
    these identifiers afterwards comes after it.
    """
    own, *weaker = identifiers(message)
    if is_computed(message):
        return _find_or_create(own, weaker, owners)
    user = owners.get(own, own)
    for identifier in weaker:
        user = _stronger(owners.get(identifier, user), user)
    resolution = Resolution(user)
    for identifier in (own, *weaker):
        _meet(resolution, identifier, owners.get(identifier))
    return resolution


def _find_or_create(own: str, weaker: list[str], owners: Mapping[str, str]) -> Resolution:
    for identifier in (own, *weaker):
        if identifier in owners:
            return Resolution(user=owners[identifier])
    return Resolution(user=own, claims=dict.fromkeys((own, *weaker), own))


def _stronger(other: str, user: str) -> str:
    pair = merge_of(other, user)
    return user if pair is None else pair[1]


def _meet(resolution: Resolution, identifier: str, owner: str | None) -> None:
    user = resolution.user
    if owner is None:
        resolution.claims[identifier] = user
    elif owner == user:
        return
    elif merge_of(owner, user) is None:
        resolution.contested.append(identifier)
    elif owner not in resolution.losers:
        resolution.losers.append(owner)


def merge_of(one: str, other: str) -> tuple[str, str] | None:
    """(loser, winner) of two users who are one person; None where both have a userId."""
    if one[0] == other[0] == "u":
        return None
    winner, loser = sorted((one, other), key=lambda user: (_STRENGTH[user[0]], user))
    return loser, winner


def learn(profile: Profile, identifier: str) -> None:
    """Note a claimed identifier on its profile; beyond the bounds the oldest are left out."""
    kind, value = identifier[0], identifier[2:]
    if kind == "e" and value not in profile.emails:
        profile.emails = [*profile.emails, value][-MOST_EMAILS:]
    elif kind == "a" and value not in profile.anonymous_ids:
        profile.anonymous_ids = [*profile.anonymous_ids, value][-MOST_ANONYMOUS_IDS:]
