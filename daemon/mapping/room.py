"""How much one profile may hold, by a rule that no order of messages can change.

Registers stand in a fixed order: audiences before traits, shorter names before longer ones, then
by the alphabet, so that the names programs make up give way to those people think of. A profile
keeps the first of them, as many as fit; from the first that doesn't fit on (`Profile.full`) all
others are shut out for good. Choices are never shut out: no opt-out is lost for want of room.

A register counts with the largest value it was ever given, superseded ones too. If a sum could
shrink again, a register would be there or not by who came first. Sizes count in powers of two, so
that a value which only varies a little needs no note of its largest.
"""

from typing import Any

import msgspec

from daemon.domain.profiles import Full, Profile, Register

SMALLEST = 64
TOO_LARGE = "value too large"
NO_ROOM = "profile full"

_encode = msgspec.json.Encoder(order="deterministic").encode
_SCALAR = 8


class Bounds(msgspec.Struct, frozen=True):
    """How much one profile may hold: more is rejected with a reason. Bytes are those of JSON."""

    registers: int = 2_000
    value_bytes: int = 32_768
    profile_bytes: int = 262_144


def size_of(value: Any) -> int:
    """The bytes of a value as JSON; numbers and the like count as a few."""
    return len(_encode(value)) if isinstance(value, str | list | dict) else _SCALAR


def weight(name: str, value: Any) -> int:
    """What a register with this value counts: a power of two."""
    return max(SMALLEST, 1 << (len(name) + size_of(value) - 1).bit_length())


class Room:
    """The room in one profile. `rejected` names what found none, and why.

    `evicted`: a register that was there had to give way. `written`: the profile has changed.
    """

    def __init__(self, profile: Profile, bounds: Bounds) -> None:
        self._profile = profile
        self._bounds = bounds
        self.rejected: dict[str, str] = {}
        self.evicted = self.written = False
        if profile.full is not None and not self._holds(profile.full):
            profile.full = None
        if not profile.size and (profile.traits or profile.audiences):
            profile.size = _counted_anew(profile)

    def admits(self, registers: dict[str, Register], name: str, value: Any) -> bool:
        """Whether a register may be given this value; if not, the reason is noted."""
        if registers is self._profile.choices:
            return True
        if size_of(value) > self._bounds.value_bytes:
            self.rejected[name] = TOO_LARGE
            return False
        if name not in registers and self._is_shut_out(registers, name):
            self.rejected[name] = NO_ROOM
            return False
        return True

    def held(self, registers: dict[str, Register], name: str) -> int:
        """What a register counts now, 0 for one that isn't there."""
        register = registers.get(name)
        if register is None:
            return 0
        known = self._profile.sizes.get(name) if registers is self._profile.traits else None
        return known or weight(name, register[0])

    def count(self, registers: dict[str, Register], name: str, said: Any, held: int) -> None:
        """Count a value that was said of a register, which counted `held` before.

        What finds no room any more is let go, the last in the order first.
        """
        if registers is self._profile.choices or size_of(said) > self._bounds.value_bytes:
            return
        self._raise(registers, name, held, weight(name, said))
        self._let_go()

    def shut_out_as(self, other: Profile) -> None:
        """Shut out what another profile has shut out, before its registers are taken over."""
        profile, theirs, ours = self._profile, other.full, self._profile.full
        if theirs is None or not self._holds(theirs):
            return
        if ours is None or _place(theirs.audience, theirs.name) < _place(ours.audience, ours.name):
            profile.full = theirs
        for registers in (profile.traits, profile.audiences):
            for name in [name for name in registers if self._is_shut_out(registers, name)]:
                self._evict(registers, name)

    def count_as(self, other: Profile) -> None:
        """Count what registers taken over from another profile have counted there."""
        traits = self._profile.traits
        for name, most in other.sizes.items():
            if name in traits:
                self._raise(traits, name, self.held(traits, name), most)
        self._let_go()

    def _raise(self, registers: dict[str, Register], name: str, held: int, most: int) -> None:
        profile, most = self._profile, max(held, most)
        profile.size += most - held
        self.written = self.written or most > held
        if registers is profile.traits:
            if most > weight(name, registers[name][0]):
                profile.sizes[name] = most
            else:
                profile.sizes.pop(name, None)

    def _let_go(self) -> None:
        profile, bounds = self._profile, self._bounds
        while (
            profile.size > bounds.profile_bytes
            or len(profile.traits) + len(profile.audiences) > bounds.registers
        ):
            registers = profile.traits or profile.audiences
            self._evict(registers, max(registers, key=_rank))

    def _evict(self, registers: dict[str, Register], name: str) -> None:
        profile, bounds = self._profile, self._bounds
        profile.size -= self.held(registers, name)
        del registers[name]
        audience = registers is profile.audiences
        if not audience:
            profile.sizes.pop(name, None)
        if not self._is_shut_out(registers, name):
            profile.full = Full(audience, name, bounds.registers, bounds.profile_bytes)
        self.rejected[name] = NO_ROOM
        self.evicted = True

    def _is_shut_out(self, registers: dict[str, Register], name: str) -> bool:
        full = self._profile.full
        if full is None:
            return False
        audience = registers is self._profile.audiences
        return _place(audience, name) >= _place(full.audience, full.name)

    def _holds(self, full: Full) -> bool:
        """Whether it was found under these bounds: under others, registers may come in again."""
        bounds = self._bounds
        return (full.registers, full.profile_bytes) == (bounds.registers, bounds.profile_bytes)


def _rank(name: str) -> tuple[int, str]:
    return len(name), name


def _place(audience: bool, name: str) -> tuple[bool, int, str]:  # noqa: FBT001 -- a sort key
    return not audience, len(name), name


def _counted_anew(profile: Profile) -> int:
    traits, audiences = profile.traits.items(), profile.audiences.items()
    return sum(profile.sizes.get(name) or weight(name, value) for name, (value, _) in traits) + sum(
        weight(name, member) for name, (member, _) in audiences
    )
