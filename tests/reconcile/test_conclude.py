"""What a run stores at its end."""

from pathlib import Path

from daemon.reconcile.compare import Cause, Finding, Standing
from daemon.reconcile.planning import Conclusion, conclude
from daemon.reconcile.report import Counts, RunState, plan_of
from daemon.store import Connection, migrate, plans, runs
from daemon.store.database import open_database

EDITED = Finding("field:plan", "free", "pro", Cause.EDITED)
OPT_OUT = Finding("channel:1", "subscribed", "unsubscribed", Cause.RESUBSCRIBED, first=True)
REFUSED = Finding("field:day", None, "x", Cause.REFUSED, Standing.REFUSED)


def test_a_plan_lists_missing_opt_outs_first_and_what_it_does_not_name_last(tmp_path: Path) -> None:
    found = [("u:1", REFUSED), ("u:2", EDITED), ("u:3", OPT_OUT)]
    conclusion = Conclusion(RunState.COMPLETE, Counts(profiles=3), found)
    url = f"sqlite:///{tmp_path}/segue.db"
    migrate.upgrade(url)
    database = open_database(url)

    def work(connection: Connection) -> None:
        run = runs.start_run(connection, "sweep", started_at=1, as_of=1)
        conclude(run, conclusion, 2, 30, connection)
        rows = plans.list_drift(connection, run=run, limit=10)
        assert [row.user for row in rows] == ["u:3", "u:2", "u:1"]
        plan = plan_of(run, connection)
        assert plan is not None
        assert [row.plan for row in rows] == [plan.id, plan.id, None]

    database.write_now(work)
    database.close()
