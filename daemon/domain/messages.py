"""What Segment sent, as the log keeps it.

A message's body is one JSON object with Segment's names. Ingest fills `effective_at` and
`received_at` once, at first receipt; replays and hand-overs carry them along, so a stamp never
changes after a 200 (DESIGN §2). Three further types never come from outside: `merge`, `merged`
and `observation` are how lanes and the reconciler speak to a user's lane, in the log's order.
"""

from enum import IntEnum
from typing import Any, TypeAlias
from zlib import crc32

import msgspec

SHARDS = 64

Stamp: TypeAlias = tuple[int, int, int, str]
"""(effective time ms, receivedAt ms, index in its batch, messageId); later stamps win."""

SEGMENT_TYPES = frozenset({"identify", "track", "page", "screen", "group", "alias", "delete"})
INTERNAL_TYPES = frozenset({"merge", "merged", "observation"})


class MessageClass(IntEnum):
    """Why a message is in the log. Repair, replay and seed never delay live traffic."""

    LIVE = 0
    REPAIR = 1
    REPLAY = 2
    SEED = 3


class Message(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel", gc=False):
    """One message. Times are ms UTC. `email` is the identifying e-mail, lower-cased, if any."""

    type: str
    message_id: str
    received_at: int
    effective_at: int
    source: str
    index: int = 0
    user_id: str | None = None
    email: str | None = None
    anonymous_id: str | None = None
    event: str | None = None
    name: str | None = None
    category: str | None = None
    group_id: str | None = None
    previous_id: str | None = None
    traits: dict[str, Any] = {}
    properties: dict[str, Any] = {}
    context: dict[str, Any] = {}

    @property
    def stamp(self) -> Stamp:
        return (self.effective_at, self.received_at, self.index, self.message_id)

    @property
    def user_key(self) -> str:
        """The strongest identifier it carries: userId, then e-mail, then anonymousId."""
        if self.user_id:
            return "u:" + self.user_id
        if self.email:
            return "e:" + self.email
        return "a:" + (self.anonymous_id or "")


def shard_of(user_key: str) -> int:
    """The shard of a user key, without look-up. Part of the stored format: never change it."""
    return crc32(user_key.encode("utf-8", "surrogatepass")) % SHARDS


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Message)


def encode(message: Message) -> bytes:
    """The message as the log's body."""
    return _encoder.encode(message)


def decode(body: bytes) -> Message:
    """A log body as a message. Raises msgspec.DecodeError for a body this version can't read."""
    return _decoder.decode(body)


class LogRow(msgspec.Struct, frozen=True, gc=False):
    """A message where it rests. `hops` counts hand-overs between shards."""

    position: int
    shard: int
    message_class: MessageClass
    hops: int
    body: bytes


class NewRow(msgspec.Struct, frozen=True, gc=False):
    """A message on its way into the log."""

    shard: int
    message_class: MessageClass
    received_at: int
    hops: int
    body: bytes


class Merge(msgspec.Struct, frozen=True):
    """To the loser's shard: give your profile and waiting rows to `winner` (DESIGN §3)."""

    loser: str
    winner: str


class Merged(msgspec.Struct, frozen=True):
    """To the winner's shard: what the loser knew, its stored profile and Believed in hex.

    `owner` is set where the loser is, or will be, somebody else's: settle it with that user.
    """

    winner: str
    loser: str
    profile: str = ""
    believed: str = ""
    owner: str = ""
