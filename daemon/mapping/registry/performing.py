"""An action on one message: Segment's JSON in, the requests of a single event out."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

from daemon.domain.identity import ProjectType
from daemon.mapping.declarations.action import Action, Given, Request
from daemon.mapping.declarations.coercion import coerce
from daemon.mapping.declarations.problems import ActionFailed, FieldProblem
from daemon.mapping.registry.fields import Fields

T = TypeVar("T")


class Outcome(msgspec.Struct, frozen=True):
    """What is to be sent, and which fields had to be left out of it."""

    requests: list[Request]
    problems: list[FieldProblem]


def perform(
    action: Action,
    fields: Fields,
    payload: Mapping[str, Any],
    options: Mapping[str, Any],
    project: ProjectType | None,
) -> Outcome:
    """Evaluate `fields` on a message, coerce them, and let the action build its requests.

    `options` are the block's keys, with ids in place of names.

    Raises:
        ActionFailed: the message doesn't make the action's request. Nothing else is raised.
    """
    return Outcome(*_made(action, fields, payload, options, project, action.build))


def row_of(
    action: Action, fields: Fields, payload: Mapping[str, Any], options: Mapping[str, Any]
) -> tuple[dict[str, Any], list[FieldProblem]]:
    """A row of the action's bulk call without its user, and which fields were left out of it.

    Raises ActionFailed, and nothing else.
    """
    if action.row is None:
        raise ActionFailed([FieldProblem("action", "has no bulk call")])
    return _made(action, fields, payload, options, None, action.row)


def _made(
    action: Action,
    fields: Fields,
    payload: Mapping[str, Any],
    options: Mapping[str, Any],
    project: ProjectType | None,
    make: Callable[[Given], T],
) -> tuple[T, list[FieldProblem]]:
    found, problems = fields.find(payload)
    data, left_out = found.get("dataFields"), options.get("omit", [])
    if left_out and isinstance(data, dict):
        found["dataFields"] = {name: data[name] for name in data if name not in left_out}
    try:
        values, unfit = coerce(action.table, found)
        problems += unfit
        return make(Given(values, options, project)), problems
    except ActionFailed as failed:
        told = {problem.field for problem in problems}
        more = [problem for problem in failed.problems if problem.field not in told]
        raise ActionFailed([*problems, *more]) from None
