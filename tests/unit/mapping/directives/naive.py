"""Segment's language, interpreted as plainly as can be: the measure for the compiled one.

It walks the mapping anew for every event, keeps what is undefined until the end, and knows no
bounds and no `@liquid`. `Fails` is raised where the original throws while evaluating.
"""

import json
from decimal import Decimal
from typing import Any

from daemon.mapping.paths import MISSING as UNDEFINED


class Fails(Exception):
    pass


def evaluate(mapping: Any, event: Any) -> Any:
    return emitted(resolve(mapping, event))


def emitted(value: Any) -> Any:
    """Without members that are undefined; what is undefined in a list is null in JSON."""
    if isinstance(value, dict):
        return {key: emitted(item) for key, item in value.items() if item is not UNDEFINED}
    if isinstance(value, list):
        return [None if item is UNDEFINED else emitted(item) for item in value]
    return value


def without_undefined_members(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: without_undefined_members(item)
            for key, item in value.items()
            if item is not UNDEFINED
        }
    return [without_undefined_members(item) for item in value] if isinstance(value, list) else value


def resolve(mapping: Any, event: Any) -> Any:
    if isinstance(mapping, list):
        return [resolve(item, event) for item in mapping]
    if not isinstance(mapping, dict):
        return mapping
    for key, argument in mapping.items():
        if key.startswith("@"):
            return DIRECTIVES[key](argument, event)
    return {key: resolve(item, event) for key, item in mapping.items()}


def is_directive(mapping: Any) -> bool:
    return isinstance(mapping, dict) and any(key.startswith("@") for key in mapping)


# Paths


def pieces(path: str) -> list[str]:
    marks = []
    for at, letter in enumerate(path):
        after, before = path[at + 1 : at + 2], path[:at].rstrip("]")[-1:]
        opens = letter == "[" and after and after in "'\"0123456789"
        closes = letter == "]" and before and before in "'\"0123456789"
        marks.append("\0" if letter == "." or opens or closes else letter)
    found = "".join(marks).split("\0")
    return [piece.replace("'", "").replace('"', "") for piece in found if piece]


def get(value: Any, path: str) -> Any:
    for piece in pieces(path):
        if falsy(value):
            return value
        value = member(value, piece)
    return value


def member(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return value.get(name, UNDEFINED)
    members: dict[str, Any] = {}
    if isinstance(value, str):
        value = [chr(unit) for unit in utf16(value)]
        value = [letter if not 0xD800 <= ord(letter) < 0xE000 else "\ufffd" for letter in value]
    if isinstance(value, list):
        members = {str(index): item for index, item in enumerate(value)}
        members["length"] = len(value)
    return members.get(name, UNDEFINED)


def utf16(text: str) -> list[int]:
    coded = text.encode("utf-16-be")
    return [int.from_bytes(coded[at : at + 2], "big") for at in range(0, len(coded), 2)]


def falsy(value: Any) -> bool:
    if value is UNDEFINED or value is None:
        return True
    return isinstance(value, bool | int | float | str) and not value


# Text


def text(value: Any) -> str:
    if value is UNDEFINED or value is None:
        return ""
    if value is True or value is False:
        return str(value).lower()
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return ",".join(text(item) for item in value)
    return "[object Object]" if isinstance(value, dict) else number(value)


def number(value: float) -> str:
    if isinstance(value, int):
        return str(value)
    exact = Decimal(repr(value))
    if value == 0:
        return "0"
    if Decimal("1e-6") <= abs(exact) < Decimal("1e21"):
        plain = f"{exact:f}"
        return plain.rstrip("0").rstrip(".") if "." in plain else plain
    digits = "".join(map(str, exact.normalize().as_tuple().digits))
    fraction = "." + digits[1:] if digits[1:] else ""
    return f"{'-' if value < 0 else ''}{digits[0]}{fraction}e{exact.adjusted():+d}"


def template(source: str, event: Any) -> str:
    event = {} if event is UNDEFINED else event
    return outside_braces(source, "{{{", "}}}", event)


def outside_braces(source: str, opening: str, closing: str, event: Any) -> str:
    """Fill in the braces of one kind; what stands outside them may have those of the other."""
    made, kept, at = "", "", 0
    while at < len(source):
        end = source.find("}", at + len(opening))
        if (
            source.startswith(opening, at)
            and end > at + len(opening)
            and source.startswith(closing, end)
        ):
            made += other_braces(kept, opening, event)
            made += text(get(event, source[at + len(opening) : end].strip(JAVASCRIPT_BLANKS)))
            kept, at = "", end + len(closing)
        else:
            kept += source[at]
            at += 1
    return made + other_braces(kept, opening, event)


def other_braces(source: str, opening: str, event: Any) -> str:
    return outside_braces(source, "{{", "}}", event) if opening == "{{{" else source


JAVASCRIPT_BLANKS = " \t\n\r\v\f\u00a0\ufeff"


# Directives


def path_(argument: Any, event: Any) -> Any:
    return get(event, dynamic(argument, event).replace("$.", "", 1))


def template_(argument: Any, event: Any) -> Any:
    return template(dynamic(argument, event), event)


def dynamic(argument: Any, event: Any) -> str:
    found = resolve(argument, event)
    if not isinstance(found, str):
        raise Fails
    return found


def if_(argument: Any, event: Any) -> Any:
    if "exists" in argument:
        chosen = resolve(argument["exists"], event) not in (UNDEFINED, None)
    else:
        chosen = not blank(resolve(argument["blank"], event))
    if chosen:
        return resolve(argument["then"], event) if "then" in argument else UNDEFINED
    return UNDEFINED if falsy(argument.get("else")) else resolve(argument["else"], event)


def blank(value: Any) -> bool:
    if isinstance(value, list):
        return text(value) == ""
    return falsy(value)


def case(argument: Any, event: Any) -> Any:
    if falsy(argument.get("value")):
        return UNDEFINED
    found = resolve(argument["value"], event)
    change = {"upper": str.upper, "lower": str.lower}[argument["operator"]]
    return change(found) if isinstance(found, str) else found


def replace(argument: Any, event: Any) -> Any:
    if falsy(argument["value"]):
        return UNDEFINED
    found = resolve(argument["value"], event)
    if not isinstance(found, bool | int | float | str):
        return ""
    made = replaced(text(found), argument["pattern"], argument.get("replacement", ""), argument)
    if argument.get("pattern2"):
        made = replaced(made, argument["pattern2"], argument.get("replacement2", ""), argument)
    return made


def replaced(source: str, pattern: str, replacement: str, options: Any) -> str:
    made, at, left = "", 0, 10**9 if options.get("global", True) else 1
    while at < len(source):
        part = source[at : at + len(pattern)]
        equal = part == pattern
        if options.get("ignorecase"):
            equal = len(part) == len(pattern) and all(map(alike, part, pattern))
        if equal and left:
            made += inserted(replacement, source, at, at + len(pattern))
            at += len(pattern)
            left -= 1
        else:
            made += source[at]
            at += 1
    return made


def alike(one: str, other: str) -> bool:
    return capital(one) == capital(other)


def capital(letter: str) -> str:
    found = letter.upper()
    return letter if len(found) > 1 or (ord(letter) > 127 and ord(found) < 128) else found


def inserted(replacement: str, source: str, begin: int, end: int) -> str:
    codes = {"$$": "$", "$&": source[begin:end], "$`": source[:begin], "$'": source[end:]}
    made, at = "", 0
    while at < len(replacement):
        code = replacement[at : at + 2]
        made += codes.get(code, replacement[at])
        at += 2 if code in codes else 1
    return made


def json_(argument: Any, event: Any) -> Any:
    value = resolve(argument["value"], event)
    if argument["mode"] == "encode":
        return UNDEFINED if value is UNDEFINED else encoded(emitted(value))
    if argument["mode"] != "decode":
        return UNDEFINED
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def encoded(value: Any) -> str:
    if isinstance(value, dict):
        members = (
            f"{json.dumps(key, ensure_ascii=False)}:{encoded(item)}" for key, item in value.items()
        )
        return "{" + ",".join(members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(encoded, value)) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return "null" if value is None else text(value)


def array_path(argument: Any, event: Any) -> Any:
    root, *shapes = argument
    found = path_(root, event) if isinstance(root, str) else resolve(root, event)
    shape = shapes[0] if shapes else None
    if not isinstance(shape, dict) or not shape or not isinstance(found, dict | list):
        return found
    return [resolve(shape, item) for item in (found if isinstance(found, list) else [found])]


def flatten(argument: Any, event: Any) -> Any:
    leaves: dict[str, Any] = {}
    value = resolve(argument["value"], event)
    if value is UNDEFINED:
        return leaves
    omit = not falsy(argument.get("omitArrays"))

    def visit(prefix: str, part: Any) -> None:
        members = part
        if isinstance(part, list) and not omit:
            members = {str(index): item for index, item in enumerate(part)}
        if not isinstance(members, dict):
            leaves[prefix] = part
            return
        for key, item in members.items():
            visit(prefix + argument["separator"] + key if prefix else key, item)

    visit("", value)
    return leaves


def merge(argument: Any, event: Any) -> Any:
    made: dict[str, Any] = {}
    objects = [resolve(one, event) for one in argument["objects"]]
    for one in reversed(objects) if argument["direction"] == "left" else objects:
        value = (
            [member(one, str(at)) for at in range(len(utf16(one)))] if isinstance(one, str) else one
        )
        if isinstance(value, list):
            value = {str(index): item for index, item in enumerate(value)}
        if isinstance(value, dict):
            made |= value
    return made


def transform(argument: Any, event: Any) -> Any:
    event = {} if event is UNDEFINED else event
    if not isinstance(event, dict):
        raise Fails
    applied = without_undefined_members(resolve(argument["apply"], event))
    return resolve(argument["mapping"], applied)


def exclude_when_null(argument: Any, event: Any) -> Any:
    def excluded(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: excluded(item) for key, item in value.items() if item is not None}
        return value

    value = resolve(argument, event)
    return UNDEFINED if value is None else excluded(value)


DIRECTIVES = {
    "@path": path_,
    "@template": template_,
    "@literal": resolve,
    "@if": if_,
    "@case": case,
    "@replace": replace,
    "@json": json_,
    "@arrayPath": array_path,
    "@flatten": flatten,
    "@merge": merge,
    "@transform": transform,
    "@excludeWhenNull": exclude_when_null,
}
