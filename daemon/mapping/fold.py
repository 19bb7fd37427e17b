"""Folds messages into a profile: last writer wins, register by register (DESIGN §2).

Folding is commutative and idempotent. Whatever the order and number of times in which messages
come, a register ends with the value of its latest stamp; of two values with one stamp the one
whose JSON is greater wins, so that even a forged repetition leaves every replica the same.
"""

from enum import StrEnum
from typing import Any

import msgspec

from daemon.domain.messages import Message, Stamp
from daemon.domain.profiles import Choice, Profile, Register
from daemon.mapping.canonical import same
from daemon.mapping.identity import learn
from daemon.mapping.mappings import Mappings
from daemon.mapping.room import Bounds, Room

_encode = msgspec.json.Encoder(order="deterministic").encode
_STAMPS_BEFORE_SWEEP = 16
_MEMBERSHIP = {True: True, False: False, "true": True, "false": False}


class Effect(StrEnum):
    """What a message did to the registers a mapping reads."""

    APPLIED = "applied"
    UNCHANGED = "unchanged"
    SUPERSEDED = "superseded"
    FILTERED = "filtered"


class Folded(msgspec.Struct):
    """What folding one message did. `changed`: Desired may be another than before.

    `written`: the profile is. `rejected` says why registers found no room, by name.
    """

    changed: bool = False
    written: bool = False
    effects: dict[str, Effect] = {}
    rejected: dict[str, str] = {}


def fold(profile: Profile, message: Message, mappings: Mappings, bounds: Bounds) -> Folded:
    """Fold `message` into `profile`, in place.

    `effects` has one entry for each state mapping that matches the message.
    """
    folded = Folded()
    room = Room(profile, bounds)
    stamp = _Stamping(profile, message.stamp, room, folded)
    personas = message.context.get("personas")
    if isinstance(personas, dict) and personas.get("computation_key"):
        _fold_computed(profile, message, personas, mappings, stamp)
        message = _without_other_traits(message, str(personas["computation_key"]))
    elif message.type == "identify":
        effect = stamp.write_all(profile.traits, message.traits)
        for user_mapping in mappings.users:
            folded.effects[user_mapping.name] = effect
    if mappings.subscriptions:
        _fold_choices(profile, message, mappings, stamp)
    folded.rejected = room.rejected
    folded.changed = folded.changed or room.evicted
    folded.written = room.written
    _sweep_stamps(profile)
    return folded


def _fold_computed(
    profile: Profile,
    message: Message,
    personas: dict[str, Any],
    mappings: Mappings,
    stamp: "_Stamping",
) -> None:
    """Only the computed key of an Engage message is folded (segment.md §7)."""
    key = str(personas["computation_key"])
    values = message.traits if message.type == "identify" else message.properties
    if key not in values:
        return
    if personas.get("computation_class") == "trait":
        effect = stamp.write_all(profile.traits, {key: values[key]})
        for user_mapping in mappings.users:
            stamp.folded.effects[user_mapping.name] = effect
        return
    value = values[key]
    member = _MEMBERSHIP.get(value) if isinstance(value, bool | str) else None
    if member is None:
        effect = Effect.FILTERED
    else:
        effect = stamp.write_all(profile.audiences, {key: member})
    for list_mapping in mappings.audiences(key):
        stamp.folded.effects[list_mapping.name] = effect


def _without_other_traits(message: Message, key: str) -> Message:
    traits = {key: message.traits[key]} if key in message.traits else {}
    return msgspec.structs.replace(message, traits=traits)


def _fold_choices(
    profile: Profile, message: Message, mappings: Mappings, stamp: "_Stamping"
) -> None:
    for mapping in mappings.subscriptions:
        if mapping.opts_out(message):
            choice = Choice.OUT
        elif mapping.opts_in is not None and mapping.opts_in(message):
            choice = Choice.IN
        else:
            continue
        said = {f"{mapping.name}/{target.part}": str(choice) for target in mapping.targets}
        effect = stamp.write_all(profile.choices, said)
        if effect is Effect.UNCHANGED and stamp.advanced:
            # an explicit choice is sent again even where nothing seems to change
            stamp.folded.changed = True
        stamp.folded.effects[mapping.name] = effect


class _Stamping:
    """Writes registers with one message's stamp, which enters the profile when first needed."""

    def __init__(self, profile: Profile, stamp: Stamp, room: Room, folded: Folded) -> None:
        self._profile = profile
        self._stamp = stamp
        self._index = -1
        self._room = room
        self.folded = folded
        self.advanced = False

    def write_all(self, registers: dict[str, Register], values: dict[str, Any]) -> Effect:
        """Write each value that is not older than what is there; say what it came to."""
        applied = current = False
        self.advanced = False
        for name, value in values.items():
            effect = self._write(registers, name, value)
            applied = applied or effect is Effect.APPLIED
            current = current or effect is Effect.UNCHANGED
        if applied:
            self.folded.changed = True
            return Effect.APPLIED
        return Effect.UNCHANGED if current or not values else Effect.SUPERSEDED

    def _write(self, registers: dict[str, Register], name: str, value: Any) -> Effect:
        register, room = registers.get(name), self._room
        if register is None:
            return self._put(registers, name, value)
        old, index = register
        stamp = self._profile.stamps[index]
        if stamp <= self._stamp and same(old, value):
            if stamp < self._stamp:
                registers[name] = (old, self._intern())
                self.advanced = room.written = True
            return Effect.UNCHANGED
        if stamp > self._stamp or (stamp == self._stamp and _encode(value) < _encode(old)):
            room.count(registers, name, value, room.held(registers, name))
            return Effect.SUPERSEDED
        return self._put(registers, name, value)

    def _put(self, registers: dict[str, Register], name: str, value: Any) -> Effect:
        room = self._room
        if not room.admits(registers, name, value):
            return Effect.SUPERSEDED
        held = room.held(registers, name)
        registers[name] = (value, self._intern())
        self.advanced = room.written = True
        room.count(registers, name, value, held)
        return Effect.APPLIED if name in registers else Effect.SUPERSEDED

    def _intern(self) -> int:
        if self._index < 0:
            stamps = self._profile.stamps
            self._index = stamps.index(self._stamp) if self._stamp in stamps else len(stamps)
            if self._index == len(stamps):
                stamps.append(self._stamp)
        return self._index


def merge_profiles(winner: Profile, loser: Profile, bounds: Bounds) -> bool:
    """Fold all of `loser` into `winner`, in place; say whether Desired may be another now."""
    folded = Folded()
    room = Room(winner, bounds)
    room.shut_out_as(loser)
    for mine, theirs in (
        (winner.traits, loser.traits),
        (winner.audiences, loser.audiences),
        (winner.choices, loser.choices),
    ):
        for name, (value, index) in theirs.items():
            stamping = _Stamping(winner, loser.stamps[index], room, folded)
            stamping.write_all(mine, {name: value})
            if mine is winner.choices and stamping.advanced:
                folded.changed = True  # an explicit choice is sent again
    room.count_as(loser)
    for email in loser.emails:
        learn(winner, "e:" + email)
    for anonymous_id in loser.anonymous_ids:
        learn(winner, "a:" + anonymous_id)
    known = [since for since in (winner.known_since, loser.known_since) if since]
    winner.known_since = min(known, default=0)
    _sweep_stamps(winner)
    return folded.changed or room.evicted


def _sweep_stamps(profile: Profile) -> None:
    """Forget stamps no register holds any more, once they are many."""
    if len(profile.stamps) < _STAMPS_BEFORE_SWEEP:
        return
    groups = (profile.traits, profile.audiences, profile.choices)
    live = sorted({index for registers in groups for _, index in registers.values()})
    if len(live) * 2 > len(profile.stamps):
        return
    moved = {old: new for new, old in enumerate(live)}
    profile.stamps = [profile.stamps[index] for index in live]
    for registers in groups:
        for name, (value, index) in registers.items():
            registers[name] = (value, moved[index])
