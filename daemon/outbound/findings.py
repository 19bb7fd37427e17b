"""What an audit finds wrong, one line each, naming the message it is about.

A finding knows a position; which shard and message stand there is looked up once, at the end.
Findings are bounded: beyond the bound they are only counted.
"""

from collections.abc import Callable

import msgspec

from daemon.domain.messages import LogRow, decode
from daemon.store import Connection, log

MOST = 1_000


class Finding(msgspec.Struct, frozen=True):
    """One mistake. `table` is where a row seems to be missing or wrong.

    `position` is that of the message it is about, with its shard and messageId where known.
    """

    ledger: str
    table: str
    text: str
    position: int | None = None
    shard: int | None = None
    message_id: str | None = None

    @property
    def line(self) -> str:
        """For people."""
        if self.position is None:
            return f"{self.ledger}: {self.text}"
        known = [f"shard {self.shard}"] if self.shard is not None else []
        if self.message_id is not None:
            known.append(f"message {self.message_id}")
        place = f" ({', '.join(known)})" if known else ""
        return f"{self.ledger}: position {self.position}{place}: {self.text}"


class Findings:
    """All that one audit finds."""

    def __init__(self) -> None:
        self._kept: list[Finding] = []
        self.count = 0

    def note(self, ledger: str, table: str, text: str, position: int | None = None) -> None:
        self.count += 1
        if len(self._kept) < MOST:
            self._kept.append(Finding(ledger, table, text, position or None))

    def named(
        self,
        connection: Connection,
        shard_at: Callable[[int], int | None],
        lost: dict[int, str],
    ) -> list[Finding]:
        """The findings with shards and messageIds.

        `shard_at` knows the shard of a position whose row is lost, `lost` its messageId.
        """
        wanted = {each.position for each in self._kept if each.position is not None}
        rows = {row.position: row for row in log.at(connection, wanted)}
        return [_named(each, rows, shard_at, lost) for each in self._kept]


def _named(
    finding: Finding,
    rows: dict[int, LogRow],
    shard_at: Callable[[int], int | None],
    lost: dict[int, str],
) -> Finding:
    position = finding.position
    if position is None:
        return finding
    row = rows.get(position)
    if row is None:
        return msgspec.structs.replace(
            finding, shard=shard_at(position), message_id=lost.get(position)
        )
    try:
        message_id: str | None = decode(row.body).message_id
    except (msgspec.DecodeError, msgspec.ValidationError):
        message_id = None
    return msgspec.structs.replace(finding, shard=row.shard, message_id=message_id)
