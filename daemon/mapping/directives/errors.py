"""What can be wrong with a mapping: as it is written, or with one message."""

from collections.abc import Sequence


class MappingInvalid(ValueError):
    """A mapping can't be read. `problems` holds one line for each mistake, with its place."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(self.problems))


class MappingFailed(ValueError):
    """A mapping can't be evaluated on this message; on others it may be.

    `place` is where in the mapping, `reason` what is wrong. Neither quotes the message's values.
    """

    def __init__(self, place: str, reason: str) -> None:
        self.place = place
        self.reason = reason
        super().__init__(f"{place or '/'}: {reason}")
