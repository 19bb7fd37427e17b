"""Subscriptions of Segment's as mapping blocks, and a list of what differs."""

import re
from typing import Any

import msgspec

from daemon.errors import ConfigurationError
from daemon.mapping.actions import ACTIONS
from daemon.mapping.declarations.action import Action, Preset
from daemon.mapping.importing.subscriptions import Subscription, subscriptions_in
from daemon.mapping.importing.values import shorter
from daemon.mapping.registry.blocks import read_block
from daemon.mapping.registry.fields import flat, full_name
from daemon.mapping.subscribe import SubscribeError, convert

_ACTIONS = {
    # the end of a slug or name, letters only: our action
    "updateuser": "update_user",
    "upsertuser": "update_user",
    "trackevent": "track_event",
    "customevent": "track_event",
    "updatecart": "update_cart",
    "cartupdates": "update_cart",
    "trackpurchase": "track_purchase",
}
_BATCHING = ("enable_batching", "batch_size", "batch_keys", "batch_bytes")
_LISTS = "name the audience and the list of each in a subscribe_list block"


class Imported(msgspec.Struct, frozen=True):
    """`off` are blocks of disabled subscriptions; `differs` says what to look at, a line each."""

    blocks: list[dict[str, Any]]
    off: list[dict[str, Any]]
    differs: list[str]


def import_subscriptions(document: Any) -> Imported:
    """The blocks for an export. Raises ConfigurationError where it holds no subscription."""
    imported = Imported([], [], [])
    names: set[str] = set()
    for number, subscription in enumerate(subscriptions_in(document)):
        name = _free(subscription.name.replace("/", " ").strip() or f"import {number + 1}", names)
        names.add(name)
        block = _block(name, subscription, imported.differs)
        if block is not None:
            (imported.blocks if subscription.enabled else imported.off).append(block)
    if not names:
        raise ConfigurationError(
            "holds no subscription: an object with `trigger` or `subscribe`, and `settings` or"
            " `mapping`"
        )
    return imported


def _free(name: str, taken: set[str]) -> str:
    found, number = name, 1
    while found in taken:
        number += 1
        found = f"{name} {number}"
    return found


def _block(name: str, said: Subscription, differs: list[str]) -> dict[str, Any] | None:
    action = _action(said)
    if action is None:
        differs.append(f"{name}: action {said.slug!r} is left out; {_LISTS}")
        return None
    if not _letters(said.slug):
        differs.append(f"{name}: the export names no action; its fields are those of {action.name}")
    subscribe = _subscribe(name, said.trigger, differs)
    if subscribe is None:
        return None
    fields = _fields(name, action, said.mapping, differs)
    block: dict[str, Any] = {"name": name, "subscribe": subscribe, "action": action.name}
    preset = action.preset("segment")
    if preset is not None and all(field in fields for field in _own(action, preset)):
        block["preset"] = preset.name
        fields = {key: value for key, value in fields.items() if preset.fields.get(key) != value}
    elif preset is not None and "omit" in preset.keys:
        block |= preset.keys
    written = {
        _short(action, key): shorter(value)
        for key, value in fields.items()
        if not _is_default(action, key, value)
    }
    if written or "preset" not in block:
        block["fields"] = written
    problems: list[str] = []
    read_block(block, name, problems)
    differs += problems
    return block


def _own(action: Action, preset: Preset) -> list[str]:
    """What a preset says besides who it is."""
    fields = [(name, action.field(name)) for name in preset.fields]
    return [name for name, field in fields if field is not None and not field.identity]


def _action(said: Subscription) -> Action | None:
    slug = _letters(said.slug)
    if slug:
        found = next((ours for end, ours in _ACTIONS.items() if slug.endswith(end)), None)
    elif "items" in said.mapping:
        found = "track_purchase" if "total" in said.mapping else "update_cart"
    elif "eventName" in said.mapping:
        found = "track_event"
    else:
        found = None if "segmentAudienceKey" in said.mapping else "update_user"
    return ACTIONS[found] if found else None


def _letters(slug: str) -> str:
    return re.sub(r"[^a-z]", "", slug.lower())


def _subscribe(name: str, trigger: str, differs: list[str]) -> str | None:
    try:
        converted = convert(trigger)
    except SubscribeError as error:
        differs.append(f"{name}: left out, its trigger can't be said here: {error}")
        return None
    differs += [
        f"{name}: trigger at character {note.character}: {note.says}" for note in converted.warnings
    ]
    if converted.intended:
        differs.append(f"{name}: what the trigger probably means is: {converted.intended}")
    return converted.text


def _fields(
    name: str, action: Action, mapping: dict[str, Any], differs: list[str]
) -> dict[str, Any]:
    """The fields a block can have, by full name; who it is is left to the profile."""
    fields: dict[str, Any] = {}
    for key, value in flat(action, mapping).items():
        full = full_name(action, key)
        field = action.field(full) if full else None
        if key in _BATCHING or key.startswith("__segment"):
            continue
        if field is None or (field.is_wildcard and not key.startswith(field.root)):
            differs.append(f"{name}: field {key} is left out: {action.name} has none of that name")
        elif not field.identity:
            fields[str(full)] = value
        elif value not in _known_identities(action, field.name, field.default):
            differs.append(f"{name}: field {key} is left out: who it is says the profile")
    return fields


def _known_identities(action: Action, name: str, default: Any) -> list[Any]:
    """What the profile says of a person anyway, as Segment's mappings put it."""
    presets = [preset.fields[name] for preset in action.presets if name in preset.fields]
    return [default, *presets, {"@path": "$.traits.email"}, {"@path": "$.userId"}]


def _is_default(action: Action, name: str, value: Any) -> bool:
    field = action.field(name)
    return field is not None and field.default is not None and field.default == value


def _short(action: Action, name: str) -> str:
    """The name as people write it."""
    field = action.field(name)
    if field is not None and field.also:
        return field.also
    return name
