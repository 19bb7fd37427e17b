"""A mapping value of Segment's, as people write it here."""

import re
from typing import Any

_PLAIN = re.compile(r"\$(?:\.[A-Za-z0-9_-]+)+")


def shorter(value: Any) -> Any:
    """`{"@path": "$.a.b"}` as `$.a.b`; text that would be read as a path or template is marked."""
    if isinstance(value, dict) and list(value) == ["@path"]:
        path = value["@path"]
        if isinstance(path, str) and _PLAIN.fullmatch(path):
            return path
    if isinstance(value, str) and (value.startswith("$.") or "{{" in value):
        return {"@literal": value}
    return value
