"""Where a value stands in a message: `$.traits.plan`, `properties.cart.id`.

Segment's path grammar (segment.md §11.2) as far as dotted names and list indices go. A path that
leads nowhere gives MISSING, which is not None: an explicit null was said, nothing was not.
"""

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from daemon.domain.messages import Message

MISSING: Final = object()

Getter: TypeAlias = Callable[[Message], Any]

_WHOLE: dict[str, Getter] = {
    "type": lambda message: message.type,
    "event": lambda message: _or_missing(message.event),
    "name": lambda message: _or_missing(message.name),
    "category": lambda message: _or_missing(message.category),
    "userId": lambda message: _or_missing(message.user_id),
    "anonymousId": lambda message: _or_missing(message.anonymous_id),
    "groupId": lambda message: _or_missing(message.group_id),
    "messageId": lambda message: message.message_id,
}
_OBJECTS: dict[str, Callable[[Message], dict[str, Any]]] = {
    "traits": lambda message: message.traits,
    "properties": lambda message: message.properties,
    "context": lambda message: message.context,
}
ROOTS = (*_WHOLE, *_OBJECTS)


def getter(path: str) -> Getter | None:
    """A function that finds `path` in a message; None where its first word is no part of one."""
    root, *rest = path.removeprefix("$.").split(".")
    if root in _WHOLE and not rest:
        return _WHOLE[root]
    if root not in _OBJECTS or "" in rest:
        return None
    whole = _OBJECTS[root]
    return lambda message: walk(whole(message), rest)


def walk(value: Any, names: list[str]) -> Any:
    """Follow names, or indices into lists, from `value`; MISSING where one leads nowhere."""
    for name in names:
        if isinstance(value, dict):
            value = value.get(name, MISSING)
        elif isinstance(value, list) and name.isdecimal() and int(name) < len(value):
            value = value[int(name)]
        else:
            return MISSING
    return value


def _or_missing(value: str | None) -> Any:
    return MISSING if value is None else value
