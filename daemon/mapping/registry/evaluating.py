"""One question about mappings, answered: what `segue mapping eval` does with a line.

    {"mapping": ..., "payload": ...}                  -> {"result": ...}
    {"subscribe": "...", "event": ..., "dialect": ...} -> {"result": true}
    {"action": "...", "event": ..., "mapping": ..., "settings": ...} -> {"requests": [...]}

What can't be answered is `{"error": ...}`.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from daemon.domain.identity import ProjectType
from daemon.errors import ConfigurationError
from daemon.mapping.actions import ACTIONS
from daemon.mapping.declarations.action import Action, Preset
from daemon.mapping.declarations.problems import ActionFailed
from daemon.mapping.declarations.saying import one_of
from daemon.mapping.directives import MappingFailed, MappingInvalid, compile_mapping
from daemon.mapping.paths import MISSING
from daemon.mapping.registry.blocks import DIALECTS, filled
from daemon.mapping.registry.fields import Fields, compile_fields, defaults_of, least_of
from daemon.mapping.registry.performing import perform
from daemon.mapping.subscribe import SubscribeError, decides, parse, parse_trigger

_DIALECTS = tuple(DIALECTS)
_KEYS = {
    "mapping": ("mapping", "payload"),
    "subscribe": ("subscribe", "event", "dialect"),
    "action": ("action", "event", "mapping", "preset", "settings"),
}
_PROJECT = ("project", "project_type", "projectType")
_ASKS = "a line has mapping and payload, subscribe and event, or action and event"


def answer(question: Any) -> dict[str, Any]:
    """The answer to one decoded line. Raises RecursionError for what is nested too deeply."""
    try:
        kind = _kind(question)
        return {"mapping": _mapping, "subscribe": _subscribe, "action": _action}[kind](question)
    except ActionFailed as failed:
        problems = msgspec.to_builtins(failed.problems)
        return {"error": str(failed), "problems": problems}
    except (ConfigurationError, MappingInvalid) as wrong:
        return {"error": "; ".join(wrong.problems)}
    except (SubscribeError, MappingFailed) as wrong:
        return {"error": str(wrong)}


def _kind(question: Any) -> str:
    if not isinstance(question, dict):
        raise ConfigurationError(f"a line must be an object: {_ASKS}")
    for kind in ("action", "subscribe", "mapping"):
        if kind in question:
            for key in question:
                if key not in _KEYS[kind]:
                    raise ConfigurationError(f"{key}: {one_of(key, list(_KEYS[kind]))}")
            return kind
    raise ConfigurationError(_ASKS)


def _mapping(question: Mapping[str, Any]) -> dict[str, Any]:
    payload = _object(question, "payload")
    result = compile_mapping(question["mapping"], "mapping").evaluate(payload)
    return {"result": None if result is MISSING else result}


def _subscribe(question: Mapping[str, Any]) -> dict[str, Any]:
    event, text = _object(question, "event"), question["subscribe"]
    dialect = question.get("dialect", _DIALECTS[0])
    if not isinstance(text, str):
        raise ConfigurationError("subscribe: must be text")
    if dialect not in _DIALECTS:
        raise ConfigurationError(f"dialect: {one_of(dialect, list(_DIALECTS))}")
    if dialect == _DIALECTS[0]:
        return {"result": parse(text).matches_payload(event)}
    trigger = parse_trigger(text)
    if "error" in trigger:
        # Segment's own parser refuses it and its validator then matches nothing: both are said
        return {"result": False, "error": str(trigger["error"]["message"])}
    return {"result": decides(trigger, event)}


def _action(question: Mapping[str, Any]) -> dict[str, Any]:
    event, action = _object(question, "event"), _action_of(question)
    settings = _object(question, "settings")
    project = _project(settings)
    preset = _preset(action, question)
    options, fills = _options(action, settings)
    fields = filled(action, fills).over(_fields(action, preset, question))
    if preset is not None:
        options = {**preset.keys, **options}
    outcome = perform(action, fields, event, options, project)
    found: dict[str, Any] = {"requests": msgspec.to_builtins(outcome.requests)}
    if outcome.problems:
        found["left_out"] = msgspec.to_builtins(outcome.problems)
    return found


def _object(question: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = question.get(key, {})
    if not isinstance(value, dict):
        raise ConfigurationError(f"{key}: must be an object")
    return value


def _action_of(question: Mapping[str, Any]) -> Action:
    said = question["action"]
    if not isinstance(said, str) or said not in ACTIONS:
        raise ConfigurationError(f"action: {one_of(said, list(ACTIONS))}")
    return ACTIONS[said]


def _preset(action: Action, question: Mapping[str, Any]) -> Preset | None:
    """The preset that is named; without a mapping the action's first."""
    said = question.get("preset")
    if said is None:
        return action.presets[0] if action.presets and "mapping" not in question else None
    found = action.preset(said) if isinstance(said, str) else None
    if found is None:
        names = [preset.name for preset in action.presets]
        raise ConfigurationError(f"preset: {one_of(said, names)}")
    return found


def _fields(action: Action, preset: Preset | None, question: Mapping[str, Any]) -> Fields:
    """A mapping alone is complete, as Segment's are; over a preset it is exceptions to it."""
    problems: list[str] = []
    own = compile_fields(action, _object(question, "mapping"), "mapping", problems)
    if problems:
        raise ConfigurationError(problems)
    if preset is not None:
        own = own.over(filled(action, preset.fields))
    alone = preset is None and "mapping" in question
    return own.over(filled(action, least_of(action, own) if alone else defaults_of(action)))


def _project(settings: Mapping[str, Any]) -> ProjectType | None:
    """A project type, alone or as it stands in a configuration; None where nobody said."""
    said = next((settings[name] for name in _PROJECT if name in settings), None)
    if isinstance(said, dict):
        said = said.get("type")
    if said is None:
        return None
    try:
        return ProjectType(said)
    except ValueError:
        raise ConfigurationError(f"settings.project: {one_of(said, list(ProjectType))}") from None


def _options(action: Action, settings: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A block's keys, and the fields they stand for. Ids are given as such: nobody knows names."""
    problems: list[str] = []
    options: dict[str, Any] = {}
    fills: dict[str, Any] = {}
    for name, value in settings.items():
        if name in _PROJECT:
            continue
        key, place = action.key(name), f"settings.{name}"
        if key is None:
            problems.append(f"{place}: {one_of(name, _allowed(action))}")
            continue
        already = len(problems)
        read = key.shape.read(value, place, problems)
        if len(problems) > already:
            continue
        problems += [
            f"{need.place}: must be an id here, not a name"
            for need in key.shape.needs(read, place)
            if not isinstance(need.reference, int)
        ]
        options[name] = read
        fills |= key.fills(read) if key.fills else {}
    if problems:
        raise ConfigurationError(problems)
    return options, fills


def _allowed(action: Action) -> list[str]:
    return ["project", *(key.name for key in action.keys)]
