"""A mapping value of Segment's, as people write it here."""

import re
from typing import Any

_PLAIN = re.compile(r"\$(?:\.[A-Za-z0-9_-]+)+")
_TEXTS = ("@path", "@template", "@liquid")
_WITH_OPTIONS = ("@case", "@flatten", "@json", "@merge", "@replace")
_OPTIONS = ("operator", "mode", "separator", "direction", "pattern", "pattern2", "replacement")


def shorter(value: Any) -> Any:
    """`{"@path": "$.a.b"}` as `$.a.b`; text that would be read so too is marked as a literal."""
    if isinstance(value, dict) and list(value) == ["@path"]:
        path = value["@path"]
        if isinstance(path, str) and _PLAIN.fullmatch(path):
            return path
    return _marked(value)


def _marked(value: Any) -> Any:
    """Segment knows no short forms: any text that is no directive's own is a literal."""
    if isinstance(value, str) and (value.startswith("$.") or "{{" in value):
        return {"@literal": value}
    if isinstance(value, list):
        return [_marked(item) for item in value]
    if isinstance(value, dict):
        return {
            name: _argument(name, item) if name.startswith("@") else _marked(item)
            for name, item in value.items()
        }
    return value


def _argument(directive: str, argument: Any) -> Any:
    if directive == "@literal" or (directive in _TEXTS and isinstance(argument, str)):
        return argument
    if directive == "@arrayPath" and isinstance(argument, list):
        return [*argument[:1], *_marked(argument[1:])]
    if directive in _WITH_OPTIONS and isinstance(argument, dict):
        return {
            name: item if name in _OPTIONS else _marked(item) for name, item in argument.items()
        }
    return _marked(argument)
