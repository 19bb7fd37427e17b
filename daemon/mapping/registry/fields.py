"""The `fields:` of a block, compiled: where the value of each field is found in a message."""

from collections.abc import Mapping
from typing import Any

import msgspec

from daemon.mapping.declarations.action import Action
from daemon.mapping.declarations.problems import FieldProblem
from daemon.mapping.declarations.saying import one_of
from daemon.mapping.directives import Compiled, MappingFailed, MappingInvalid, compile_field
from daemon.mapping.paths import MISSING


class Fields(msgspec.Struct, frozen=True):
    """Mappings by the full name of their field."""

    compiled: dict[str, Compiled]

    def find(self, payload: Mapping[str, Any]) -> tuple[dict[str, Any], list[FieldProblem]]:
        """The value of each field in Segment's message; those that are nowhere are left out."""
        found: dict[str, Any] = {}
        problems = []
        for name, mapping in self.compiled.items():
            try:
                value = mapping.evaluate(payload)
            except MappingFailed as failed:
                problems.append(FieldProblem(name, failed.reason))
                continue
            if value is not MISSING:
                found[name] = value
        return found, problems

    def over(self, others: "Fields") -> "Fields":
        """These, and of the others what isn't among them."""
        return Fields({**others.compiled, **self.compiled})


def defaults_of(action: Action) -> dict[str, Any]:
    """What is used for fields nobody maps."""
    return {field.name: field.default for field in action.fields if field.default is not None}


def least_of(action: Action, mapped: Fields) -> dict[str, Any]:
    """What is used beside a mapping that is complete, as Segment's are: constants.

    Who it is is looked for in the usual places where such a mapping says nothing of it.
    """
    identity = {field.name for field in action.fields if field.identity}
    named = not identity.isdisjoint(mapped.compiled)
    return {
        name: default
        for name, default in defaults_of(action).items()
        if not isinstance(default, dict) or (name in identity and not named)
    }


def compile_fields(
    action: Action, written: Mapping[str, Any], place: str, problems: list[str]
) -> Fields:
    """Read fields as people, presets or Segment write them; mistakes become lines in `problems`."""
    compiled = {}
    for said, mapping in flat(action, written).items():
        name = full_name(action, said)
        if name is None:
            problems.append(f"{place}.{said}: {one_of(said, _names(action))}")
            continue
        why = action.refuses(name) if action.refuses and _is_data(action, name) else None
        if why is not None:
            problems.append(f"{place}.{said}: {why}")
            continue
        try:
            compiled[name] = compile_field(mapping, f"{place}.{said}")
        except MappingInvalid as invalid:
            problems += invalid.problems
    return Fields(compiled)


def full_name(action: Action, said: str) -> str | None:
    """The name in the action's table that is meant; None where there is none."""
    for field in action.fields:
        if said and said in (field.name, field.also):
            return field.name
    if action.field(said) is not None:
        return said
    return f"dataFields.{said}" if action.open and _right(said) else None


def _right(said: str) -> bool:
    return said != "*" and "" not in said.split(".")


def _is_data(action: Action, name: str) -> bool:
    field = action.field(name)
    return field is not None and field.is_wildcard


def flat(action: Action, written: Mapping[str, Any]) -> dict[str, Any]:
    """Fields that Segment writes as an object within another, by their full names."""
    found: dict[str, Any] = {}
    for said, mapping in written.items():
        name = str(said)
        group = isinstance(mapping, dict) and full_name(action, name) in (
            None,
            f"dataFields.{name}",
        )
        if group and any(field.name.startswith(f"{name}.") for field in action.fields):
            found |= {f"{name}.{inner}": value for inner, value in mapping.items()}
        else:
            found[name] = mapping
    return found


def _names(action: Action) -> list[str]:
    return [field.also or field.name for field in action.fields]
