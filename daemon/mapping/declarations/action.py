"""What a file under `daemon/mapping/actions` declares.

An action is data (what it is called, which fields it takes, which keys its blocks have, what its
presets are) and one pure function, from fields that are right to the requests of a single message.
The registry, the block reader, the JSON Schema, the reference and the import read the data; none
of them knows an action by name.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import cached_property
from typing import Any

import msgspec

from daemon.domain.identity import ProjectType
from daemon.mapping.declarations.field import Field, Table
from daemon.mapping.declarations.key import Key


class Kind(StrEnum):
    """STATE is converged by difference; EVENT acts on its message, once (DESIGN §2)."""

    STATE = "state"
    EVENT = "event"


class Request(msgspec.Struct, frozen=True):
    """One call to Iterable. `path` begins with `/api/`; `json` is None where there is no body."""

    method: str
    path: str
    json: dict[str, Any] | None


class Route(msgspec.Struct, frozen=True):
    """An endpoint. Where one takes many, `bulk` is its path and `rows` the key they stand under."""

    method: str
    path: str
    source: str
    bulk: str = ""
    rows: str = ""


class Preset(msgspec.Struct, frozen=True):
    """Fields (and block keys) that a name stands for.

    `slug` is Segment's name of the event that such a mapping is made for (segment.md §7.2; which
    is whose is told by the names where the source doesn't say). It is for people: a block with
    such a preset chooses the messages itself, by `context.personas.event_emitter_id`.
    """

    name: str
    about: str
    source: str
    fields: dict[str, Any]
    keys: dict[str, Any] = {}
    slug: str = ""


class Default(msgspec.Struct, frozen=True):
    """A block that belongs to a whole set of mappings, `segment` or `segment-classic`.

    `on` is false for what Segment's destination leaves to the user.
    """

    of: str
    name: str
    subscribe: str
    preset: str
    on: bool = True


class Given(msgspec.Struct, frozen=True):
    """What a request is made from.

    `values` are fields by name, coerced, those that are missing left out; `options` the block's
    keys. `project` is None where nobody said: then what both identifiers are known of is sent, as
    by Segment's destination, which doesn't know the project's type.
    """

    values: Mapping[str, Any]
    options: Mapping[str, Any]
    project: ProjectType | None


class Action(msgspec.Struct, frozen=True, dict=True):
    """An action.

    `open`: a name in `fields` that is not in the table is short for `dataFields.` and the name.
    `refuses` says why a data field can't be written, or None. Of each group of keys in `one_of` a
    block has exactly one. `build` raises ActionFailed where the values don't make a request. `row`
    is what a row of the bulk call says beside whom it is about; None where there is no such call.
    """

    name: str
    about: str
    kind: Kind
    routes: tuple[Route, ...]
    fields: tuple[Field, ...]
    build: Callable[[Given], list[Request]]
    keys: tuple[Key, ...]
    presets: tuple[Preset, ...] = ()
    defaults: tuple[Default, ...] = ()
    open: bool = False
    one_of: tuple[tuple[str, ...], ...] = ()
    refuses: Callable[[str], str | None] | None = None
    row: Callable[[Given], dict[str, Any]] | None = None

    @cached_property
    def table(self) -> Table:
        """The fields, ready for reading values."""
        return Table(self.fields)

    def field(self, name: str) -> Field | None:
        """The field of the table `name` stands for, itself or by a wildcard."""
        return next((field for field in self.fields if field.covers(name)), None)

    def key(self, name: str) -> Key | None:
        return next((key for key in self.keys if key.name == name), None)

    def preset(self, name: str) -> Preset | None:
        return next((preset for preset in self.presets if preset.name == name), None)
