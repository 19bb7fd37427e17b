"""A mapping may keep a trigger of Segment's as it stands: `segment-trigger` as a Subscribe."""

from typing import Any

import msgspec

from daemon.domain.messages import Message
from daemon.mapping.subscribe.converting import condition_of
from daemon.mapping.subscribe.errors import SubscribeError
from daemon.mapping.subscribe.language import Subscribe, compiled
from daemon.mapping.subscribe.trigger import decides
from daemon.mapping.subscribe.trigger_reading import read_trigger


def parse_as_trigger(text: str) -> Subscribe:
    """A trigger that decides as Segment does, on all data.

    Raises SubscribeError where Segment would refuse it (and then fail every event).
    """
    reading = read_trigger(text)
    if "error" in reading.ast:
        error = reading.ast["error"]
        raise SubscribeError(error["character"], f"Segment refuses it: {error['message']}")
    condition, notes = condition_of(reading)
    faithful = compiled(text, condition)
    if not any(note.kind == "data" for note in notes):
        return faithful
    return msgspec.structs.replace(
        faithful,
        matches=lambda message: decides(reading.ast, _payload(message)),
        matches_payload=lambda payload: decides(reading.ast, payload),
    )


def _payload(message: Message) -> dict[str, Any]:
    """What a trigger can read of a message."""
    return {
        "type": message.type,
        "event": message.event,
        "name": message.name,
        "userId": message.user_id,
        "traits": message.traits,
        "properties": message.properties,
        "context": message.context,
    }
