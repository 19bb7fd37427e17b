"""What happened to users: custom events, purchases, and the subscription events of the exports.

Events are kept in order of arrival. A user's are chained by their places in that order, newest
first: no list for each user, and no chain of objects that would be freed link by link. A custom
event's dataFields stay the bytes they arrived in.
"""

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct

decode_data = msgspec.json.Decoder(dict[str, Any]).decode
Place = int


class Event(Struct, gc=False, eq=False):
    """One event; `data` is JSON, `previous` the place of the same user's event before it."""

    kind: str
    name: str
    id: str
    email: str | None
    user_id: str | None
    created_at: int
    visible_at: int
    data: msgspec.Raw | bytes
    previous: Place | None = None
    updated_at: int | None = None
    extra: dict[str, Any] | None = None


class EventLog:
    """All events by place and by kind, custom events by id, and those without a profile."""

    def __init__(self) -> None:
        self.by_kind: dict[str, list[Event]] = {}
        self.by_id: dict[tuple[str, str], Event] = {}
        self.custom: dict[str, Event] = {}
        self.without_profile: dict[str, Place] = {}
        self._all: list[Event | None] = []

    def add(self, event: Event, last: Place | None) -> Place:
        """Keep an event of someone whose newest was `last`; returns its place."""
        event.previous = last
        self._all.append(event)
        kept = self.by_kind.get(event.kind)
        if kept is None:
            kept = self.by_kind[event.kind] = []
        kept.append(event)
        return len(self._all) - 1

    def chain(self, last: Place | None) -> Iterator[Event]:
        """The event at this place and the same user's earlier ones, newest first."""
        while last is not None:
            event = self._all[last]
            if event is None:
                return
            yield event
            last = event.previous

    def append_chain(self, newer: Place | None, older: Place | None) -> Place | None:
        """One chain made of two; returns its newest place."""
        if newer is None:
            return older
        *_, oldest = self.chain(newer)
        oldest.previous = older
        return newer

    def drop(self, last: Place | None) -> None:
        """Remove a user's whole chain (deletion by erasure)."""
        gone = {id(event): event for event in self.chain(last)}
        if not gone:
            return
        while last is not None:
            event, self._all[last] = self._all[last], None
            last = None if event is None else event.previous
        for event in gone.values():
            self.by_id.pop((event.kind, event.id), None)
        self.custom = {key: e for key, e in self.custom.items() if id(e) not in gone}
        for kind, events in self.by_kind.items():
            self.by_kind[kind] = [e for e in events if id(e) not in gone]
