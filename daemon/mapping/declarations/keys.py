"""The keys many actions have in common."""

from typing import Any

from daemon.mapping.declarations.field import Field, Type
from daemon.mapping.declarations.key import Key
from daemon.mapping.declarations.shapes import NAMES, RATE, Condition, Length, Word


def subscribe(about: str = "Which messages.", *, required: bool = True, **fills: Any) -> Key:
    """`fills` are the fields of the messages it chooses."""
    return Key(
        name="subscribe",
        shape=Condition(),
        about=about,
        required=required,
        fills=lambda _: dict(fills),
        condition=str,
    )


EXPIRES_AFTER = Key(
    name="expires_after",
    shape=Length(),
    about="A message about something that happened longer ago sends nothing.",
)
AT_MOST = Key(
    name="at_most",
    shape=RATE,
    about="More than this pauses the mapping and raises an alert.",
)
ONCE_PER = Key(name="once_per", shape=Length(), about="At most once per user in this time.")
OMIT = Key(
    name="omit",
    shape=NAMES,
    about="What is left out of an object that is taken whole.",
)
NULLS = Key(
    name="nulls",
    shape=Word("remove", "keep"),
    about="Whether null removes a field in Iterable (as it does unless told otherwise), or keeps"
    " it as it is.",
)
EMPTY = Key(
    name="empty",
    shape=Word("keep", "remove"),
    about="Whether empty text is kept as a value (as it is unless told otherwise), or counts as"
    " null.",
)


def constant(name: str) -> Any:
    """A key whose value is a field's."""
    return lambda value: {name: {"@literal": value}}


def data_fields(about: str, source: str, *, short: bool = False) -> tuple[Field, Field]:
    """An object of data, and its fields one by one; `short`: they need no `dataFields.`."""
    more = "One of them; also written without `dataFields.`." if short else "One of them."
    return (
        Field("dataFields", Type.OBJECT, about, source, also="*" if short else ""),
        Field("dataFields.*", Type.ANY, more, source),
    )


CREATE_NEW_FIELDS = Field(
    name="createNewFields",
    type=Type.FLAG,
    about="Whether fields Iterable has never seen are added; by default as the project is set.",
    source="iterable.md §7",
)
