"""Shorthands for the tests of this folder."""

import json
from typing import Any

from daemon.mapping.directives import (
    MappingFailed,
    MappingInvalid,
    compile_field,
    compile_mapping,
)
from daemon.mapping.paths import MISSING

REFUSED = "refused when compiled"
FAILED = "failed when evaluated"


def evaluated(mapping: Any, event: dict[str, Any]) -> Any:
    return compile_mapping(mapping).evaluate(event)


def field(raw: Any, event: dict[str, Any] | None = None) -> Any:
    return compile_field(raw, "f").evaluate(event or {})


def outcome(mapping: Any, event: dict[str, Any]) -> Any:
    """What becomes of a mapping: its value, MISSING, REFUSED or FAILED."""
    try:
        compiled = compile_mapping(mapping)
    except MappingInvalid:
        return REFUSED
    try:
        return compiled.evaluate(event)
    except MappingFailed:
        return FAILED


def problems(mapping: Any, place: str = "") -> list[str]:
    try:
        compile_mapping(mapping, place)
    except MappingInvalid as invalid:
        return invalid.problems
    return []


def exact(value: Any) -> Any:
    """A value that can be compared so that 1 is not 1.0 and true is not 1."""
    return "MISSING" if value is MISSING else json.dumps(value, sort_keys=True)


def as_javascript(value: Any) -> Any:
    """The same with whole floats as ints, as JSON written by JavaScript has them."""
    if isinstance(value, dict):
        return {key: as_javascript(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_javascript(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
