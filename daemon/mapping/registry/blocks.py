"""Mapping blocks, read by what their actions declare.

Reading has two steps: `read_blocks` checks blocks by themselves, and says everything that is wrong
with them; `Block.ready` puts ids in place of names, once a catalog knows them.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from daemon.domain.identity import ProjectType
from daemon.errors import ConfigurationError
from daemon.mapping.actions import ACTIONS
from daemon.mapping.catalog import Catalog, Need
from daemon.mapping.declarations.action import Action, Preset
from daemon.mapping.declarations.saying import one_of
from daemon.mapping.declarations.shapes import Condition
from daemon.mapping.registry.fields import Fields, compile_fields, defaults_of
from daemon.mapping.registry.performing import Outcome, perform
from daemon.mapping.subscribe import Subscribe, parse, parse_as_trigger

COMMON = ("name", "action", "preset", "fields", "dialect")
"""Keys of every block."""
_SUBSCRIBE, _FQL = "subscribe", "fql"
DIALECTS: dict[str, Callable[[str], Subscribe]] = {
    _FQL: parse,
    "segment-trigger": parse_as_trigger,
}
"""How a block's `subscribe` may be meant."""


class Case(msgspec.Struct, frozen=True):
    """Messages a block is about, and where its fields are found in them."""

    subscribe: Subscribe
    fields: Fields


class Ready(msgspec.Struct, frozen=True):
    """A block that can be performed. `options` are its keys, ids in place of names.

    The first case that matches a message counts. There is none where messages alone don't tell
    when the block is due (`on: {inactive: ...}`).
    """

    name: str
    action: Action
    options: dict[str, Any]
    cases: tuple[Case, ...]

    def perform(self, payload: Mapping[str, Any], project: ProjectType | None) -> Outcome | None:
        """What the block makes of a message; None if it isn't about it. Raises ActionFailed."""
        for case in self.cases:
            if case.subscribe.matches_payload(payload):
                return perform(self.action, case.fields, payload, self.options, project)
        return None


class Block(msgspec.Struct, frozen=True):
    """A block that is right by itself.

    `options` are its keys as read, `own` its fields, `base` those of its preset and the defaults,
    `place` where it stood, `dialect` how its `subscribe` is meant.
    """

    name: str
    action: Action
    preset: Preset | None
    options: dict[str, Any]
    own: Fields
    base: Fields
    place: str
    dialect: str = _FQL

    def needs(self) -> list[Need]:
        """What Iterable must have for this block."""
        found = []
        for key in self.action.keys:
            if key.name in self.options:
                value, place = self.options[key.name], f"{self.place}.{key.name}"
                found += key.shape.needs(value, place)
        create = self.options.get("create") is True
        return [Need(need.group, need.reference, need.place, create) for need in found]

    def ready(self, catalog: Catalog) -> Ready:
        """The block with ids for names. Raises ConfigurationError for names nobody knows."""
        unknown = [
            f"{need.place}: Iterable has no {need.group} called {need.reference!r}"
            for need in self.needs()
            if catalog.find(need.group, need.reference) is None
        ]
        if unknown:
            raise ConfigurationError(unknown)
        options = {
            key.name: key.shape.resolve(self.options[key.name], catalog.find)
            for key in self.action.keys
            if key.name in self.options
        }
        preset = self.preset.keys if self.preset else {}
        return Ready(self.name, self.action, {**preset, **options}, tuple(self._cases(options)))

    def _cases(self, options: dict[str, Any]) -> list[Case]:
        always: dict[str, Any] = {}
        chosen: list[tuple[Subscribe, dict[str, Any]]] = []
        for key in self.action.keys:
            if key.name not in options:
                continue
            value = options[key.name]
            fills = key.fills(value) if key.fills else {}
            condition = key.condition(value) if key.condition else None
            if condition is not None:
                meant = DIALECTS[self.dialect] if key.name == _SUBSCRIBE else parse
                chosen.append((meant(condition), fills))
            else:
                always |= fills
        return [
            Case(
                subscribe,
                self.own.over(filled(self.action, {**always, **fills})).over(self.base),
            )
            for subscribe, fills in chosen
        ]


def filled(action: Action, fields: Mapping[str, Any]) -> Fields:
    """Fields an action's own declarations give: they can't be wrong."""
    problems: list[str] = []
    compiled = compile_fields(action, fields, action.name, problems)
    if problems:
        raise ConfigurationError(problems)
    return compiled


def read_blocks(blocks: Sequence[object]) -> list[Block]:
    """Read all blocks; raises ConfigurationError with one line for each mistake and its place."""
    problems: list[str] = []
    places: dict[str, str] = {}
    found = []
    for number, block in enumerate(blocks):
        read = read_block(block, f"mappings[{number}]", problems)
        if read is None:
            continue
        earlier = places.setdefault(read.name, read.place)
        if read.name and earlier != read.place:
            problems.append(f"{read.place}.name: {read.name!r} is already the name of {earlier}")
        found.append(read)
    if problems:
        raise ConfigurationError(problems)
    return found


def read_block(block: object, place: str, problems: list[str]) -> Block | None:
    """One block; None where it is so wrong that there is nothing to read on."""
    if not isinstance(block, Mapping):
        problems.append(f"{place}: must be a block with name, action and more")
        return None
    said = block.get("action")
    action = ACTIONS.get(said) if isinstance(said, str) else None
    if action is None:
        why = one_of(said, list(ACTIONS)) if "action" in block else _is_required(list(ACTIONS))
        problems.append(f"{place}.action: {why}")
        return None
    already = len(problems)
    name = _name(block, place, problems)
    preset = _preset(action, block, place, problems)
    own = _fields(action, block, place, problems)
    base = filled(action, {**defaults_of(action), **(preset.fields if preset else {})})
    dialect = _dialect(block, place, problems)
    options = _options(action, block, dialect, place, problems)
    if len(problems) == already:
        problems += _uncovered(action, own.over(base), options, place)
    return Block(name, action, preset, options, own, base, place, dialect)


def _is_required(allowed: list[str]) -> str:
    return f"is required; use one of {', '.join(allowed)}"


def _name(block: Mapping[str, Any], place: str, problems: list[str]) -> str:
    name = block.get("name")
    if "name" not in block:
        problems.append(f"{place}.name: is required")
    elif not isinstance(name, str) or not name.strip() or "/" in name:
        problems.append(f"{place}.name: must be text without a slash")
    else:
        return name
    return ""


def _preset(
    action: Action, block: Mapping[str, Any], place: str, problems: list[str]
) -> Preset | None:
    said = block.get("preset")
    if "preset" not in block:
        return None
    found = action.preset(said) if isinstance(said, str) else None
    if found is None:
        names = [preset.name for preset in action.presets]
        why = one_of(said, names) if names else f"{action.name} has no presets"
        problems.append(f"{place}.preset: {why}")
    return found


def _fields(action: Action, block: Mapping[str, Any], place: str, problems: list[str]) -> Fields:
    written = block.get("fields", {})
    if not isinstance(written, Mapping):
        problems.append(f"{place}.fields: must be a block of `field: $.path` lines")
        written = {}
    own = compile_fields(action, written, f"{place}.fields", problems)
    for name in own.compiled:
        field = action.field(name)
        if field is not None and field.identity:
            problems.append(f"{place}.fields.{name}: says who it is, which the profile does")
    return own


def _dialect(block: Mapping[str, Any], place: str, problems: list[str]) -> str:
    said = block.get("dialect", _FQL)
    if said not in list(DIALECTS):
        problems.append(f"{place}.dialect: {one_of(said, list(DIALECTS))}")
        return _FQL
    if _SUBSCRIBE not in block and "dialect" in block:
        problems.append(f"{place}.dialect: is about `subscribe`, and there is none")
    return str(said)


def _options(
    action: Action, block: Mapping[str, Any], dialect: str, place: str, problems: list[str]
) -> dict[str, Any]:
    options: dict[str, Any] = {}
    allowed = [*COMMON, *(key.name for key in action.keys)]
    for name, value in block.items():
        key = action.key(str(name))
        if key is not None:
            shape = Condition(DIALECTS[dialect]) if key.name == _SUBSCRIBE else key.shape
            options[key.name] = shape.read(value, f"{place}.{name}", problems)
        elif name not in COMMON:
            problems.append(f"{place}.{name}: {one_of(name, allowed)}")
    problems += [
        f"{place}.{key.name}: is required for {action.name}"
        for key in action.keys
        if key.required and key.name not in options
    ]
    problems += [
        f"{place}: must have one of {' and '.join(group)}, and only one"
        for group in action.one_of
        if sum(name in options for name in group) != 1
    ]
    return options


def _uncovered(action: Action, fields: Fields, options: dict[str, Any], place: str) -> list[str]:
    """Fields the action needs that neither a default, the preset, a key nor the block maps."""
    found = set(fields.compiled)
    for key in action.keys:
        if key.fills and key.name in options:
            found |= set(key.fills(options[key.name]))
    presets = ", ".join(preset.name for preset in action.presets)
    hint = f", or a preset: {presets}" if presets else ""
    return [
        f"{place}.fields.{field.name}: is required{hint}"
        for field in action.fields
        if field.required and field.name not in found
    ]
