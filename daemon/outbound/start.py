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
    """Where to go on. `finished` says what became of events after the cursor, by position;
    `partly` names the rows that were delivered of those that are not finished.

    `folded` and `emitted` are the lowest of the lane's cursors; `cursors` are all of them, by shard
    and stage, as those of shards that had other lanes before may stand further on.
    """

    folded: int
    emitted: int
    cursors: dict[tuple[int, str], int]
    finished: dict[int, Fate]
    partly: dict[int, set[str]]
    open_calls: list[calls.CallRow]
    parked_users: list[str]
    parked: int


async def start_from(database: Database, shards: Sequence[int]) -> Start:
    """Read cursors, open calls, and what is finished beyond the cursor."""
    return await database.read(lambda connection: _read(connection, shards))


def _read(connection: Connection, shards: Sequence[int]) -> Start:
    found = cursors.load(connection, shards)
    folded = min(found.get((shard, FOLDED), 0) for shard in shards)
    endpoint = Endpoint.TRACK_BULK
    emitted = min(found.get((shard, str(endpoint)), 0) for shard in shards)
    kept = {position: _FATES[kind] for position, kind in waiting.above(connection, emitted).items()}
    sent, partly = _sent(connection, endpoint, emitted, shards)
    finished = sent | _ended(connection, emitted) | kept
    return Start(
        folded=folded,
        emitted=emitted,
        cursors=found,
        finished=finished,
        partly={at: ids for at, ids in partly.items() if at not in finished},
        open_calls=calls.open_calls(connection, shards),
        parked_users=waiting.users_with(connection, shards, waiting.WaitingKind.PARKED),
        parked=waiting.count(connection, shards, waiting.WaitingKind.PARKED),
    )


def _sent(
    connection: Connection, endpoint: Endpoint, emitted: int, shards: Sequence[int]
) -> tuple[dict[int, Fate], dict[int, set[str]]]:
    """Events of which every row a call ever carried was accepted; and the rows of the others."""
    accepted: dict[int, set[str]] = {}
    refused: dict[int, set[str]] = {}
    for call in calls.closed_above(connection, endpoint, emitted, shards):
        failed = {row.index for row in call.failed}
        rows = zip(call.rows.positions, call.rows.message_ids, strict=True)
        for index, (position, row_id) in enumerate(rows):
            if position > emitted:
                ended = refused if index in failed else accepted
                ended.setdefault(position, set()).add(row_id)
    whole = {at for at, ids in accepted.items() if ids >= refused.get(at, set())}
    partly = {at: ids for at, ids in accepted.items() if at not in whole}
    return dict.fromkeys(whole, Fate.DELIVERED), partly


def _ended(connection: Connection, emitted: int) -> dict[int, Fate]:
    """What turns say of events the cursor has not passed yet."""
    since = log.oldest_received_at(connection, emitted)
    if since is None:
        return {}
    ended = turns.ended_above(connection, FOLDED, emitted, since)
    handed = dict.fromkeys(ended.handed, Fate.HANDED)
    return handed | dict.fromkeys(ended.waited, Fate.PARKED)
