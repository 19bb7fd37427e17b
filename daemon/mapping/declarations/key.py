"""The keys of a block besides `name`, `action`, `fields` and `preset`."""

from collections.abc import Callable
from typing import Any

import msgspec

from daemon.mapping.declarations.shapes import Shape


class Key(msgspec.Struct, frozen=True):
    """One key.

    `fills` gives the fields a value stands for (`list: 4711` is `listId`). `condition` gives, as a
    subscribe string, the messages a value chooses, or None where a message alone can't tell; the
    fields such a key fills are those of the messages it chooses.
    """

    name: str
    shape: Shape
    about: str
    required: bool = False
    fills: Callable[[Any], dict[str, Any]] | None = None
    condition: Callable[[Any], str | None] | None = None
