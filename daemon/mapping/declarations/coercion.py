"""The step between a mapping's values and an action's request (segment.md §11.4).

What Segment's destination drops or rejects without a word is told here, field by field: a required
field that can't be sent fails the message, any other is left out and reported.
"""

from collections.abc import Mapping
from typing import Any

from daemon.mapping.canonical import outgoing
from daemon.mapping.declarations.field import Field, Table, Type
from daemon.mapping.declarations.problems import ActionFailed, FieldProblem
from daemon.mapping.declarations.values import Unfit, read

_REQUIRED = "is required"


def coerce(table: Table, found: Mapping[str, Any]) -> tuple[dict[str, Any], list[FieldProblem]]:
    """The values by field name, and what was left out of them.

    `found` holds what a mapping gave, by the names it was written under. The fields of a wildcard
    are put into the object they belong to; date-times in objects get Iterable's form.

    Raises:
        ActionFailed: a required field is missing or can't be sent.
    """
    problems: list[FieldProblem] = []
    values: dict[str, Any] = {}
    for name, field in table.plain.items():
        if name in found:
            _take(field, found[name], values, problems)
    for name in [name for name in found if name not in table.plain]:
        wildcard = next((field for field in table.wildcards if field.covers(name)), None)
        if wildcard is not None:
            _put(values, wildcard, name, found[name])
    for name in table.objects:
        if name in values:
            values[name] = outgoing(values[name])
    missing = table.required - values.keys()
    if missing:
        told = {problem.field.partition("[")[0] for problem in problems}
        problems += [FieldProblem(name, _REQUIRED) for name in sorted(missing - told)]
        raise ActionFailed(problems)
    return values, problems


def _take(field: Field, value: Any, values: dict[str, Any], problems: list[FieldProblem]) -> None:
    """One value of the table. Empty text counts as nothing said; so does null, mostly."""
    if value is None and field.nullable:
        values[field.name] = None
    if value is None or value == "":
        return
    try:
        fitted = read(field, value)
    except Unfit as unfit:
        problems.append(FieldProblem(field.name, str(unfit)))
        return
    if field.type is Type.ITEMS:
        fitted = _items(field, fitted, problems)
    if fitted is not None:
        values[field.name] = fitted


def _items(
    field: Field, items: list[dict[str, Any]], problems: list[FieldProblem]
) -> list[dict[str, Any]] | None:
    """Items whose own fields are right; None where one lacks a required field: all are told."""
    found = [
        _item(field.items, item, f"{field.name}[{number}]", problems)
        for number, item in enumerate(items)
    ]
    right = [item for item in found if item is not None]
    return right if len(right) == len(items) else None


def _item(
    table: Table, item: dict[str, Any], place: str, problems: list[FieldProblem]
) -> dict[str, Any] | None:
    own = table.plain.keys()
    try:
        values, unfit = coerce(table, {name: item[name] for name in item if name in own})
    except ActionFailed as failed:
        problems += _placed(failed.problems, place)
        return None
    problems += _placed(unfit, place)
    others = {name: outgoing(value) for name, value in item.items() if name not in own}
    return {**values, **others}


def _placed(problems: list[FieldProblem], place: str) -> list[FieldProblem]:
    return [FieldProblem(f"{place}.{problem.field}", problem.reason) for problem in problems]


def _put(values: dict[str, Any], field: Field, name: str, value: Any) -> None:
    """Put a value below the wildcard's root, over what stands there; nothing given is changed."""
    *outer, last = [field.root, *name.removeprefix(field.root + ".").split(".")]
    place = values
    for word in outer:
        inner = place.get(word)
        place[word] = dict(inner) if isinstance(inner, dict) else {}
        place = place[word]
    place[last] = value
