"""What follows an operator in Segment's trigger dialect, and the operator and value it makes.

The kind of the value decides the operator: a number makes `=` a comparison of numbers, `null` an
`exists`, a boolean an `is_true` (segment.md §12.2). Anything else is compared as text, even what
was no value at all.
"""

from typing import Any, Final

import msgspec

from daemon.mapping.subscribe.errors import shown
from daemon.mapping.subscribe.trigger_notes import Notes
from daemon.mapping.subscribe.trigger_tokens import Token

TEXT_FIELDS: Final = ("type", "event", "name")
"""Fields for which numbers and booleans are not on record."""

_NULLS = {"=": "not_exists", "!=": "exists"}
_NUMBERS = {"=": "number_equals", "!=": "number_not_equals"}
_EXACT_DIGITS = 15
_GLOB = frozenset("*?[]\\")


class Judgement(msgspec.Struct, frozen=True):
    """An operator of the dialect and what it compares with, if with anything."""

    operator: str
    value: Any = msgspec.UNSET


def judgement(field: str, sign: Token, value: Token, notes: Notes) -> Judgement:
    """What `sign value` asks of a field."""
    if sign.kind != "operator" or sign.text == "!":
        return _no_operator(sign, value, notes)
    match value:
        case Token(kind="number"):
            return _number(field, sign.text, value, notes)
        case Token(kind="word", text="null"):
            return _null(field, sign.text, value, notes)
        case Token(kind="word", text="true" | "false"):
            return _boolean(field, sign.text, value, notes)
        case _:
            return Judgement(sign.text, text_of(value, notes))


def text_of(value: Token, notes: Notes) -> str:
    """What a token is as text: double quotes go, single ones stay, nothing is unescaped."""
    if value.kind == "text" and value.text[0] == '"':
        if "\\" in value.text:
            notes.written(value.at, "Segment has no escapes in text: each `\\` stands for itself")
        return value.text[1:-1]
    if value.kind == "text":
        notes.written(value.at, "Segment takes single quotes for part of the text")
    elif value.kind == "end":
        notes.written(value.at, "nothing follows the operator; Segment compares with `eos`")
    elif value.text == "=":
        notes.written(value.at, "Segment takes the second `=` of `==` for the value")
    elif value.kind != "word":
        notes.unrecorded(value.at, f"{shown(value.text)} stands in place of a value")
    return value.text


def pattern_of(value: Token, notes: Notes) -> Judgement:
    """`match` knows a beginning or an ending, told apart by a star at the end."""
    glob = text_of(value, notes)
    if glob.endswith("*"):
        found, plain = Judgement("starts_with", glob[:-1]), glob[:-1]
    else:
        found, plain = Judgement("ends_with", glob[1:]), glob[1:]
    if set(plain) & _GLOB or "*" not in (glob[:1], glob[-1:]):
        says = f"{found.operator.replace('_', ' ')} {shown(found.value)}"
        notes.written(value.at, f"Segment takes this pattern for: {says}")
    return found


def _no_operator(sign: Token, value: Token, notes: Notes) -> Judgement:
    if sign.text == "in":
        notes.written(sign.at, "`in` never matches in Segment's triggers")
    elif sign.text in (".", "["):
        notes.written(sign.at, "Segment reads no list elements here, nor parts named null, and, or")
    else:
        notes.unrecorded(sign.at, f"{shown(sign.text)} stands in place of an operator")
    named = sign.kind == "word" and sign.text != "in"
    return Judgement(f"{sign.text} (no operator)" if named else sign.text, value.text)


def _number(field: str, sign: str, value: Token, notes: Notes) -> Judgement:
    if field in TEXT_FIELDS:
        notes.unrecorded(value.at, f"{field} is compared with a number")
    digits = value.text
    whole = "." not in digits and len(digits) <= _EXACT_DIGITS
    return Judgement(_NUMBERS.get(sign, sign), int(digits) if whole else float(digits))


def _null(field: str, sign: str, value: Token, notes: Notes) -> Judgement:
    if sign in _NULLS and field not in ("type", "event"):
        return Judgement(_NULLS[sign])
    if sign in _NULLS:
        notes.written(value.at, f"Segment compares {field} with the text `null`")
    else:
        notes.unrecorded(value.at, f"`{sign}` compares with null")
    return Judgement(sign, "null")


def _boolean(field: str, sign: str, value: Token, notes: Notes) -> Judgement:
    if sign == "=" and field not in TEXT_FIELDS:
        return Judgement(f"is_{value.text}")
    if sign == "!=":
        notes.written(value.at, f"Segment compares with the text `{value.text}`")
    else:
        notes.unrecorded(value.at, f"{field} `{sign}` {value.text}")
    return Judgement(sign, value.text)
