"""Turns pydantic's errors into one line for each mistake: place, what is wrong, what is allowed.

A value is repeated only where it is a number or a short word, and never where a secret belongs:
a key pasted into the wrong place must not end up in a terminal's history.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_core import ErrorDetails

from daemon.settings.document import Path as Place

SHORT = 20
KINDS = ("_type", "_parsing")
WORDS = ("literal_error", "enum", "_parsing")


def describe(
    error: ValidationError, root: type[BaseModel], name_of: Callable[[Place], str]
) -> list[str]:
    """One line for each mistake; `name_of` says what the operator calls a place."""
    return [
        f"{name_of(tuple(k for k in each['loc'] if k != '[key]'))}: {_what(each, root)}"
        for each in error.errors(include_url=False)
    ]


def _what(error: ErrorDetails, root: type[BaseModel]) -> str:
    place = error["loc"]
    match error["type"]:
        case "extra_forbidden":
            return _unknown(str(place[-1]), keys_at(root, place[:-1]))
        case "missing":
            return "missing" + _hint(root, place)
        case "string_pattern_mismatch" if place[-1] == "[key]":
            return (
                "a source's name is 1 to 64 of a-z, 0-9, _ and -, and begins with a letter or digit"
            )
        case "string_pattern_mismatch":
            return "should be an address such as https://host or https://host/path"
        case "value_error":
            return error["msg"].removeprefix("Value error, ")
        case "model_type":
            text = f"should be a map with the keys {', '.join(keys_at(root, place))}"
        case kind if kind.endswith(KINDS) and kind.rpartition("_")[0] in _PLAIN:
            text = f"should be {_PLAIN[kind.rpartition('_')[0]]}"
        case _:
            text = re.sub(r"^(Input|Value|Tuple|List|Dictionary) ", "", error["msg"])
    return text + ("" if _is_secret(root, place) else _got(error["type"], error["input"]))


def _unknown(key: str, allowed: Sequence[str]) -> str:
    close = get_close_matches(key, allowed, n=1)
    guess = f"; did you mean {close[0]!r}?" if close else ""
    return f"unknown key{guess} (allowed: {', '.join(allowed)})"


def _hint(root: type[BaseModel], place: Place) -> str:
    model = _type_at(root, place[:-1])
    if isinstance(model, type) and issubclass(model, BaseModel):
        about = model.model_fields.get(str(place[-1]))
        allowed = _choices(about.annotation) if about else ()
        if allowed:
            return f"; one of {', '.join(allowed)}"
        if about and about.description:
            return f". {about.description}"
    return ""


def _choices(kind: object) -> tuple[str, ...]:
    values = getattr(kind, "__members__", None)
    return tuple(str(member.value) for member in values.values()) if values else ()


def _got(kind: str, value: object) -> str:
    word = isinstance(value, str) and len(value) <= SHORT and kind.endswith(WORDS)
    if word or isinstance(value, (bool, int, float)):
        return f" (got {value!r})"
    return f" (got {_KINDS.get(type(value), 'something else')})"


_PLAIN = {
    "bool": "true or false",
    "dict": "a map",
    "float": "a number",
    "int": "a whole number",
    "list": "a list",
    "string": "text",
    "tuple": "a list",
}
_KINDS: dict[type, str] = {dict: "a map", list: "a list", str: "text", type(None): "nothing"}


def keys_at(root: type[BaseModel], place: Place) -> list[str]:
    """The keys allowed in the group at `place`."""
    kind = _type_at(root, place)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return list(kind.model_fields)
    return []


def _is_secret(root: type[BaseModel], place: Place) -> bool:
    return any(_holds_secret(_type_at(root, place[:length])) for length in range(2, len(place) + 1))


def _holds_secret(kind: object) -> bool:
    return kind is SecretStr or any(_holds_secret(arg) for arg in get_args(kind))


def _type_at(root: object, place: Place) -> object:
    """The annotation at `place`, seen through optional, annotated, mapping and sequence types."""
    kind = _bare(root)
    for key in place:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            about = kind.model_fields.get(str(key))
            kind = _bare(about.annotation) if about else None
        elif (args := get_args(kind)) and get_origin(kind) in {dict, Mapping}:
            kind = _bare(args[1])
        elif args:
            kind = _bare(args[0])
        else:
            return None
    return kind


def _bare(kind: Any) -> object:
    while get_origin(kind) in {Union, UnionType}:
        kind = next(arg for arg in get_args(kind) if arg is not type(None))
    return getattr(kind, "__origin__", kind) if hasattr(kind, "__metadata__") else kind
