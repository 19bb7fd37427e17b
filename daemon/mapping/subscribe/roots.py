"""Where a path may begin, in a message and in Segment's JSON.

`ROOTS` is the list a subscribe string may use; a further one (a profile, a group) is a further
Root. A missing value is null: FQL doesn't tell the two apart (segment.md §12.1). `traits`,
`properties` and `context` are always objects, as a Message has them.
"""

from collections.abc import Callable
from operator import attrgetter
from typing import Any, Final, TypeAlias

import msgspec

from daemon.mapping.subscribe.syntax import ANY, NULL, OBJECT, TEXT, Kinds, Path

Find: TypeAlias = Callable[[Any], Any]

_LONGEST_INDEX = 9


class Root(msgspec.Struct, frozen=True):
    """`in_message` finds the value in a Message, `in_payload` in a decoded JSON object."""

    name: str
    kinds: Kinds
    in_message: Find
    in_payload: Find

    def path(self, names: tuple[str, ...]) -> Path:
        return Path(self.name, names, ANY if names else self.kinds)


def _text(name: str, attribute: str, kinds: Kinds = TEXT | NULL) -> Root:
    return Root(name, kinds, attrgetter(attribute), lambda payload: payload.get(name))


def _object(name: str) -> Root:
    def in_payload(payload: dict[str, Any]) -> dict[str, Any]:
        found = payload.get(name)
        return found if isinstance(found, dict) else {}

    return Root(name, OBJECT, attrgetter(name), in_payload)


ROOTS: Final[tuple[Root, ...]] = (
    _text("type", "type", TEXT),
    _text("event", "event"),
    _text("name", "name"),
    _text("category", "category"),
    _text("userId", "user_id"),
    _text("anonymousId", "anonymous_id"),
    _text("groupId", "group_id"),
    _text("messageId", "message_id", TEXT),
    _object("traits"),
    _object("properties"),
    _object("context"),
)


def finder(root: Find, names: tuple[str, ...]) -> Find:
    """A function that follows names, or indices into lists, on from a root; None for nowhere."""
    if not names:
        return root
    if len(names) == 1:
        only = names[0]
        return lambda message: root(message).get(only)
    steps = [(name, _index(name)) for name in names]

    def walk(message: Any) -> Any:
        value = root(message)
        for name, index in steps:
            if isinstance(value, dict):
                value = value.get(name)
            elif index is not None and isinstance(value, list) and index < len(value):
                value = value[index]
            else:
                return None
        return value

    return walk


def _index(name: str) -> int | None:
    right = name.isascii() and name.isdecimal() and len(name) <= _LONGEST_INDEX
    return int(name) if right else None
