"""What null and empty text mean in data of a profile."""

from collections.abc import Mapping
from typing import Any


def told(data: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Data of a profile by the keys `nulls` and `empty`, through nested objects, not into lists.

    null removes a field in Iterable (iterable.md §6.4), so keeping the field is leaving null out.
    """
    found: dict[str, Any] = {}
    for name, value in data.items():
        said = value
        if said == "" and options.get("empty") == "remove":
            said = None
        if said is None and options.get("nulls") == "keep":
            continue
        found[name] = told(said, options) if isinstance(said, dict) else said
    return found
