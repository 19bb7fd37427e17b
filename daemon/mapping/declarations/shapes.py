"""What the value of a block's key may look like: how it is read, and how an editor is told.

`read` gives the value as the rest of Segue takes it (lengths of time in ms, conditions parsed) and
adds a line to `problems` for each mistake; what it gives then counts for nothing.
"""

import re
from collections.abc import Callable
from typing import Any, TypeAlias

from daemon.domain.commands import Group
from daemon.mapping.catalog import Need
from daemon.mapping.declarations.saying import one_of
from daemon.mapping.durations import milliseconds
from daemon.mapping.subscribe import SubscribeError, parse

Find: TypeAlias = Callable[[Group, str | int], int | None]
Schema: TypeAlias = dict[str, Any]

_RATE = re.compile(r"[1-9][0-9]{0,8}/[smhd]", re.ASCII)
_SHARE = re.compile(r"(?:100|[1-9]?[0-9])%", re.ASCII)
_LARGEST_ID = 2**63 - 1


class Shape:
    """A kind of value; `words` is what people call it. This one takes anything."""

    words = "any value"

    def read(self, value: Any, place: str, problems: list[str]) -> Any:
        del place, problems
        return value

    def schema(self) -> Schema:
        return {}

    def needs(self, value: Any, place: str) -> list[Need]:
        """What Iterable must have for a value that was read."""
        del value, place
        return []

    def resolve(self, value: Any, find: Find) -> Any:
        """The value with ids in place of names."""
        del find
        return value


class Checked(Shape):
    """A value that is right as it stands, or isn't."""

    def __init__(self, words: str, right: Callable[[Any], bool], schema: Schema) -> None:
        self.words = words
        self._right = right
        self._schema = schema

    def read(self, value: Any, place: str, problems: list[str]) -> Any:
        if not self._right(value):
            problems.append(f"{place}: must be {self.words}")
        return value

    def schema(self) -> Schema:
        return self._schema


def _is_id(value: Any) -> bool:
    return type(value) is int and 0 < value <= _LARGEST_ID


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _fits(pattern: re.Pattern[str]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


FLAG = Checked("true or false", lambda value: isinstance(value, bool), {"type": "boolean"})
ID = Checked("an id, a whole number", _is_id, {"type": "integer", "minimum": 1})
NAME = Checked("text", _is_name, {"type": "string", "minLength": 1})
NAMES = Checked(
    "a list of names",
    lambda value: isinstance(value, list) and all(map(_is_name, value)),
    {"type": "array", "items": {"type": "string", "minLength": 1}},
)
RATE = Checked(
    "a rate such as 2000/h (s, m, h or d)",
    _fits(_RATE),
    {"type": "string", "pattern": f"^{_RATE.pattern}$"},
)
SHARE = Checked(
    "a share such as 50%", _fits(_SHARE), {"type": "string", "pattern": f"^{_SHARE.pattern}$"}
)


class Word(Shape):
    """One of a few words."""

    def __init__(self, *words: str) -> None:
        self._allowed = list(words)
        self.words = " or ".join(f"`{word}`" for word in words)

    def read(self, value: Any, place: str, problems: list[str]) -> Any:
        if not isinstance(value, str) or value not in self._allowed:
            problems.append(f"{place}: {one_of(value, self._allowed)}")
        return value

    def schema(self) -> Schema:
        return {"enum": self._allowed}


class Length(Shape):
    """A length of time; read as ms."""

    words = "a length of time such as 90s, 30m, 2h or 14d"

    def read(self, value: Any, place: str, problems: list[str]) -> Any:
        length = milliseconds(value) if isinstance(value, str) else None
        if not length:
            problems.append(f"{place}: must be {self.words}")
        return length

    def schema(self) -> Schema:
        return {"type": "string", "pattern": r"^\s*\d+\s*[smhd]\s*$"}


class Condition(Shape):
    """A subscribe string. It is read for its mistakes, and kept as text."""

    words = "a condition"

    def __init__(self, meant: Callable[[str], object] = parse) -> None:
        self._meant = meant

    def read(self, value: Any, place: str, problems: list[str]) -> Any:
        if not isinstance(value, str):
            problems.append(f'{place}: must be text, such as: type = "track"')
            return value
        try:
            self._meant(value)
        except SubscribeError as error:
            problems.append(f"{place}: {error}")
        return value

    def schema(self) -> Schema:
        return {"type": "string", "minLength": 1}


class Reference(Shape):
    """Something in Iterable, by name or id."""

    words = "a name or an id"

    def __init__(self, group: Group) -> None:
        self.group = group

    def read(self, value: Any, place: str, problems: list[str]) -> Any:
        if not (_is_id(value) or _is_name(value)):
            problems.append(f"{place}: must be {self.words}")
        return value

    def schema(self) -> Schema:
        return {"anyOf": [NAME.schema(), ID.schema()]}

    def needs(self, value: Any, place: str) -> list[Need]:
        return [Need(self.group, value, place)]

    def resolve(self, value: Any, find: Find) -> Any:
        return find(self.group, value)


class ListOf(Shape):
    """One value or a list of them; read as a list."""

    def __init__(self, item: Shape) -> None:
        self._item = item
        self.words = f"{item.words}, one or a list"

    def read(self, value: Any, place: str, problems: list[str]) -> Any:
        items = value if isinstance(value, list) else [value]
        if not items:
            problems.append(f"{place}: must name at least one")
        return [self._item.read(item, place, problems) for item in items]

    def schema(self) -> Schema:
        item = self._item.schema()
        return {"anyOf": [item, {"type": "array", "items": item, "minItems": 1}]}

    def needs(self, value: Any, place: str) -> list[Need]:
        return [need for item in value for need in self._item.needs(item, place)]

    def resolve(self, value: Any, find: Find) -> Any:
        return [self._item.resolve(item, find) for item in value]


class Keys(Shape):
    """A block of its own. `required` are keys it must have; without any it must have one."""

    def __init__(self, required: tuple[str, ...] = (), **keys: Shape) -> None:
        self._keys = {name.removesuffix("_"): shape for name, shape in keys.items()}
        self._required = required
        self.words = "a block with " + ", ".join(f"`{name}`" for name in self._keys)

    def read(self, value: Any, place: str, problems: list[str]) -> Any:
        if not isinstance(value, dict) or not value:
            problems.append(f"{place}: must be {self.words}")
            return {}
        problems += [f"{place}.{name}: is required" for name in self._required if name not in value]
        found = {}
        for name, inner in value.items():
            shape = self._keys.get(name)
            if shape is None:
                problems.append(f"{place}.{name}: {one_of(name, list(self._keys))}")
            else:
                found[name] = shape.read(inner, f"{place}.{name}", problems)
        return found

    def schema(self) -> Schema:
        return {
            "type": "object",
            "properties": {name: shape.schema() for name, shape in self._keys.items()},
            "required": list(self._required),
            "minProperties": 1,
            "additionalProperties": False,
        }

    def needs(self, value: Any, place: str) -> list[Need]:
        return [
            need
            for name, inner in value.items()
            for need in self._keys[name].needs(inner, f"{place}.{name}")
        ]

    def resolve(self, value: Any, find: Find) -> Any:
        return {name: self._keys[name].resolve(inner, find) for name, inner in value.items()}


class Either(Shape):
    """The first of several shapes a value fits. Where it fits none, the nearest one complains."""

    def __init__(self, *shapes: Shape) -> None:
        self._shapes = shapes
        self.words = ", or ".join(shape.words for shape in shapes)

    def read(self, value: Any, place: str, problems: list[str]) -> Any:
        told: list[tuple[int, list[str]]] = []
        for shape in self._shapes:
            found: list[str] = []
            read = shape.read(value, place, found)
            if not found:
                return read
            if isinstance(value, dict) and isinstance(shape, Keys):
                told.append((len(found), found))
        problems += min(told)[1] if told else [f"{place}: must be {self.words}"]
        return value

    def schema(self) -> Schema:
        return {"anyOf": [shape.schema() for shape in self._shapes]}
