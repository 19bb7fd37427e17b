"""The JSON Schema of the `mappings:` blocks, so that editors complete and check them."""

from typing import Any

from daemon.mapping.actions import ACTIONS
from daemon.mapping.declarations.action import Action
from daemon.mapping.declarations.field import Field
from daemon.mapping.registry.blocks import DIALECTS

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def mappings_schema() -> dict[str, Any]:
    """The schema of a configuration, of which only `mappings` is described."""
    return {
        "$schema": _DIALECT,
        "title": "Segue's mappings",
        "type": "object",
        "properties": {
            "mappings": {
                "type": "array",
                "description": "What maps to what.",
                "items": {"$ref": "#/$defs/block"},
            }
        },
        "$defs": {
            "block": _any_block(),
            **{action.name: _block(action) for action in ACTIONS.values()},
        },
    }


def _any_block() -> dict[str, Any]:
    """Which block it is says its action: so a mistake is told of that action's keys only."""
    return {
        "type": "object",
        "required": ["name", "action"],
        "properties": {
            "action": {
                "description": "What is done.",
                "oneOf": [
                    {"const": action.name, "description": action.about}
                    for action in ACTIONS.values()
                ],
            },
        },
        "allOf": [
            {
                "if": {"required": ["action"], "properties": {"action": {"const": name}}},
                "then": {"$ref": f"#/$defs/{name}"},
            }
            for name in ACTIONS
        ],
    }


def _block(action: Action) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "name": {
            "type": "string",
            "pattern": r"^[^/]*[^/\s][^/]*$",
            "description": "What you call it.",
        },
        "action": {"const": action.name, "description": action.about},
        "fields": _fields(action),
    }
    if action.presets:
        properties["preset"] = {
            "description": "Fields a name stands for.",
            "oneOf": [
                {"const": preset.name, "description": preset.about} for preset in action.presets
            ],
        }
    if action.key("subscribe") is not None:
        properties["dialect"] = {
            "enum": list(DIALECTS),
            "description": "How `subscribe` is meant: as FQL, or as Segment decides its triggers.",
        }
    for key in action.keys:
        properties[key.name] = {**key.shape.schema(), "description": key.about}
    schema = {
        "description": action.about,
        "type": "object",
        "properties": properties,
        "required": ["name", "action", *(key.name for key in action.keys if key.required)],
        "additionalProperties": False,
    }
    if action.one_of:
        schema["allOf"] = [
            {"oneOf": [{"required": [name]} for name in group]} for group in action.one_of
        ]
    return schema


def _fields(action: Action) -> dict[str, Any]:
    """Any value can be a field's: a path, a template, a literal, or a directive."""
    schema: dict[str, Any] = {
        "type": "object",
        "description": "Where each field's value is found: `$.path`, a template, or a value.",
        "properties": {},
        "patternProperties": {},
        "additionalProperties": action.open,
    }
    for field in action.fields:
        if field.identity:
            continue
        if field.is_wildcard:
            schema["patternProperties"][f"^{field.root.replace('.', '[.]')}[.]."] = _about(field)
            continue
        for name in filter(None, (field.name, field.also)):
            schema["properties"][name] = _about(field)
    return schema


def _about(field: Field) -> dict[str, Any]:
    return {"description": f"{field.about} ({field.type})"}
