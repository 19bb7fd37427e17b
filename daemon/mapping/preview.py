"""What another mapping would change: Desired of each profile, and the events of each message.

Nothing is sent and nothing stored. A part that only the present mapping names is *left*: it stays
in Iterable as it is. One that only the new mapping names is *new*.
"""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from daemon.domain.messages import Message
from daemon.domain.profiles import Desired, Profile
from daemon.mapping.canonical import value_hash
from daemon.mapping.events import made_event, matching_events
from daemon.mapping.mappings import Mappings
from daemon.mapping.project import project

NOTHING: Final = "—"
"""Stands in a sample for what isn't there; a removed field is null."""

_SAMPLES = 3


class Sample(msgspec.Struct, frozen=True):
    """One user or message, before and after."""

    of: str
    before: Any
    after: Any


class Shift(msgspec.Struct):
    """How often one part of Desired, or one event, is new, changed or left."""

    new: int = 0
    changed: int = 0
    left: int = 0
    samples: list[Sample] = []

    def note(self, of: str, before: Any, after: Any) -> None:
        if before == NOTHING:
            self.new += 1
        elif after == NOTHING:
            self.left += 1
        else:
            self.changed += 1
        if len(self.samples) < _SAMPLES:
            self.samples.append(Sample(of, before, after))


class Preview:
    """Adds up what changes from `old` to `new`; `users` and `events` are by part and by name."""

    def __init__(self, old: Mappings, new: Mappings) -> None:
        self._old, self._new = old, new
        self.profiles = self.messages = 0
        self.users_changed = self.messages_changed = 0
        self.users: dict[str, Shift] = {}
        self.events: dict[str, Shift] = {}

    def profile(self, user: str, profile: Profile) -> None:
        """Compare what Iterable should hold of one user."""
        self.profiles += 1
        before = dict(_parts(project(user, profile, self._old)))
        after = dict(_parts(project(user, profile, self._new)))
        self.users_changed += _shift(self.users, user, before, after)

    def message(self, message: Message) -> None:
        """Compare the events one message becomes, whatever their age."""
        self.messages += 1
        before = _rows(message, self._old)
        after = _rows(message, self._new)
        self.messages_changed += _shift(self.events, message.message_id, before, after)


def _shift(
    shifts: dict[str, Shift], of: str, before: dict[str, Any], after: dict[str, Any]
) -> bool:
    changed = False
    for name in before | after:
        was, becomes = before.get(name, NOTHING), after.get(name, NOTHING)
        if value_hash(was) != value_hash(becomes):
            shifts.setdefault(name, Shift()).note(of, was, becomes)
            changed = True
    return changed


def _parts(desired: Desired) -> Iterator[tuple[str, Any]]:
    if desired.identity is None:
        return
    if desired.identified:
        yield "user", "exists"
    for name, value in desired.fields.items():
        yield f"field {name}", value
    for list_id, member in desired.lists.items():
        yield f"list {list_id}", "member" if member else "not a member"
    for wish in desired.subscriptions:
        yield f"{wish.target.group} {wish.target.id}", str(wish.choice)


def _rows(message: Message, mappings: Mappings) -> dict[str, Any]:
    rows: dict[str, Any] = {}
    for number, mapping in enumerate(matching_events(message, mappings)):
        row = made_event(message, mapping, first=number == 0).row
        if row is not None:
            name = str(row["eventName"])
            times = sum(known == name or known.startswith(f"{name} #") for known in rows)
            rows[f"{name} #{times + 1}" if times else name] = row
    return rows
