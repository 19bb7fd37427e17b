"""The users a lane is working on, in memory.

A lane is the only writer of its users, so what it holds here is the truth until the next
checkpoint writes it. A resident stays while something of its user is open (a call in flight, an
event that waits, a change that isn't sent) and is let go afterwards.
"""

from collections import deque
from collections.abc import Iterator
from typing import Any

from daemon.domain.commands import CallKey
from daemon.domain.profiles import Believed, Profile, decode_believed, decode_profile
from daemon.mapping.diff import Difference

NEVER = 2**62
"""A position, or a time, later than any other."""
_FEW = 500


class Resident:
    """One user at work.

    `barrier` is the position of the oldest change of a field or the identity that Iterable has not
    accepted, `rest` that of lists and subscriptions; NEVER where there is none. `later` is the
    first change of a field folded after the row in flight was built. `flying` holds the parts in
    flight, `retry` when which kind of part may be tried again, `tries` how often it was tried.
    `events_due` is until when its events wait that Iterable could not take, 0 if none do.
    """

    __slots__ = (
        "barrier",
        "believed",
        "difference",
        "dirty",
        "events",
        "events_due",
        "events_flying",
        "flying",
        "fresh",
        "id",
        "later",
        "marked_since",
        "narrow",
        "profile",
        "queued",
        "repair",
        "rest",
        "retry",
        "shard",
        "stored",
        "tries",
    )

    def __init__(self, shard: int, user: str, profile: bytes, believed: bytes) -> None:
        self.shard = shard
        self.id = user
        self.stored = profile
        self.fresh = not profile
        self.profile = decode_profile(profile) if profile else Profile()
        self.believed = decode_believed(believed) if believed else Believed()
        self.difference: Difference | None = None
        self.dirty = False
        self.barrier = NEVER
        self.later = NEVER
        self.rest = NEVER
        self.marked_since = NEVER
        self.repair = False
        self.flying: set[str] = set()
        self.queued: set[CallKey] = set()
        self.retry: dict[str, int] = {}
        self.tries: dict[str, int] = {}
        self.narrow: list[str] = []
        self.events: deque[Any] = deque()
        self.events_flying = 0
        self.events_due = 0

    @property
    def since(self) -> int:
        """The position of the oldest unaccepted change of any part."""
        return min(self.barrier, self.rest)

    @property
    def merging(self) -> bool:
        """Whether its state stands still until a merge is done."""
        return bool(self.profile.merging or self.profile.leaving)

    @property
    def idle(self) -> bool:
        """Whether nothing of this user is open, so that it can be let go."""
        return not (
            self.flying
            or self.queued
            or self.events
            or self.events_flying
            or self.events_due
            or self.dirty
            or self.difference
            or self.marked_since != NEVER
            or self.profile.leaving
        )


class Residents:
    """All residents of one lane, by user."""

    def __init__(self) -> None:
        self._all: dict[str, Resident] = {}
        self._enough = 0

    def __len__(self) -> int:
        return len(self._all)

    def get(self, user: str) -> Resident | None:
        return self._all.get(user)

    def absent(self, users: set[str]) -> set[str]:
        return users - self._all.keys()

    def enter(self, resident: Resident) -> Resident:
        self._all[resident.id] = resident
        return resident

    def leave(self, user: str) -> None:
        self._all.pop(user, None)

    def tidy(self) -> None:
        """Let go, each time there are a quarter more of them: to look at all of them every time
        would cost more than to keep some.
        """
        if len(self._all) >= self._enough:
            self.let_go()

    def let_go(self) -> None:
        """Forget everybody of whom nothing is open."""
        for user in [user for user, resident in self._all.items() if resident.idle]:
            del self._all[user]
        self._enough = len(self._all) * 5 // 4 + _FEW

    def resting(self) -> list[Resident]:
        """Those who only wait to be sent: everything else about them is in the store."""
        return [
            resident
            for resident in self._all.values()
            if not (
                resident.flying
                or resident.events
                or resident.events_flying
                or resident.events_due
                or resident.dirty
                or resident.profile.leaving
            )
        ]

    def __iter__(self) -> Iterator[Resident]:
        return iter(self._all.values())
