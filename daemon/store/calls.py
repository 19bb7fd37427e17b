"""Bulk calls to Iterable: committed before they leave, closed by the checkpoint that settles them.

An open row is the intent: after a crash a call that may or may not have been applied. A closed one
is kept as long as the log, so that `explain` and `audit` can name messages (DESIGN §3.3).
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    bindparam,
    delete,
    func,
    literal,
    select,
    update,
)

from daemon.domain.commands import CallKey, Endpoint
from daemon.domain.ledger import CallRows, FailedRow
from daemon.domain.messages import shard_of
from daemon.store.schema import CALL
from daemon.store.shardset import meets, to_bits, to_shards
from daemon.store.statements import add_numbered


class NewCall(msgspec.Struct, frozen=True):
    """A call about to be sent. `opened_at` is in ms.

    `first_position` and `last_position` are those of its events; for state, those of the changes it
    carries (the oldest of each user), 0 where there is none.
    """

    key: CallKey
    mapping_version: int
    shards: tuple[int, ...]
    opened_at: int
    first_position: int
    last_position: int
    rows: CallRows


class Closing(msgspec.Struct, frozen=True):
    """What became of a call. `status` is the HTTP status, 0 where no answer came."""

    id: int
    closed_at: int
    status: int
    failed: list[FailedRow] = []


class CallRow(msgspec.Struct, frozen=True):
    """A call where it rests; open while `closed_at` is None."""

    id: int
    key: CallKey
    mapping_version: int
    shards: tuple[int, ...]
    opened_at: int
    closed_at: int | None
    status: int | None
    first_position: int
    last_position: int
    rows: CallRows
    failed: list[FailedRow]


_COLUMNS = [
    CALL.c.id,
    CALL.c.endpoint,
    CALL.c.target,
    CALL.c.group,
    CALL.c.action,
    CALL.c.mapping_version,
    CALL.c.shards,
    CALL.c.opened_at,
    CALL.c.closed_at,
    CALL.c.status,
    CALL.c.first_position,
    CALL.c.last_position,
    CALL.c.rows,
    CALL.c.failed,
]
_ROWS = select(*_COLUMNS)
_CLOSE = (
    update(CALL)
    .where(CALL.c.id == bindparam("call"))
    .values(closed_at=bindparam("at"), status=bindparam("answer"), failed=bindparam("rows_failed"))
)
_encode = msgspec.msgpack.Encoder().encode
_decode_rows = msgspec.msgpack.Decoder(CallRows).decode
_decode_failed = msgspec.msgpack.Decoder(list[FailedRow]).decode


def open_(connection: Connection, calls: Sequence[NewCall]) -> list[int]:
    """Note calls as open. Their ids, in order."""
    rows = [
        {
            "endpoint": call.key.endpoint.value,
            "target": call.key.target,
            "group": call.key.group,
            "action": call.key.action,
            "mapping_version": call.mapping_version,
            "shards": to_bits(call.shards),
            "opened_at": call.opened_at,
            "first_position": call.first_position,
            "last_position": call.last_position,
            "rows": _encode(call.rows),
        }
        for call in calls
    ]
    return add_numbered(connection, CALL, rows)


def close(connection: Connection, closings: Sequence[Closing]) -> None:
    """Note what became of calls."""
    if closings:
        connection.execute(
            _CLOSE,
            [
                {
                    "call": closing.id,
                    "at": closing.closed_at,
                    "answer": closing.status,
                    "rows_failed": _encode(closing.failed) if closing.failed else None,
                }
                for closing in closings
            ],
        )


def open_calls(connection: Connection, shards: Collection[int]) -> list[CallRow]:
    """The calls still open that carry rows of any of these shards, oldest first."""
    statement = _ROWS.where(CALL.c.closed_at.is_(None), meets(CALL.c.shards, shards))
    return _calls(connection.execute(statement))


def closed_above(
    connection: Connection, endpoint: Endpoint, position: int, shards: Collection[int]
) -> list[CallRow]:
    """Closed calls of an endpoint and these shards that carry a row above a position."""
    statement = _ROWS.where(
        CALL.c.endpoint == endpoint.value,
        CALL.c.last_position > position,
        CALL.c.closed_at.is_not(None),
        meets(CALL.c.shards, shards),
    )
    return _calls(connection.execute(statement))


def scan(connection: Connection, after_id: int, limit: int) -> list[CallRow]:
    """The next calls after an id, in the order they were opened."""
    statement = _ROWS.where(CALL.c.id > after_id).order_by(CALL.c.id).limit(limit)
    return _calls(connection.execute(statement))


def of_message(connection: Connection, position: int, message_id: str) -> list[CallRow]:
    """The calls that carried the event at a position."""
    found = _calls(
        connection.execute(
            _ROWS.where(
                CALL.c.first_position <= position,
                CALL.c.last_position >= position,
                _mentions(connection, message_id),
            )
        )
    )
    return [call for call in found if position in call.rows.positions]


def of_user(connection: Connection, user: str, since: int = 0) -> list[CallRow]:
    """The calls opened since a time in ms that carried a row of this user. For people: it scans."""
    statement = _ROWS.where(
        CALL.c.opened_at >= since,
        meets(CALL.c.shards, [shard_of(user)]),
        _mentions(connection, user),
    )
    return [call for call in _calls(connection.execute(statement)) if user in call.rows.users]


def trim(connection: Connection, before: int) -> int:
    """Delete calls closed before a time in ms. How many there were."""
    return connection.execute(delete(CALL).where(CALL.c.closed_at < before)).rowcount


def _mentions(connection: Connection, text: str) -> ColumnElement[bool]:
    """Whether the stored rows hold these characters: rules out most calls before decoding."""
    needle = text.encode()
    if connection.dialect.name == "sqlite":
        return func.instr(CALL.c.rows, needle) > 0
    return func.position(literal(needle).bool_op("IN")(CALL.c.rows)) > 0


def _calls(rows: Iterable[Sequence[Any]]) -> list[CallRow]:
    # sorted here: asked to sort, SQLite would rather walk through the table than use an index
    return sorted(_each(rows), key=lambda call: call.id)


def _each(rows: Iterable[Sequence[Any]]) -> Iterator[CallRow]:
    for id_, endpoint, target, group, action, version, bits, *times, packed, failed in rows:
        opened_at, closed_at, status, first, last = times
        yield CallRow(
            id=id_,
            key=CallKey(Endpoint(endpoint), target, group, action),
            mapping_version=version,
            shards=to_shards(bits),
            opened_at=opened_at,
            closed_at=closed_at,
            status=status,
            first_position=first,
            last_position=last,
            rows=_decode_rows(packed),
            failed=_decode_failed(failed) if failed else [],
        )
