"""Calls, turns, what waits."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from daemon.domain.commands import CallKey, Endpoint
from daemon.domain.ledger import CallRows, FailedRow, TurnBody
from daemon.domain.messages import shard_of
from daemon.store import calls, turns, waiting
from daemon.store.calls import CallRow, Closing, NewCall
from daemon.store.database import Database
from daemon.store.shardset import to_bits, to_shards
from daemon.store.turns import TurnRow
from daemon.store.waiting import WaitingKind, WaitingRow

EVENTS = CallKey(Endpoint.TRACK_BULK)
STATE = CallKey(Endpoint.SUBSCRIPTIONS, 12, "messageChannel", "unsubscribe")


@given(st.sets(st.integers(0, 63)))
def test_a_set_of_shards_is_one_signed_integer(shards: set[int]) -> None:
    bits = to_bits(shards)
    assert -(2**63) <= bits < 2**63
    assert to_shards(bits) == tuple(sorted(shards))


def events(*positions: int, shards: tuple[int, ...] = (1, 63)) -> NewCall:
    return NewCall(
        key=EVENTS,
        mapping_version=3,
        shards=shards,
        opened_at=100,
        first_position=min(positions),
        last_position=max(positions),
        rows=CallRows(
            users=[f"u:{p}" for p in positions],
            positions=list(positions),
            message_ids=[f"id-{p}" for p in positions],
        ),
    )


def state(user: str, opened_at: int = 100) -> NewCall:
    rows = CallRows(users=[user], parts=[{"channel:12": 2**64 - 1, "list:3": 0}])
    return NewCall(STATE, 3, (shard_of(user),), opened_at, 0, 0, rows)


def open_calls(database: Database, *new: NewCall) -> list[int]:
    return database.write_now(lambda connection: calls.open_(connection, new))


def close(database: Database, *closings: Closing) -> None:
    database.write_now(lambda connection: calls.close(connection, closings))


def still_open(database: Database, *shards: int) -> list[CallRow]:
    return database.read_now(lambda connection: calls.open_calls(connection, shards))


def test_a_call_is_open_until_it_is_closed_with_what_became_of_it(database: Database) -> None:
    assert open_calls(database) == []
    one, two = open_calls(database, events(4, 9), state("u:1"))
    (first,) = still_open(database, 63)
    assert first == CallRow(
        id=one,
        key=EVENTS,
        mapping_version=3,
        shards=(1, 63),
        opened_at=100,
        closed_at=None,
        status=None,
        first_position=4,
        last_position=9,
        rows=events(4, 9).rows,
        failed=[],
    )
    close(database, Closing(one, 200, 200, [FailedRow(1, "bad_data", "no")]), Closing(two, 201, 0))
    assert still_open(database, *range(64)) == []
    (again,) = database.read_now(lambda c: calls.of_message(c, 9, "id-9"))
    assert (again.closed_at, again.status, again.failed) == (
        200,
        200,
        [FailedRow(1, "bad_data", "no")],
    )


def test_state_keeps_its_parts_and_their_hashes(database: Database) -> None:
    open_calls(database, state("u:1"))
    (found,) = still_open(database, shard_of("u:1"))
    assert found.key == STATE
    assert found.rows.parts == [{"channel:12": 2**64 - 1, "list:3": 0}]


def test_only_open_calls_of_ones_own_shards_are_found(database: Database) -> None:
    ids = open_calls(database, *[events(n + 1, shards=(n,)) for n in range(64)])
    assert [call.id for call in still_open(database, 5, 63, 6)] == [ids[5], ids[6], ids[63]]
    assert still_open(database) == []


def test_closed_calls_above_a_cursor_are_found(database: Database) -> None:
    ids = open_calls(
        database, events(1, 5), events(6, 9), events(7, 8, shards=(2,)), events(10), state("u:1")
    )
    close(database, *[Closing(each, 200, 200) for each in (*ids[:3], ids[4])])

    def above(position: int, *shards: int) -> list[int]:
        return database.read_now(
            lambda connection: [
                call.id
                for call in calls.closed_above(connection, Endpoint.TRACK_BULK, position, shards)
            ]
        )

    assert above(4, 1, 2) == ids[:3]
    assert above(5, 1, 2) == ids[1:3]
    assert above(8, 63) == [ids[1]]
    assert above(9, 1, 2, 63) == []


def test_a_message_and_a_user_are_found_in_calls(database: Database) -> None:
    ids = open_calls(
        database, events(4, 9), events(5), state("u:1"), state("u:1", 50), state("u:2")
    )

    def of_message(position: int, message_id: str) -> list[int]:
        return database.read_now(
            lambda c: [call.id for call in calls.of_message(c, position, message_id)]
        )

    def of_user(name: str, since: int = 0) -> list[int]:
        return database.read_now(lambda c: [call.id for call in calls.of_user(c, name, since)])

    assert of_message(5, "id-5") == [ids[1]]
    assert of_message(9, "id-9") == [ids[0]]
    assert of_message(6, "id-6") == []
    assert of_user("u:1") == [ids[2], ids[3]]
    assert of_user("u:1", since=60) == [ids[2]]
    assert of_user("u:nobody") == []


def test_old_calls_are_trimmed_but_never_open_ones(database: Database) -> None:
    ids = open_calls(database, events(1), events(2), events(3))
    close(database, Closing(ids[0], 10, 200), Closing(ids[1], 20, 200))
    assert database.write_now(lambda connection: calls.trim(connection, 20)) == 1
    assert database.write_now(lambda connection: calls.trim(connection, 99)) == 1
    assert [call.id for call in still_open(database, 1)] == [ids[2]]


def turn(at: int, first: int, last: int, *shards: int, stage: str = "folded") -> TurnRow:
    body = TurnBody(
        messages=last - first,
        verdicts={"plan": {"applied": 2}},
        handed=[(first + 1, 99)],
        repairs={7: "superseded"},
        delivered=[last],
    )
    return TurnRow(at, stage, shards, first, last, body)


def without_id(row: TurnRow | None) -> TurnRow | None:
    return None if row is None else msgspec.structs.replace(row, id=0)


def test_turns_are_kept_in_order_and_found_by_what_they_cover(database: Database) -> None:
    rows = [
        turn(1, 0, 10, 1, 2),
        turn(2, 0, 9, 63),
        turn(3, 10, 20, 1, 2),
        turn(4, 0, 20, 1, stage="x"),
    ]
    database.write_now(lambda connection: turns.add(connection, rows))

    def covering(stage: str, shard: int, position: int) -> TurnRow | None:
        return without_id(database.read_now(lambda c: turns.covering(c, stage, shard, position)))

    assert covering("folded", 1, 10) == rows[0]
    assert covering("folded", 2, 11) == rows[2]
    assert covering("folded", 63, 1) == rows[1]
    assert covering("folded", 63, 10) is None
    assert covering("folded", 5, 5) is None
    assert covering("x", 1, 20) == rows[3]
    page = database.read_now(lambda connection: turns.scan(connection, 0, 3))
    rest = database.read_now(lambda connection: turns.scan(connection, page[-1].id, 3))
    assert [without_id(row) for row in page + rest] == rows
    assert database.write_now(lambda connection: turns.trim(connection, 3)) == 2
    assert covering("folded", 1, 10) is None


def wait(user: str, kind: WaitingKind = WaitingKind.PARKED, **changes: int | str) -> WaitingRow:
    row = WaitingRow(
        shard=shard_of(user),
        user=user,
        position=1,
        kind=kind,
        endpoint="events/trackBulk",
        due=10,
        since_at=5,
        attempts=0,
        reason="state",
        mapping_version=1,
        begun_at=None,
        body=b"{}",
    )
    return msgspec.structs.replace(row, **changes)


def add(database: Database, *rows: WaitingRow) -> list[WaitingRow]:
    ids = database.write_now(lambda connection: waiting.add(connection, rows))
    return [
        msgspec.structs.replace(row, id=given_id) for row, given_id in zip(rows, ids, strict=True)
    ]


def of(database: Database, *names: str) -> list[WaitingRow]:
    keys = [(shard_of(name), name) for name in names]
    kinds = list(WaitingKind)
    return database.read_now(lambda connection: waiting.of_users(connection, keys, kinds))


def test_what_waits_is_found_by_its_user_in_order(database: Database) -> None:
    rows = add(database, wait("u:2"), wait("u:1"), wait("u:2", WaitingKind.DEAD), wait("u:3"))
    assert of(database, "u:1", "u:2", "u:9") == rows[:3]
    key = [(shard_of("u:2"), "u:2")]
    dead = database.read_now(lambda c: waiting.of_users(c, key, [WaitingKind.DEAD]))
    assert dead == [rows[2]]


def test_what_waits_is_changed_and_removed_by_id(database: Database) -> None:
    one, two = add(database, wait("u:1"), wait("u:1"))
    changed = msgspec.structs.replace(one, kind=WaitingKind.DEAD, begun_at=7, reason="", due=0)
    database.write_now(lambda connection: waiting.update(connection, [changed]))
    assert of(database, "u:1") == [changed, two]
    database.write_now(lambda connection: waiting.remove(connection, [one.id, two.id, 999]))
    assert of(database, "u:1") == []


def test_an_id_is_never_given_again(database: Database) -> None:
    (one,) = add(database, wait("u:1"))
    database.write_now(lambda connection: waiting.remove(connection, [one.id]))
    (two,) = add(database, wait("u:1"))
    assert two.id > one.id


def test_what_waits_comes_when_due_and_when_expired(database: Database) -> None:
    rows = add(database, *[wait("u:1", due=30 - n, since_at=n) for n in range(20)])
    add(database, wait("u:1", WaitingKind.OUTBOX, due=0, since_at=0))
    shard = shard_of("u:1")
    parked = WaitingKind.PARKED

    def due(now: int, limit: int, *shards: int) -> list[WaitingRow]:
        return database.read_now(lambda c: waiting.due(c, shards, parked, now, limit))

    assert due(13, 9, shard) == [rows[19], rows[18], rows[17]]
    assert due(13, 2, shard) == [rows[19], rows[18]]
    assert due(13, 9, (shard + 1) % 64) == []
    assert database.read_now(lambda c: waiting.expired(c, range(64), parked, 3, 9)) == rows[:3]


def test_what_waits_is_counted_and_listed_by_kind(database: Database) -> None:
    rows = add(database, *[wait("u:1", WaitingKind.DEAD, endpoint=e) for e in "aabab"])
    add(database, wait("u:1"))
    assert database.read_now(waiting.counts) == {
        (WaitingKind.DEAD, "a"): 3,
        (WaitingKind.DEAD, "b"): 2,
        (WaitingKind.PARKED, "events/trackBulk"): 1,
    }
    page = database.read_now(lambda c: waiting.by_kind(c, WaitingKind.DEAD, 0, 3))
    rest = database.read_now(lambda c: waiting.by_kind(c, WaitingKind.DEAD, page[-1].id, 9))
    assert page + rest == rows
