"""Where a value stands in another one: a path of names, and of indices into lists.

A path that leads nowhere gives MISSING, which is not None: an explicit null was said, nothing was
not.
"""

from typing import Any, Final

MISSING: Final = object()


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
