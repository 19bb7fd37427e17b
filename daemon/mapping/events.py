"""Events: what a message becomes for `events/trackBulk` (iterable.md §8, segment.md §13.3)."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from daemon.domain.messages import INTERNAL_TYPES, Message
from daemon.mapping.declarations.problems import ActionFailed
from daemon.mapping.directives import Compiled, MappingFailed
from daemon.mapping.mappings import Made, Mappings, TrackEvent
from daemon.mapping.registry.blocks import Ready
from daemon.mapping.registry.fields import Fields
from daemon.mapping.registry.performing import row_of

_TIMES = {"timestamp": "effective_at", "receivedAt": "received_at"}
_NAMED = {
    "event": "event",
    "name": "name",
    "category": "category",
    "userId": "user_id",
    "anonymousId": "anonymous_id",
    "groupId": "group_id",
    "previousId": "previous_id",
}
_ALWAYS = ("type", "messageId", "traits", "properties", "context")
ROOTS = (*_ALWAYS, *_NAMED, *_TIMES)
"""Where the path of a field may begin: what is kept of a message."""


def unknown_roots(reads: frozenset[str]) -> list[str]:
    """The first words of paths that lead to nothing that is kept."""
    found = {path.partition(".")[0] for path in reads}
    return sorted(found - {"", *ROOTS})


def track_events(block: Ready) -> list[TrackEvent]:
    """What a block that is about events makes of messages."""
    return [
        TrackEvent(
            name=block.name,
            matches=case.subscribe.matches,
            types=case.subscribe.types,
            make=_Maker(block, case.fields),
            expires_after=block.options.get("expires_after"),
        )
        for case in block.cases
    ]


class _Maker:
    """Makes the rows of one block. Whom they are about is the profile's to say."""

    def __init__(self, block: Ready, fields: Fields) -> None:
        own = {field.name for field in block.action.fields if field.identity}
        kept = {name: found for name, found in fields.compiled.items() if name not in own}
        self._happened = _is_timestamp(kept.get("createdAt"))
        if self._happened:
            del kept["createdAt"]
        reads = frozenset[str]().union(*(found.reads for found in kept.values()))
        roots = {path.partition(".")[0] for path in reads}
        self._block = block
        self._fields = Fields(kept)
        self._times = [name for name in _TIMES if not roots.isdisjoint({name, ""})]

    def __call__(self, message: Message) -> Made:
        payload = _payload(message, self._times)
        action, options = self._block.action, self._block.options
        try:
            row, problems = row_of(action, self._fields, payload, options)
        except ActionFailed as failed:
            return Made(None, reason=str(failed))
        row.setdefault("id", message.message_id)
        if self._happened:
            row["createdAt"] = message.effective_at // 1000
        return Made(row, tuple(problem.field for problem in problems))


def _is_timestamp(mapping: Compiled | None) -> bool:
    """Whether it takes the message's time as it is, which then needs no writing and reading."""
    probe = {"timestamp": "as it is"}
    try:
        return mapping is not None and mapping.evaluate(probe) == probe["timestamp"]
    except MappingFailed:
        return False


def _payload(message: Message, times: list[str]) -> dict[str, Any]:
    """The message as Segment's JSON, as far as it is kept. Nothing in it may be changed."""
    payload: dict[str, Any] = {
        "type": message.type,
        "messageId": message.message_id,
        "traits": message.traits,
        "properties": message.properties,
        "context": message.context,
    }
    for name, attribute in _NAMED.items():
        value = getattr(message, attribute)
        if value is not None:
            payload[name] = value
    for name in times:
        moment = datetime.fromtimestamp(getattr(message, _TIMES[name]) / 1000, UTC)
        payload[name] = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return payload


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


def made_event(message: Message, mapping: TrackEvent, *, first: bool) -> Made:
    """The event without its user.

    `id` is the messageId unless the mapping says otherwise; by it Iterable updates instead of
    adding when a row is sent again. Further events of one message carry the mapping's name too.
    """
    made = mapping.make(message)
    if first or made.row is None or made.row["id"] != message.message_id:
        return made
    row = {**made.row, "id": f"{message.message_id}-{mapping.name}"}
    return msgspec.structs.replace(made, row=row)
