"""Users, identifiers, marks, cursors."""

from functools import partial

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon.domain.messages import MessageClass, shard_of
from daemon.store import cursors, identifiers, marks, users
from daemon.store.database import Database
from daemon.store.identifiers import Claim, Owner
from daemon.store.marks import MarkRow
from daemon.store.users import UserRow

FRESH_STORE = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
names = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)


def user(name: str, profile: bytes = b"p", believed: bytes = b"b") -> UserRow:
    return UserRow(shard_of(name), name, profile, believed)


def save(database: Database, *rows: UserRow) -> None:
    database.write_now(lambda connection: users.save(connection, rows))


def load(database: Database, *ids: str) -> dict[str, UserRow]:
    keys = [(shard_of(name), name) for name in ids]
    return database.read_now(lambda connection: users.load(connection, keys))


@FRESH_STORE
@given(st.dictionaries(names, st.binary(max_size=20)), st.lists(names))
def test_users_are_loaded_as_they_were_saved(
    database: Database, saved: dict[str, bytes], others: list[str]
) -> None:
    rows = [user(name, profile=value) for name, value in saved.items()]
    save(database, *rows)
    found = load(database, *saved, *others)
    assert {name: found[name] for name in saved} == {row.id: row for row in rows}
    assert set(found) <= {*saved, *others}


def test_saving_again_overwrites_and_deleting_removes(database: Database) -> None:
    save(database, user("u:1"), user("u:2"))
    save(database, user("u:1", b"new", b""))
    assert load(database, "u:1", "u:2", "u:3") == {
        "u:1": user("u:1", b"new", b""),
        "u:2": user("u:2"),
    }
    database.write_now(lambda c: users.delete(c, [(shard_of("u:1"), "u:1"), (5, "u:nobody")]))
    assert list(load(database, "u:1", "u:2")) == ["u:2"]
    assert database.read_now(users.count) == 1


def test_a_user_of_another_shard_is_not_found(database: Database) -> None:
    save(database, UserRow(3, "u:1", b"", b""))
    assert database.read_now(lambda connection: users.load(connection, [(4, "u:1")])) == {}


def test_more_users_than_a_chunk_are_loaded(database: Database) -> None:
    everybody = [f"u:{n}" for n in range(1_700)]
    save(database, *map(user, everybody))
    assert set(load(database, *everybody)) == set(everybody)


def test_a_scan_sees_everybody_once_in_order(database: Database) -> None:
    everybody = [user(f"u:{n}é{chr(0x10000 + n)}") for n in range(250)]
    everybody += [user(name) for name in ("u:Z", "u:a", "u:_", "e:a@b.c", "a:\U0001f600")]
    save(database, *everybody)
    seen: list[UserRow] = []
    after: tuple[int, str] | None = None
    while page := database.read_now(partial(users.scan, after=after, limit=40)):
        seen += page
        after = (page[-1].shard, page[-1].id)
    assert seen == sorted(everybody, key=lambda row: (row.shard, row.id.encode()))


def claims(database: Database, *rows: Claim) -> None:
    database.write_now(lambda connection: identifiers.claim(connection, rows))


def owners(database: Database, *keys: tuple[str, str]) -> dict[tuple[str, str], Owner]:
    return database.read_now(lambda connection: identifiers.owners(connection, keys))


def test_the_first_claim_holds(database: Database) -> None:
    claims(database, Claim("e", "a@b.c", 1, "u:1"))
    claims(database, Claim("e", "a@b.c", 2, "u:2"), Claim("u", "a@b.c", 2, "u:2"))
    assert owners(database, ("e", "a@b.c"), ("u", "a@b.c"), ("a", "a@b.c"), ("e", "A@b.c")) == {
        ("e", "a@b.c"): Owner(1, "u:1"),
        ("u", "a@b.c"): Owner(2, "u:2"),
    }


def test_a_claim_twice_in_one_batch_is_no_error(database: Database) -> None:
    claims(database, Claim("e", "x", 2, "u:2"), Claim("e", "x", 1, "u:1"))
    assert owners(database, ("e", "x"), ("e", "x")) == {("e", "x"): Owner(1, "u:1")}


def test_a_merge_moves_all_identifiers_of_a_user(database: Database) -> None:
    loser, winner = shard_of("e:a"), shard_of("u:1")
    claims(
        database,
        Claim("e", "a", loser, "e:a"),
        Claim("a", "anon", loser, "e:a"),
        Claim("u", "1", winner, "u:1"),
    )
    moved = database.write_now(lambda c: identifiers.repoint(c, "e:a", winner, "u:1"))
    assert moved == 2
    assert database.read_now(lambda c: identifiers.of_user(c, "e:a")) == []
    assert database.read_now(lambda c: identifiers.of_user(c, "u:1")) == [
        Claim("a", "anon", winner, "u:1"),
        Claim("e", "a", winner, "u:1"),
        Claim("u", "1", winner, "u:1"),
    ]


def test_more_owners_than_a_chunk_are_found(database: Database) -> None:
    claims(database, *[Claim("a", str(n), 1, "u:1") for n in range(1_200)])
    assert len(owners(database, *[("a", str(n)) for n in range(2_000)])) == 1_200


def mark(name: str, *, due: int = 0, since: int = 1, barrier: int | None = None) -> MarkRow:
    return MarkRow(shard_of(name), name, since, barrier, MessageClass.REPAIR, due, 2)


def put(database: Database, *rows: MarkRow) -> None:
    database.write_now(lambda connection: marks.put(connection, rows))


def test_marks_are_kept_one_for_each_user(database: Database) -> None:
    put(database, mark("u:1", since=5, barrier=5), mark("u:2", since=3))
    put(database, mark("u:1", since=4))
    keys = [(shard_of(name), name) for name in ("u:1", "u:2", "u:3")]
    assert database.read_now(lambda c: marks.of_users(c, keys)) == {
        "u:1": mark("u:1", since=4),
        "u:2": mark("u:2", since=3),
    }
    assert database.read_now(marks.count) == 2
    assert database.read_now(marks.oldest) == 3
    database.write_now(lambda connection: marks.drop(connection, keys))
    assert database.read_now(marks.count) == 0
    assert database.read_now(marks.oldest) is None


def test_marks_are_loaded_by_shard_soonest_due_first(database: Database) -> None:
    rows = [mark(f"u:{n}", due=100 - n) for n in range(100)]
    put(database, *rows)
    mine = {0, 1, 2, 3, *range(32, 64)}
    wanted = [row for row in reversed(rows) if row.shard in mine]

    def load(limit: int, due_before: int | None = None) -> list[MarkRow]:
        return database.read_now(lambda c: marks.load(c, mine, limit, due_before))

    assert load(1_000) == wanted
    assert load(7) == wanted[:7]
    assert load(1_000, 50) == [row for row in wanted if row.due < 50]


def test_cursors_are_saved_and_the_lowest_is_known(database: Database) -> None:
    assert database.read_now(cursors.lowest) == 0
    saved = {(1, "folded"): 10, (1, "events/trackBulk"): 7, (2, "folded"): 12}
    database.write_now(lambda connection: cursors.save(connection, saved))
    database.write_now(lambda connection: cursors.save(connection, {(1, "folded"): 11}))
    assert database.read_now(lambda connection: cursors.load(connection, {1, 5})) == {
        (1, "folded"): 11,
        (1, "events/trackBulk"): 7,
    }
    assert database.read_now(cursors.lowest) == 7
