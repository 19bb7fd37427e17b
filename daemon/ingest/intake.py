"""What ingest hands to the store for one request: rows for the log, and what was rejected."""

import msgspec

from daemon.domain.messages import NewRow


class Taken(msgspec.Struct, frozen=True, gc=False):
    """A valid message on its way into the log; deduplicated by its source and `message_id`."""

    message_id: str
    row: NewRow


class Rejected(msgspec.Struct, frozen=True, gc=False):
    """A member that can't be taken. `body` is its beginning as received."""

    reason: str
    detail: str
    body: bytes


class Intake(msgspec.Struct):
    """One request's members. `clamped` counts effective times that had to be corrected."""

    source: str
    received_at: int
    taken: list[Taken] = []
    rejected: list[Rejected] = []
    clamped: int = 0

    @property
    def received(self) -> int:
        return len(self.taken) + len(self.rejected)
