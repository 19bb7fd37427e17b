"""What is wrong with the fields of one message, for people: names and reasons, never values."""

from collections.abc import Iterable

import msgspec


class FieldProblem(msgspec.Struct, frozen=True):
    """A field that can't be sent as it is, and why."""

    field: str
    reason: str

    def __str__(self) -> str:
        return f"{self.field}: {self.reason}"


class ActionFailed(ValueError):
    """A message doesn't make the action's request. `problems` says why, field by field."""

    def __init__(self, problems: Iterable[FieldProblem]) -> None:
        self.problems = list(problems)
        super().__init__("; ".join(map(str, self.problems)))
