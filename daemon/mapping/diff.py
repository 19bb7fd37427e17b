"""What has to be sent: the difference of Desired and Believed. One for live and repair alike."""

from typing import Any

import msgspec

from daemon.domain.identity import IterableIdentity
from daemon.domain.profiles import Believed, Certainty, Choice, Desired, Part, Wish
from daemon.mapping.canonical import value_hash

SUBSCRIBED = value_hash(str(Choice.IN))
UNSUBSCRIBED = value_hash(str(Choice.OUT))
MEMBER = value_hash("member")
NO_MEMBER = value_hash("no member")
IDENTITY = "identity"
"""The part that says who the user is to Iterable."""


class Difference(msgspec.Struct, gc=False):
    """What Iterable lacks, in the order in which it is sent. Hashes are those of the parts.

    `creates`: Iterable is not known to have the user, whose first row is due even without fields.
    """

    identity: IterableIdentity | None = None
    creates: bool = False
    opt_outs: list[Wish] = []
    fields: dict[str, Any] = {}
    hashes: dict[str, int] = {}
    subscribe: list[int] = []
    unsubscribe: list[int] = []
    opt_ins: list[Wish] = []

    def __bool__(self) -> bool:
        return bool(self.touches_fields or self.touches_more)

    @property
    def touches_fields(self) -> bool:
        """Whether events must wait for it (promise 4)."""
        return self.identity is not None or self.creates or bool(self.fields)

    @property
    def touches_more(self) -> bool:
        return bool(self.opt_outs or self.opt_ins or self.subscribe or self.unsubscribe)


def diff(desired: Desired, believed: Believed) -> Difference:
    """What to send so that Believed becomes Desired; empty for a user that can't be addressed.

    Where Desired no longer says who the user is, it is who was confirmed last.
    """
    difference = Difference()
    identity = desired.identity or believed.identity
    if identity is None:
        return difference
    parts = believed.parts
    difference.identity = next_identity(identity, believed)
    difference.creates = (
        desired.identified
        and believed.identity is None
        and _differs(parts.get(IDENTITY), identity_hash(identity))
    )
    for name, value in desired.fields.items():
        digest = value_hash(value)
        if _differs(parts.get("field:" + name), digest):
            difference.fields[name] = value
            difference.hashes["field:" + name] = digest
    for list_id, member in desired.lists.items():
        if _differs(parts.get(f"list:{list_id}"), MEMBER if member else NO_MEMBER):
            (difference.subscribe if member else difference.unsubscribe).append(list_id)
    for wish in desired.subscriptions:
        if _to_be_sent(wish, parts.get(wish.target.part)):
            out = wish.choice is Choice.OUT
            (difference.opt_outs if out else difference.opt_ins).append(wish)
    return difference


def still_open(difference: Difference, believed: Believed) -> Difference:
    """The difference without the fields that Believed holds by now, or that were refused."""
    parts = believed.parts
    left = [
        name
        for name in difference.fields
        if _differs(parts.get("field:" + name), difference.hashes["field:" + name])
    ]
    return msgspec.structs.replace(
        difference,
        fields={name: difference.fields[name] for name in left},
        hashes={"field:" + name: difference.hashes["field:" + name] for name in left},
    )


def part_hashes(desired: Desired) -> dict[str, int]:
    """The hash of every part of Desired, by part name: what a plan is made against."""
    hashes = {"field:" + name: value_hash(value) for name, value in desired.fields.items()}
    hashes |= {f"list:{i}": MEMBER if member else NO_MEMBER for i, member in desired.lists.items()}
    hashes |= {wish.target.part: choice_hash(wish.choice) for wish in desired.subscriptions}
    if desired.identity is not None:
        hashes[IDENTITY] = identity_hash(desired.identity)
    return hashes


def choice_hash(choice: Choice) -> int:
    return UNSUBSCRIBED if choice is Choice.OUT else SUBSCRIBED


def _differs(part: Part | None, digest: int) -> bool:
    return part is None or part.certainty == Certainty.UNKNOWN or part.hash != digest


def _to_be_sent(wish: Wish, part: Part | None) -> bool:
    if _differs(part, choice_hash(wish.choice)):
        return True
    return part is not None and wish.chosen > part.chosen


def identity_hash(identity: IterableIdentity) -> int:
    return value_hash([identity.email, identity.user_id])


def next_identity(desired: IterableIdentity, believed: Believed) -> IterableIdentity | None:
    """The identity to change to next, one identifier at a time as Iterable has no call for both.

    Identifiers Segment doesn't name any more are left as they are.
    """
    confirmed = believed.identity
    if confirmed is None:
        return None
    user_id = desired.user_id or confirmed.user_id
    email = desired.email or confirmed.email
    if user_id != confirmed.user_id:
        email = confirmed.email
    wanted = IterableIdentity(email=email, user_id=user_id)
    if wanted == confirmed or not _differs(believed.parts.get(IDENTITY), identity_hash(wanted)):
        return None
    return wanted
