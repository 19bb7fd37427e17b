"""Which messages a mapping is about: a subscribe string, read once, decides message by message."""

from collections.abc import Callable
from typing import Any

import msgspec

from daemon.domain.messages import Message
from daemon.mapping.subscribe.compiling import Compiler
from daemon.mapping.subscribe.narrowing import possible_events, possible_types
from daemon.mapping.subscribe.parser import read
from daemon.mapping.subscribe.roots import ROOTS, Root
from daemon.mapping.subscribe.syntax import Node, paths
from daemon.mapping.subscribe.writing import write_path


class Subscribe(msgspec.Struct, frozen=True):
    """A read subscribe string.

    `matches` takes a Message, `matches_payload` Segment's message as decoded JSON. `types` are
    the types of Segment's messages that can match, `events` the event names, None among them for
    a message without; where these are None, any can. `operands` are the paths that are read.
    """

    text: str
    matches: Callable[[Message], bool]
    matches_payload: Callable[[Any], bool]
    types: frozenset[str] | None
    events: frozenset[str | None] | None
    operands: frozenset[str]


def parse(text: str, roots: tuple[Root, ...] = ROOTS) -> Subscribe:
    """Read a subscribe string in FQL (segment.md §12.1). Raises SubscribeError."""
    return compiled(text, read(text, roots), roots)


def compiled(text: str, condition: Node, roots: tuple[Root, ...] = ROOTS) -> Subscribe:
    """A condition, read already."""
    matches = Compiler({root.name: root.in_message for root in roots}).condition(condition)
    in_payload = Compiler({root.name: root.in_payload for root in roots}).condition(condition)
    return Subscribe(
        text=text,
        matches=matches,
        matches_payload=lambda payload: isinstance(payload, dict) and in_payload(payload),
        types=possible_types(condition, roots),
        events=possible_events(condition),
        operands=frozenset(write_path(path) for path in paths(condition)),
    )
