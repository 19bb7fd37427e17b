"""What lanes did, turn by turn: the ledger that `audit` adds up."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, func, insert, or_, select

from daemon.domain.ledger import TurnBody
from daemon.domain.messages import NewRow
from daemon.store import facts
from daemon.store.schema import TURN
from daemon.store.shardset import meets, to_bits, to_shards

TRIMMED = "turns trimmed"
"""The fact whose `at` says up to when turns were deleted."""


class TurnRow(msgspec.Struct, frozen=True):
    """A turn of a stage over the positions above `from_position` up to `to_position`.

    `at` is when it was checkpointed, ms. `id` is 0 until it is stored.
    """

    at: int
    stage: str
    shards: tuple[int, ...]
    from_position: int
    to_position: int
    body: TurnBody
    id: int = 0


_COLUMNS = [
    TURN.c.at,
    TURN.c.stage,
    TURN.c.shards,
    TURN.c.from_position,
    TURN.c.to_position,
    TURN.c.body,
    TURN.c.id,
]
_ROWS = select(*_COLUMNS)
_PAGE = 500
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(TurnBody).decode


def add(connection: Connection, rows: Sequence[TurnRow]) -> None:
    """Note turns."""
    if rows:
        connection.execute(
            insert(TURN),
            [
                {
                    "at": row.at,
                    "stage": row.stage,
                    "shards": to_bits(row.shards),
                    "from_position": row.from_position,
                    "to_position": row.to_position,
                    "body": _encode(row.body),
                }
                for row in rows
            ],
        )


def note_appended(
    connection: Connection,
    stage: str,
    at: int,
    first: int,
    rows: Sequence[NewRow],
    body: TurnBody | None = None,
) -> None:
    """Note that these rows entered the log at `first` and the positions after it."""
    appended = bytes(row.shard for row in rows)
    noted = msgspec.structs.replace(body or TurnBody(), appended_from=first, appended=appended)
    add(connection, [TurnRow(at, stage, (), 0, 0, noted)])


def scan(connection: Connection, after_id: int, limit: int) -> list[TurnRow]:
    """The next turns after an id, in the order they were noted."""
    statement = _ROWS.where(TURN.c.id > after_id).order_by(TURN.c.id).limit(limit)
    return _turns(connection.execute(statement))


def last_before(connection: Connection, at: int) -> int:
    """The id of the last turn noted before a time in ms, 0 where there is none."""
    statement = select(func.max(TURN.c.id)).where(TURN.c.at < at)
    return connection.execute(statement).scalar() or 0


def covering(connection: Connection, stage: str, shard: int, position: int) -> TurnRow | None:
    """The turn of a stage that covers a position of a shard; None where it is gone or to come."""
    statement = _ROWS.where(
        TURN.c.stage == stage,
        TURN.c.from_position < position,
        TURN.c.to_position >= position,
        meets(TURN.c.shards, [shard]),
    )
    found = _turns(connection.execute(statement.order_by(TURN.c.to_position).limit(1)))
    return found[0] if found else None


class Ended(msgspec.Struct, frozen=True):
    """Positions: `handed` went on as a copy, `waited` ended in their turn after they had waited."""

    handed: list[int]
    waited: list[int]


def ended_above(connection: Connection, stage: str, position: int, since: int) -> Ended:
    """What turns of a stage say of events above a position, which their cursor has not passed.

    Of every lane: what waited goes with its user, who may be another lane's than the message.
    `since` is when the first of them was received, ms: a lane may have sent what waited though its
    own cursor was lower still, as shards come to it with cursors of their own.
    """
    later = or_(TURN.c.to_position > position, TURN.c.at >= since)
    statement = select(TURN.c.body).where(TURN.c.stage == stage, later)
    ended = Ended([], [])
    found = connection.execute(statement.execution_options(yield_per=_PAGE))
    for packed in found.scalars():
        body = _decode(packed)
        ended.handed.extend(origin for origin, _ in body.handed if origin > position)
        for positions in (body.delivered, body.filtered, body.expired, body.dead):
            ended.waited.extend(each for each in positions if each > position)
    return ended


def chunk_end(connection: Connection, before: int, chunk: int) -> int:
    """Up to which time (ms), at most `before`, about `chunk` turns are the oldest."""
    statement = select(TURN.c.at).where(TURN.c.at < before).order_by(TURN.c.at)
    last = connection.execute(statement.offset(chunk).limit(1)).scalar()
    return before if last is None else last + 1


def trim(connection: Connection, before: int) -> int:
    """Delete the turns from before a time in ms. How many there were."""
    deleted = connection.execute(delete(TURN).where(TURN.c.at < before)).rowcount
    if deleted:
        facts.put(connection, TRIMMED, "", before)
    return deleted


def _turns(rows: Iterable[Sequence[Any]]) -> list[TurnRow]:
    return [
        TurnRow(at, stage, to_shards(bits), first, last, _decode(body), id_)
        for at, stage, bits, first, last, body, id_ in rows
    ]
