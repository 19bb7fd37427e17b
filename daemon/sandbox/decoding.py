"""Reading what was sent: bodies, and the 400 a body of the wrong shape gets (iterable.md §2.4).

A wrong type anywhere refuses the whole call and names every item's first fault by its place,
counted from 0.
"""

import re
from typing import Any, TypeVar

import msgspec

from daemon.sandbox.answers import Refusal, refuse

Body = TypeVar("Body")
WHOLE = re.compile(r"[0-9]{1,18}")
DECODERS: dict[type, msgspec.json.Decoder[Any]] = {}
PLACE = re.compile(r" - at `\$(.*)`$")
EXPECTED = re.compile(r"Expected `([a-z]+)")
WANTED = {
    "str": "String value expected",
    "int": "Number value expected",
    "float": "Number value expected",
    "bool": "Boolean value expected",
    "object": "Object value expected",
    "array": "Array value expected",
}
MISSING = re.compile(r"missing required field `(\w+)`")


def decode(body: bytes, shape: type[Body], path: str) -> Body:
    """The body as `shape`; raises the BadJsonBody refusal when it has another one."""
    decoder = DECODERS.get(shape)
    if decoder is None:
        decoder = DECODERS[shape] = msgspec.json.Decoder(shape)
    try:
        decoded: Body = decoder.decode(body)
    except msgspec.ValidationError as error:
        raise bad_json(path, problems(body, shape, error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise bad_json(path, {"obj": "Invalid JSON"}) from error
    return decoded


def bad_json(path: str, params: dict[str, str]) -> Refusal:
    """The refusal of a body that is no JSON or of the wrong shape."""
    return refuse(f"[{path}] Invalid JSON body", "BadJsonBody", params)


def problems(body: bytes, shape: type[Any], error: msgspec.ValidationError) -> dict[str, str]:
    """Every item's first fault, by its place; outside of items the body's first one."""
    found: dict[str, str] = {}
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {"obj": "Invalid JSON"}
    for field in msgspec.structs.fields(shape):
        rows = document.get(field.name) if isinstance(document, dict) else None
        if not isinstance(rows, list):
            continue
        for number, row in enumerate(rows):
            part = {field.name: [row]}
            try:
                msgspec.convert(part, msgspec.defstruct("Part", [(field.name, field.type)]))
            except msgspec.ValidationError as wrong:
                place, what = place_of(wrong)
                found[place.replace("[0]", f"[{number}]", 1)] = what
    if not found:
        place, what = place_of(error)
        found[place] = what
    return found


def place_of(error: msgspec.ValidationError) -> tuple[str, str]:
    """A decoding error as Iterable's place and words."""
    text = str(error)
    where = PLACE.search(text)
    place = "obj" + (where[1] if where else "")
    missing = MISSING.search(text)
    if missing:
        return f"{place}.{missing[1]}", "error.path.missing"
    kind = EXPECTED.search(text)
    return place, WANTED.get(kind[1] if kind else "", "Invalid value")


def whole(text: str) -> int | None:
    """A number in a path or query, else None; longer ones name nothing."""
    return int(text) if WHOLE.fullmatch(text) else None
