"""What a lane finds in the store when it starts."""

from collections.abc import Sequence

import msgspec

from daemon.domain.commands import Endpoint
from daemon.outbound.emitting import Fate
from daemon.outbound.turn import FOLDED
from daemon.store import Connection, calls, cursors, log, turns, waiting
from daemon.store.database import Database

_FATES = {
    waiting.WaitingKind.DEAD: Fate.DEAD,
    waiting.WaitingKind.HELD: Fate.PARKED,
    waiting.WaitingKind.PARKED: Fate.PARKED,
    waiting.WaitingKind.OUTBOX: Fate.PARKED,
}


class Start(msgspec.Struct, frozen=True):
    """Where to go on. `finished` says what became of events after the cursor, by position.

    `folded` and `emitted` are the lowest of the lane's cursors; `cursors` are all of them, by shard
    and stage, as those of shards that had other lanes before may stand further on.
    """

    folded: int
    emitted: int
    cursors: dict[tuple[int, str], int]
    finished: dict[int, Fate]
    open_calls: list[calls.CallRow]
    parked_users: list[str]


async def start_from(database: Database, shards: Sequence[int]) -> Start:
    """Read cursors, open calls, and what is finished beyond the cursor."""
    return await database.read(lambda connection: _read(connection, shards))


def _read(connection: Connection, shards: Sequence[int]) -> Start:
    found = cursors.load(connection, shards)
    folded = min(found.get((shard, FOLDED), 0) for shard in shards)
    endpoint = Endpoint.TRACK_BULK
    emitted = min(found.get((shard, str(endpoint)), 0) for shard in shards)
    kept = {position: _FATES[kind] for position, kind in waiting.above(connection, emitted).items()}
    return Start(
        folded=folded,
        emitted=emitted,
        cursors=found,
        finished=_finished(connection, endpoint, emitted, shards) | kept,
        open_calls=calls.open_calls(connection, shards),
        parked_users=waiting.users_with(connection, shards, waiting.WaitingKind.PARKED),
    )


def _finished(
    connection: Connection, endpoint: Endpoint, emitted: int, shards: Sequence[int]
) -> dict[int, Fate]:
    finished: dict[int, Fate] = {}
    for call in calls.closed_above(connection, endpoint, emitted, shards):
        failed = {row.index for row in call.failed}
        for index, position in enumerate(call.rows.positions):
            if index not in failed and position > emitted:
                finished[position] = Fate.DELIVERED
    since = log.oldest_received_at(connection, emitted)
    if since is None:
        return finished
    ended = turns.ended_above(connection, FOLDED, emitted, since)
    finished |= dict.fromkeys(ended.handed, Fate.HANDED)
    return finished | dict.fromkeys(ended.waited, Fate.PARKED)
