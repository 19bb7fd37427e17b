"""Puts the members of one request through validation, one after another."""

from collections.abc import Callable

from daemon.domain.messages import MessageClass, NewRow, encode, shard_of
from daemon.errors import MessageRejected
from daemon.ingest.intake import Intake, Rejected, Taken
from daemon.ingest.validate import (
    Member,
    Origin,
    Rules,
    message_id_of,
    message_of,
    read_member,
)

KEPT_BYTES = 4096  # of a rejected member, for people to look at


class Sieve:
    """Fills an `Intake`. `new_id` names messages that come without an id of their own.

    Those are not recognised as duplicates when a sender repeats them (segment.md §1.7).
    """

    def __init__(self, origin: Origin, rules: Rules, new_id: Callable[[], str]) -> None:
        self._origin, self._rules, self._new_id = origin, rules, new_id
        self._index = 0
        self.intake = Intake(origin.source, origin.received_at)

    def take(self, raw: bytes) -> None:
        """Take or reject the next member.

        Raises:
            RequestRefused: it is no JSON, so neither is the request.
        """
        try:
            self._keep(read_member(raw, self._rules, self._origin.context_bytes))
        except MessageRejected as error:
            self.intake.rejected.append(Rejected(error.reason, str(error), raw[:KEPT_BYTES]))
        self._index += 1

    def _keep(self, member: Member) -> None:
        message_id = message_id_of(member) or self._new_id()
        origin = self._origin
        message, clamped = message_of(member, origin, self._index, message_id, self._rules)
        row = NewRow(
            shard=shard_of(message.user_key),
            message_class=MessageClass.LIVE,
            received_at=origin.received_at,
            hops=0,
            body=encode(message),
        )
        self.intake.taken.append(Taken(message_id, row))
        self.intake.clamped += clamped
