"""The profile of a user, and what Iterable should hold, is believed to hold and was seen to hold.

A profile is a set of last-writer-wins registers. Each holds a value and the index of its stamp in
`stamps`, which registers of one message share. A register whose value is None was removed by
Segment and keeps its stamp; a register that isn't there is unknown (DESIGN §2).
"""

from enum import IntEnum, StrEnum
from typing import Any, TypeAlias

import msgspec

from daemon.domain.commands import SubscriptionTarget
from daemon.domain.identity import IterableIdentity
from daemon.domain.messages import Stamp

Register: TypeAlias = tuple[Any, int]
"""(value, index of its stamp)"""


class Choice(StrEnum):
    """What a person decided about a channel, message type or list."""

    OUT = "unsubscribed"
    IN = "subscribed"


class Full(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The first register a profile had no room for, and the bounds that were in force."""

    audience: bool
    name: str
    registers: int
    profile_bytes: int


class Profile(msgspec.Struct, array_like=True, gc=False):
    """What Segment has said of one user. Owned by the lane of its shard; folded in place.

    `audiences` holds memberships by Engage key. `choices` holds subscription choices by
    `<mapping>/<part>`. `emails` and `anonymous_ids` are the identifiers claimed for it, oldest
    first. `known_since` is the receivedAt of its first message, ms. `merging` holds the users whose
    profile is to be merged into this one; `leaving` is the user this one is to be merged into.
    `waiting` counts its held and parked rows. `size` is what traits and audiences count together,
    `sizes` what a trait counts that once had a larger value; `full`: the profile takes no more
    (`daemon.mapping.room`).
    """

    stamps: list[Stamp] = []
    traits: dict[str, Register] = {}
    audiences: dict[str, Register] = {}
    choices: dict[str, Register] = {}
    emails: list[str] = []
    anonymous_ids: list[str] = []
    known_since: int = 0
    merging: list[str] = []
    leaving: str = ""
    waiting: int = 0
    size: int = 0
    sizes: dict[str, int] = {}
    full: Full | None = None


class Certainty(IntEnum):
    """How much Believed knows of a part."""

    CONFIRMED = 0
    UNKNOWN = 1  # sent, outcome uncertain
    REFUSED = 2  # settled: not sent again until Desired or an operator changes it
    ACCEPTED = 3  # by an answer that proves no row: to be confirmed by a point read


class Part(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True, gc=False):
    """One part of Believed: the hash of the value last sent or observed, and when (ms).

    `chosen` is the effective time of the choice it came from, for subscriptions.
    """

    hash: int
    at: int
    certainty: int = Certainty.CONFIRMED
    reason: str = ""
    chosen: int = 0


class Believed(msgspec.Struct, array_like=True, gc=False):
    """What Iterable holds of a user as far as we know. `parts` is keyed by part name.

    `identity` is the one last confirmed; None until then, when commands go to Desired's.
    """

    identity: IterableIdentity | None = None
    parts: dict[str, Part] = {}


class Wish(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A subscription Iterable should hold, and the effective time of the choice behind it, ms."""

    target: SubscriptionTarget
    choice: Choice
    chosen: int


class Desired(msgspec.Struct, frozen=True, gc=False):
    """What Iterable should hold of a user, as far as Segment has said.

    A field that is None must not be there; a name that is missing is unknown. `lists` maps list
    ids to membership. `identity` is None where the user can't be addressed yet; `identified` says
    whether Segment has described this person at all, so that Iterable should have the user.
    """

    identity: IterableIdentity | None
    fields: dict[str, Any]
    lists: dict[int, bool]
    subscriptions: list[Wish]
    identified: bool = False


class Observed(msgspec.Struct, frozen=True, gc=False):
    """What Iterable was seen to hold at `as_of` (ms). A user that was not there has `exists` False.

    `fields` is dataFields as read, without Iterable's own (iterable.md §6.5). The id lists are
    sorted. `others` names the identifiers of the user's profile that further Iterable users hold
    (`e-mail`, `userId`); None where it isn't known whether there are any.
    """

    as_of: int
    exists: bool
    identity: IterableIdentity
    fields: dict[str, Any] = {}
    lists: list[int] = []
    unsubscribed_channels: list[int] = []
    unsubscribed_message_types: list[int] = []
    subscribed_message_types: list[int] = []
    profile_updated_at: int = 0
    others: list[str] | None = None


class Observation(msgspec.Struct, frozen=True, gc=False):
    """A repair: what the reconciler saw of `user`, for the parts a plan names.

    `desired` maps each part to the hash of the Desired it was planned against. `recreate` allows
    a deleted user to be created again.
    """

    user: str
    plan: int
    observed: Observed
    desired: dict[str, int]
    recreate: bool = False


_profile_encoder = msgspec.msgpack.Encoder()
_profile_decoder = msgspec.msgpack.Decoder(Profile)
_believed_decoder = msgspec.msgpack.Decoder(Believed)


def encode_profile(profile: Profile) -> bytes:
    return _profile_encoder.encode(profile)


def decode_profile(data: bytes) -> Profile:
    return _profile_decoder.decode(data)


def encode_believed(believed: Believed) -> bytes:
    return _profile_encoder.encode(believed)


def decode_believed(data: bytes) -> Believed:
    return _believed_decoder.decode(data)
