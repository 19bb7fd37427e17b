"""The fields of an action: one row of its table each."""

from enum import StrEnum
from functools import cached_property
from typing import Any

import msgspec

_WILDCARD = ".*"


class Type(StrEnum):
    """How a value is read; see `coercion`. The values are what people read in the reference."""

    TEXT = "text"
    WHOLE = "whole number"
    NUMBER = "number"
    FLAG = "true or false"
    EMAIL = "e-mail address"
    USER_ID = "userId"
    SECONDS = "time, as Unix seconds"
    UTC = "time, as YYYY-MM-DD HH:MM:SS in UTC"
    WORD = "one of a few words"
    OBJECT = "object"
    OBJECTS = "list of objects"
    ITEMS = "list of items"
    TEXTS = "list of text"
    WHOLES = "list of whole numbers"
    ANY = "any"


class Field(msgspec.Struct, frozen=True, dict=True):
    """One field.

    `name` is as it is written under `fields:`, `also` another way to write it; a name that ends in
    `.*` stands for every name that begins so. `default` is the mapping that is used where neither
    preset nor block has one. `identity`: it says who the user is, which a block leaves to the
    profile. `nullable`: null is sent, and removes what is stored. `most` is a bound, of bytes for
    text, of elements for lists. `words` maps what may be said to what is sent. `of` are the fields
    of each item.
    """

    name: str
    type: Type
    about: str
    source: str
    also: str = ""
    required: bool = False
    default: Any = None
    identity: bool = False
    nullable: bool = False
    most: int | None = None
    words: dict[str, str] = {}
    of: tuple["Field", ...] = ()

    @property
    def is_wildcard(self) -> bool:
        return self.name.endswith(_WILDCARD)

    @property
    def root(self) -> str:
        """The name without the wildcard."""
        return self.name.removesuffix(_WILDCARD)

    def covers(self, name: str) -> bool:
        """Whether `name` is this field, or one the wildcard stands for."""
        if not self.is_wildcard:
            return name == self.name
        rest = name.removeprefix(self.root + ".")
        return rest != name and "" not in rest.split(".")

    @cached_property
    def items(self) -> "Table":
        """The fields of each item, ready for reading."""
        return Table(self.of)


class Table:
    """Fields in their order, and what is asked of all of them for every message.

    `plain` are those without a wildcard, `objects` the names whose values may hold date-times.
    """

    def __init__(self, fields: tuple[Field, ...]) -> None:
        free = (Type.OBJECT, Type.ANY)
        self.plain = {field.name: field for field in fields if not field.is_wildcard}
        self.wildcards = [field for field in fields if field.is_wildcard]
        self.objects = list(dict.fromkeys(each.root for each in fields if each.type in free))
        self.required = frozenset(field.name for field in fields if field.required)
