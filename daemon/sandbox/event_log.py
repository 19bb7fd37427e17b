"""What happened to users: custom events, purchases, and the subscription events of the exports.

Events are kept in order of arrival and chained per user, newest first, without a list for each
user. A custom event's dataFields stay the bytes they arrived in.
"""

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct


class Event(Struct, gc=False, eq=False):
    """One event; `data` is JSON, `previous` the same user's event before it."""

    kind: str
    name: str
    id: str
    email: str | None
    user_id: str | None
    created_at: int
    visible_at: int
    data: msgspec.Raw | bytes
    previous: "Event | None" = None
    updated_at: int | None = None
    extra: dict[str, Any] | None = None

    def chain(self) -> Iterator["Event"]:
        """This event and the same user's earlier ones, newest first."""
        event: Event | None = self
        while event is not None:
            yield event
            event = event.previous


class EventLog:
    """All events by kind, custom events by id, and those of people without a profile."""

    def __init__(self) -> None:
        self.by_kind: dict[str, list[Event]] = {}
        self.by_id: dict[tuple[str, str], Event] = {}
        self.custom: dict[str, Event] = {}
        self.without_profile: dict[str, Event] = {}

    def add(self, event: Event) -> None:
        """Keep an event; the caller has chained it to its user."""
        kept = self.by_kind.get(event.kind)
        if kept is None:
            kept = self.by_kind[event.kind] = []
        kept.append(event)

    def drop(self, last: Event | None) -> None:
        """Remove a user's whole chain (deletion by erasure)."""
        if last is None:
            return
        gone = {id(e) for e in last.chain()}
        for event in last.chain():
            self.custom.pop(event.id, None)
            self.by_id.pop((event.kind, event.id), None)
        for kind, events in self.by_kind.items():
            self.by_kind[kind] = [e for e in events if id(e) not in gone]
