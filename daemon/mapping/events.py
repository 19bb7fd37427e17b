"""Events: what a message becomes for `events/trackBulk` (iterable.md §8, segment.md §13.3)."""

from typing import Any

from daemon.domain.messages import INTERNAL_TYPES, Message
from daemon.mapping.canonical import outgoing
from daemon.mapping.mappings import Mappings, TrackEvent
from daemon.mapping.paths import MISSING

_REFERENCES = ("campaignId", "templateId")


def matching_events(message: Message, mappings: Mappings) -> list[TrackEvent]:
    """The event mappings that are about this message, in the order they were written.

    What lanes and the reconciler write to each other is nobody's event, whatever it would match.
    """
    if message.type in INTERNAL_TYPES:
        return []
    return [
        mapping
        for mapping in mappings.events
        if (mapping.types is None or message.type in mapping.types) and mapping.matches(message)
    ]


def has_expired(message: Message, mapping: TrackEvent, now: int) -> bool:
    """Whether it is too old to trigger anything (promise 13)."""
    return mapping.expires_after is not None and now - message.effective_at > mapping.expires_after


def track_row(message: Message, mapping: TrackEvent, *, first: bool) -> dict[str, Any] | None:
    """The event without its user; None where there is no event name.

    `id` is the messageId, by which Iterable updates instead of adding when a row is sent again;
    further events of one message carry the mapping's name too. `createdAt` is in seconds.
    """
    row: dict[str, Any] = {
        "id": message.message_id if first else f"{message.message_id}-{mapping.name}",
        "createdAt": message.effective_at // 1000,
    }
    if mapping.preset:
        row["eventName"] = message.event
        row["dataFields"] = outgoing(message.properties)
        for reference in _REFERENCES:
            value = message.properties.get(reference)
            if isinstance(value, int) and not isinstance(value, bool):
                row[reference] = value
    for words, find in mapping.fields:
        value = find(message)
        if value is not MISSING:
            _put(row, words, outgoing(value))
    name = row.get("eventName")
    return row if isinstance(name, str) and name else None


def _put(row: dict[str, Any], words: tuple[str, ...], value: Any) -> None:
    *outer, last = words
    for word in outer:
        if not isinstance(row.get(word), dict):
            row[word] = {}
        row = row[word]
    row[last] = value
