"""The sets of mappings that stand for a whole destination of Segment's."""

from typing import Any

from daemon.mapping.actions import ACTIONS
from daemon.mapping.declarations.saying import one_of


def default_blocks(of: str = "segment", *, everything: bool = False) -> list[dict[str, Any]]:
    """The blocks of a set; `everything` takes in those that are off unless they are written.

    Raises ValueError for a set there isn't.
    """
    if of not in sets():
        raise ValueError(one_of(of, sets()))
    return [
        {
            "name": default.name,
            "subscribe": default.subscribe,
            "action": action.name,
            "preset": default.preset,
        }
        for action in ACTIONS.values()
        for default in action.defaults
        if default.of == of and (default.on or everything)
    ]


def sets() -> list[str]:
    """The names of the sets."""
    return sorted({default.of for action in ACTIONS.values() for default in action.defaults})
