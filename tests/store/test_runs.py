"""Runs, plans, mappings, facts."""

from functools import partial

from daemon.store import facts, mappings, plans, runs
from daemon.store.database import Database
from daemon.store.facts import Fact
from daemon.store.plans import DriftRow, PlanState
from daemon.store.runs import ObservedRow, RunKind


def start(database: Database, kind: RunKind = "sweep") -> int:
    return database.write_now(lambda c: runs.start_run(c, kind, started_at=10, as_of=9))


def observe(database: Database, run: int, *rows: ObservedRow) -> None:
    database.write_now(lambda connection: runs.add_observed(connection, run, rows))


def test_a_run_is_noted_from_its_start_to_its_end(database: Database) -> None:
    run = start(database)
    begun = database.read_now(lambda connection: runs.get_run(connection, run))
    assert begun is not None
    assert (begun.state, begun.finished_at, begun.stats, begun.export_job) == (
        "running",
        None,
        {},
        None,
    )
    database.write_now(lambda c: runs.note_export(c, run, "job-1", ["a", "b"]))
    database.write_now(
        lambda c: runs.finish_run(c, run, state="done", finished_at=20, stats={"users": 3})
    )
    ended = database.read_now(lambda connection: runs.get_run(connection, run))
    assert ended is not None
    assert (ended.state, ended.finished_at, ended.stats) == ("done", 20, {"users": 3})
    assert (ended.export_job, ended.export_files, ended.as_of) == ("job-1", ["a", "b"], 9)
    assert database.read_now(lambda connection: runs.get_run(connection, run + 1)) is None


def test_the_last_run_is_known_by_kind_and_state(database: Database) -> None:
    assert database.read_now(lambda connection: runs.last_run(connection, "sweep")) is None
    one, _, three = start(database), start(database, "spot"), start(database)
    database.write_now(lambda c: runs.finish_run(c, one, state="done", finished_at=1, stats={}))

    def last(kind: RunKind, state: str | None = None) -> int | None:
        found = database.read_now(lambda connection: runs.last_run(connection, kind, state))
        return found.id if found else None

    assert last("sweep") == three
    assert last("sweep", "done") == one
    assert last("spot", "done") is None


def test_what_a_run_saw_is_read_in_the_order_of_users(database: Database) -> None:
    run, other = start(database), start(database)
    rows = [ObservedRow(f"u:{n}", b"%d" % n) for n in range(700)]
    observe(database, run, *rows)
    observe(database, run, ObservedRow("u:5", b"later"))
    observe(database, other, ObservedRow("u:5", b"other"))
    seen: list[ObservedRow] = []
    after = ""
    while page := database.read_now(partial(runs.scan_observed, run=run, after=after, limit=300)):
        seen += page
        after = page[-1].user
    assert [row.user for row in seen] == sorted(row.user for row in rows)
    some = database.read_now(lambda c: runs.observed_of(c, run, ["u:5", "u:6", "u:x"]))
    assert some == {"u:5": b"later", "u:6": b"6"}


def drift(run: int, plan: int | None, user: str) -> DriftRow:
    return DriftRow(run, plan, user, "field:plan", '"a"', '"b"', "mapping changed", 1, "open")


def listed(database: Database, **which: int) -> list[str]:
    found = database.read_now(lambda c: plans.list_drift(c, limit=100, **which))
    return [row.user for row in found]


def test_drift_is_listed_by_run_and_by_plan(database: Database) -> None:
    run = start(database)
    plan = database.write_now(
        lambda c: plans.create_plan(c, run, created_at=1, stats={"rows": 2}, flags=["recreate"])
    )
    rows = [drift(run, plan, "u:1"), drift(run, None, "u:2"), drift(run, plan, "u:3")]
    database.write_now(lambda connection: plans.add_drift(connection, rows))
    assert listed(database, run=run) == ["u:1", "u:2", "u:3"]
    assert listed(database, plan=plan) == ["u:1", "u:3"]
    first = database.read_now(lambda c: plans.list_drift(c, run=run, limit=1))[0]
    assert listed(database, run=run, after=first.id) == ["u:2", "u:3"]
    database.write_now(lambda c: plans.set_drift_state(c, [first.id], "refused", "stale"))
    again = database.read_now(lambda c: plans.list_drift(c, run=run, limit=9))
    assert [(row.state, row.note) for row in again] == [
        ("refused", "stale"),
        ("open", ""),
        ("open", ""),
    ]


def test_a_plan_goes_from_new_to_done(database: Database) -> None:
    run = start(database)
    assert database.read_now(plans.last_plan) is None
    plan = database.write_now(
        lambda c: plans.create_plan(c, run, created_at=1, stats={"rows": 2}, flags=["recreate"])
    )
    assert not database.read_now(plans.ever_approved)
    database.write_now(lambda connection: plans.approve(connection, plan, "ann"))
    assert database.read_now(plans.ever_approved)
    database.write_now(lambda c: plans.set_plan_state(c, plan, PlanState.APPLIED, applied_at=7))
    database.write_now(lambda c: plans.set_plan_state(c, plan, PlanState.DONE))
    found = database.read_now(lambda connection: plans.plan(connection, plan))
    assert found == database.read_now(plans.last_plan)
    assert found is not None
    assert (found.state, found.approved_by, found.applied_at) == (PlanState.DONE, "ann", 7)
    assert (found.stats, found.flags) == ({"rows": 2}, ["recreate"])


def test_old_runs_go_with_all_they_saw_found_and_planned(database: Database) -> None:
    ids = [start(database) for _ in range(3)]
    for run in ids:
        observe(database, run, ObservedRow("u:1", b""))
        plan = database.write_now(partial(plans.create_plan, run=run, created_at=1, stats={}))
        rows = [drift(run, plan, "u:1")]
        database.write_now(partial(plans.add_drift, rows=rows))
    assert database.write_now(lambda connection: runs.trim_runs(connection, 1)) == 2
    assert listed(database) == ["u:1"]
    for run in ids[:2]:
        assert database.read_now(partial(runs.get_run, run=run)) is None
        assert database.read_now(partial(runs.scan_observed, run=run, after="", limit=9)) == []
    assert len(database.read_now(lambda c: runs.scan_observed(c, ids[2], "", 9))) == 1
    assert database.write_now(lambda connection: runs.trim_runs(connection, 1)) == 0


def test_mappings_are_numbered_and_never_change(database: Database) -> None:
    assert database.read_now(mappings.latest) is None
    numbers = [
        database.write_now(
            partial(mappings.publish, published_at=5, digest="d", body=text, catalog="{}")
        )
        for text in ("one", "two")
    ]
    assert numbers == [1, 2]
    latest = database.read_now(mappings.latest)
    assert latest is not None
    assert (latest.version, latest.body) == (2, "two")
    first = database.read_now(lambda connection: mappings.get(connection, 1))
    assert first is not None
    assert (first.body, first.digest, first.catalog, first.published_at) == ("one", "d", "{}", 5)
    assert database.read_now(lambda connection: mappings.get(connection, 3)) is None


def test_facts_are_remembered_until_replaced(database: Database) -> None:
    assert database.read_now(lambda connection: facts.get(connection, "x")) is None
    for value, at in (("1", 10), ("2", 20)):
        database.write_now(partial(facts.put, name="x", value=value, at=at))
    assert database.read_now(lambda connection: facts.get(connection, "x")) == Fact("2", 20)
