from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, inspect

from daemon.domain.messages import MessageClass, NewRow
from daemon.store import dedupe, ingested, log
from daemon.store.database import Database
from daemon.store.ingested import Counts, IntakeResult, RejectedRow

HOUR = 3_600_000
DAY = 24 * HOUR
NOON = 1_700_000_000_000 // DAY * DAY + DAY // 2


@dataclass
class Taken:
    message_id: str
    row: NewRow


@dataclass
class Rejected:
    reason: str
    detail: str
    body: bytes


@dataclass
class Request:
    source: str
    taken: list[Taken] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    received_at: int = NOON


def request(source: str, *ids: str, rejected: int = 0) -> Request:
    taken = [Taken(i, NewRow(1, MessageClass.LIVE, NOON, 0, f"{source} {i}".encode())) for i in ids]
    return Request(source, taken, [Rejected("bad", "no type", b"[]")] * rejected)


def accept(
    database: Database, *batch: Request, now: int = NOON, window_hours: int = 24
) -> IntakeResult:
    return database.write_now(
        lambda connection: ingested.accept(connection, batch, now, window_hours)
    )


def bodies(database: Database) -> list[str]:
    rows = database.read_now(lambda connection: log.read(connection, 0, None, 10_000))
    return [row.body.decode() for row in rows]


def test_an_intake_is_appended_counted_and_remembered(database: Database) -> None:
    result = accept(database, request("web", "a", "b", rejected=1), request("ios", "a"))
    assert (result.first_position, result.accepted) == (1, 3)
    assert result.per_source == {"web": Counts(3, 1, 0, 2), "ios": Counts(1, 0, 0, 1)}
    assert bodies(database) == ["web a", "web b", "ios a"]
    day = dedupe.day_of(NOON)
    assert database.read_now(ingested.totals) == {
        (day, "web"): Counts(3, 1, 0, 2),
        (day, "ios"): Counts(1, 0, 0, 1),
    }


def test_duplicates_inside_a_batch_and_across_commits_are_taken_once(database: Database) -> None:
    first = accept(database, request("web", "a", "a", "b"), request("web", "b", "c"))
    assert first.per_source == {"web": Counts(5, 0, 2, 3)}
    second = accept(database, request("web", "c", "d"))
    assert second.per_source == {"web": Counts(2, 0, 1, 1)}
    assert bodies(database) == ["web a", "web b", "web c", "web d"]
    assert list(database.read_now(ingested.totals).values()) == [Counts(7, 0, 3, 4)]


def test_a_batch_of_nothing_new_gives_no_position(database: Database) -> None:
    accept(database, request("web", "a"))
    assert accept(database, request("web", "a")).first_position == 0
    assert accept(database).per_source == {}
    assert database.read_now(log.head) == 1


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.lists(st.tuples(st.sampled_from("xyz"), st.integers(0, 30)), max_size=20)))
def test_received_is_always_rejected_and_duplicate_and_accepted(
    database: Database, commits: list[list[tuple[str, int]]]
) -> None:
    for commit in commits:
        accept(database, *[request(source, str(n), rejected=n % 2) for source, n in commit])
    totals = database.read_now(ingested.totals).values()
    assert all(c.received == c.rejected + c.duplicate + c.accepted for c in totals)
    assert sum(c.accepted for c in totals) == len(bodies(database)) == len(set(bodies(database)))
    assert set(bodies(database)) >= {f"{s} {n}" for commit in commits for s, n in commit}


@pytest.mark.parametrize(
    ("later", "window_hours", "accepted"),
    [
        (1, 24, 0),  # a moment later, on the next day
        (23 * HOUR, 24, 0),
        (24 * HOUR, 24, 0),  # the window is kept to the day
        (48 * HOUR, 24, 1),
        (48 * HOUR, 48, 0),
        (1, 0, 1),
    ],
)
def test_the_window_reaches_across_midnight(
    database: Database, later: int, window_hours: int, accepted: int
) -> None:
    midnight = NOON + DAY // 2
    accept(database, request("web", "a"), now=midnight - 1, window_hours=window_hours)
    again = accept(
        database, request("web", "a"), now=midnight - 1 + later, window_hours=window_hours
    )
    assert again.accepted == accepted


def partitions(connection: Connection) -> list[str]:
    return [name for name in inspect(connection).get_table_names() if name.startswith("dedupe_")]


def test_partitions_the_window_has_left_are_dropped_whole(database: Database) -> None:
    for day in range(4):
        accept(database, request("web", str(day)), now=NOON + day * DAY)
    now = NOON + 3 * DAY

    def drop(connection: Connection) -> int:
        return dedupe.drop_old(connection, now, 24)

    assert len(database.read_now(partitions)) == 4
    assert [database.write_now(drop), database.write_now(drop)] == [2, 0]
    assert len(database.read_now(partitions)) == 2
    digests = {dedupe.digest_of("web", str(day)): day for day in range(4)}
    gone = database.read_now(lambda connection: dedupe.missing(connection, digests))
    assert sorted(digests[digest] for digest in gone) == [0, 1]


def test_many_digests_are_looked_up_in_chunks(database: Database) -> None:
    digests = [dedupe.digest_of("web", str(n)) for n in range(1_300)]
    database.write_now(lambda connection: dedupe.remember(connection, digests[::2], NOON))
    found = database.read_now(lambda connection: dedupe.unseen(connection, digests, NOON, 1))
    assert found == set(digests[1::2])


def test_digests_of_different_messages_differ() -> None:
    names = [("a", "b"), ("ab", ""), ("", "ab"), ("a", "b\0"), ("a\0b", ""), ("\ud800", "x")]
    digests = [dedupe.digest_of(source, message_id) for source, message_id in names]
    assert {len(digest) for digest in digests} == {16}
    assert len(set(digests)) == len(names)


def test_what_was_rejected_is_kept_bounded_and_for_a_time(database: Database) -> None:
    rows = [RejectedRow(at, "web", "bad", "why", b"x" * 10_000) for at in (1, 2, 3)]
    database.write_now(lambda connection: ingested.reject(connection, rows))

    def page(before: int | None, limit: int) -> list[RejectedRow]:
        return database.read_now(lambda c: ingested.rejected(c, before, limit))

    latest = page(None, 2)
    assert [(row.received_at, len(row.body)) for row in latest] == [(3, 4096), (2, 4096)]
    assert [row.received_at for row in page(latest[-1].id, 2)] == [1]
    assert database.write_now(lambda connection: ingested.trim_rejected(connection, 3, 9)) == 2
    assert [row.received_at for row in page(None, 9)] == [3]


def test_an_intake_that_fails_leaves_nothing_behind(database: Database) -> None:
    def fail(connection: Connection) -> None:
        ingested.accept(connection, [request("web", "a", rejected=1)], NOON, 24)
        raise KeyError

    with pytest.raises(KeyError):
        database.write_now(fail)
    assert bodies(database) == []
    assert database.read_now(ingested.totals) == {}
    assert database.read_now(lambda c: ingested.rejected(c, None, 9)) == []
    assert accept(database, request("web", "a")).accepted == 1
