"""Values as Iterable takes them: one reader for each type of field (segment.md §11.4).

As Segment's own schema step does, text becomes a number and a number text where the field wants
it, and a list of one stands for its element. A reader raises Unfit with a reason, which never
repeats the value: it is somebody's.
"""

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from daemon.mapping.canonical import outgoing
from daemon.mapping.declarations.field import Field, Type

LONGEST_EMAIL = 254
LONGEST_USER_ID = 52
_EMAIL = re.compile(r"[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f.]+(?:\.[^@\s\x00-\x1f\x7f.]+)+")
_PRINTABLE = re.compile(r"[\x20-\x7e]+")
_NUMBER = re.compile(r"\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,3})?\s*", re.ASCII)
_LONGEST_NUMBER = 400
_INT64 = 2**63
_MILLISECONDS_FROM = 10**11
_UTC = " +00:00"
_FORM = "%Y-%m-%d %H:%M:%S"
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


class Unfit(ValueError):
    """A value that can't be what its field wants; the text is the reason."""


def read(field: Field, value: Any) -> Any:
    """`value` as `field` wants it. Raises Unfit."""
    if isinstance(value, list) and len(value) == 1 and field.type not in _STRUCTURES:
        value = value[0]
    return _READERS[field.type](field, value)


def text_of(value: Any) -> str | None:
    """Text, or a number or a flag as text, numbers as JavaScript writes them; None for others."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 10**21 else repr(value)
    return str(value) if isinstance(value, int) and abs(value) < 10**21 else None


def _text(field: Field, value: Any) -> str:
    text = text_of(value)
    if text is None:
        raise Unfit("must be text")
    if field.most is not None and len(text.encode("utf-8", "surrogatepass")) > field.most:
        raise Unfit(f"must be at most {field.most} bytes long")
    return text


def _number(_: Field, value: Any) -> int | float:
    number = _parsed(value) if isinstance(value, str) else _real(value)
    if number is None or not math.isfinite(_bounded(number)):
        raise Unfit("must be a number")
    return number


def _real(value: Any) -> int | float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _parsed(text: str) -> int | float | None:
    if len(text) > _LONGEST_NUMBER or _NUMBER.fullmatch(text) is None:
        return None
    number = float(text)
    exact = text.strip().lstrip("+-").isdecimal()
    return int(text) if exact else number


def _bounded(number: float) -> float:
    """The number as a float; infinite where it is too large to be one."""
    try:
        return float(number)
    except OverflowError:
        return math.inf


def _whole(field: Field, value: Any) -> int:
    try:
        number = _number(field, value)
    except Unfit:
        raise Unfit("must be a whole number") from None
    if int(number) != number:
        raise Unfit("must be a whole number")
    if not -_INT64 <= number < _INT64:
        raise Unfit("must be a whole number of at most 64 bits")
    return int(number)


_FLAGS = {"true": True, "false": False, "1": True, "0": False}


def _flag(_: Field, value: Any) -> bool:
    found = _FLAGS.get(text_of(value) or "")
    if found is None:
        raise Unfit("must be true or false")
    return found


def _email(_: Field, value: Any) -> str:
    plain = value.strip().lower() if isinstance(value, str) else ""
    if len(plain) > LONGEST_EMAIL or _EMAIL.fullmatch(plain) is None:
        raise Unfit("must be an e-mail address")
    return plain


def _user_id(_: Field, value: Any) -> str:
    text = text_of(value)
    if text is None or not text.strip():
        raise Unfit("must be text")
    if len(text) > LONGEST_USER_ID or _PRINTABLE.fullmatch(text) is None or text.endswith(" "):
        raise Unfit(
            f"must be at most {LONGEST_USER_ID} printable ASCII characters, no blank at the end"
        )
    return text


def _moment(value: Any) -> datetime:
    number = _parsed(value) if isinstance(value, str) else _real(value)
    try:
        if number is not None:
            ms = abs(_bounded(number)) >= _MILLISECONDS_FROM
            return datetime.fromtimestamp(number / 1000 if ms else number, UTC)
        if isinstance(value, str):
            return _dated(value.strip())
    except (ValueError, OverflowError, OSError):
        pass
    raise Unfit("must be a time such as 2026-11-20T10:00:00Z")


def _dated(text: str) -> datetime:
    """ISO 8601; without an offset it is UTC."""
    if _DAY.fullmatch(text):
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    form = outgoing(text)
    if not form.endswith(_UTC):
        raise ValueError(text)
    return datetime.fromisoformat(form.removesuffix(_UTC)).replace(tzinfo=UTC)


def _seconds(_: Field, value: Any) -> int:
    return int(_moment(value).timestamp() // 1)


def _utc(_: Field, value: Any) -> str:
    return f"{_moment(value):{_FORM}}"


def _word(field: Field, value: Any) -> str:
    said = (text_of(value) or "").strip()
    found = {word.casefold(): meant for word, meant in field.words.items()}.get(said.casefold())
    if found is None:
        allowed = dict.fromkeys(field.words.values())
        raise Unfit(f"must be one of {', '.join(allowed)}")
    return found


def _object(_: Field, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Unfit("must be an object")
    return value


def _objects(field: Field, value: Any) -> list[dict[str, Any]]:
    items = value if isinstance(value, list) else [value]
    if not all(isinstance(item, dict) for item in items):
        raise Unfit("must be a list of objects")
    _at_most(field, items)
    return items


def _texts(field: Field, value: Any) -> list[str]:
    texts = [text_of(item) for item in (value if isinstance(value, list) else [value])]
    known = [text for text in texts if text is not None]
    if len(known) < len(texts):
        raise Unfit("must be a list of text")
    _at_most(field, known)
    return known


def _wholes(field: Field, value: Any) -> list[int]:
    try:
        numbers = [_whole(field, item) for item in (value if isinstance(value, list) else [value])]
    except Unfit:
        raise Unfit("must be a list of whole numbers") from None
    _at_most(field, numbers)
    return numbers


def _at_most(field: Field, items: list[Any]) -> None:
    if field.most is not None and len(items) > field.most:
        raise Unfit(f"must have at most {field.most} elements")


def _any(_: Field, value: Any) -> Any:
    return value


_STRUCTURES = (Type.OBJECT, Type.OBJECTS, Type.ITEMS, Type.TEXTS, Type.WHOLES, Type.ANY)
_READERS: dict[Type, Callable[[Field, Any], Any]] = {
    Type.TEXT: _text,
    Type.WHOLE: _whole,
    Type.NUMBER: _number,
    Type.FLAG: _flag,
    Type.EMAIL: _email,
    Type.USER_ID: _user_id,
    Type.SECONDS: _seconds,
    Type.UTC: _utc,
    Type.WORD: _word,
    Type.OBJECT: _object,
    Type.OBJECTS: _objects,
    Type.ITEMS: _objects,
    Type.TEXTS: _texts,
    Type.WHOLES: _wholes,
    Type.ANY: _any,
}
