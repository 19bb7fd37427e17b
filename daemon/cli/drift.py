"""`segue drift`: what past runs found, out of the store."""

from functools import partial
from typing import Annotated

import msgspec
import typer

from daemon.cli.configuration import settings_of
from daemon.cli.drift_report import print_report
from daemon.cli.printing import moment, say, say_json, say_table
from daemon.cli.session import config_of, segue_with
from daemon.cli.store import reading
from daemon.cli.stored import report_of
from daemon.errors import ConfigurationError
from daemon.reconcile.report import Counts, counts_of, plan_of
from daemon.store import Connection, plans, runs

_COLUMNS = ("RUN", "WHEN (UTC)", "KIND", "STATE", "WITH DRIFT", "RESPECTED", "REFUSED", "PLAN")


class RunLine(msgspec.Struct, frozen=True):
    """A run in short. `plan` is None where nothing was to be repaired; times are ms."""

    run: int
    kind: str
    state: str
    started_at: int
    finished_at: int | None
    counts: Counts
    plan: int | None
    plan_state: str | None


def register(app: typer.Typer) -> None:
    group = typer.Typer(
        no_args_is_help=True, help="What past runs found.\n\nExample: `segue drift show 118`"
    )
    group.command(name="list")(list_runs)
    group.command(name="show")(show)
    app.add_typer(group, name="drift")


def list_runs(
    ctx: typer.Context,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many runs.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print the runs as JSON.")] = False,
) -> None:
    """List the latest runs, the newest first.

    Example: `segue drift list --limit 5`
    """
    with reading(settings_of(ctx)) as database:
        lines = database.read_now(partial(_latest, limit))
    if as_json:
        say_json(lines)
    elif not lines:
        say(f"Nothing was compared yet; run: {segue_with(config_of(ctx))} reconcile")
    else:
        say_table(_COLUMNS, [_row(line) for line in lines], indent=0)


def show(
    ctx: typer.Context,
    plan: Annotated[int | None, typer.Argument(min=1, help="The plan.")] = None,
    run: Annotated[
        int | None, typer.Option(min=1, help="A run instead, for one without a plan.")
    ] = None,
    limit: Annotated[
        int, typer.Option(min=1, max=1_000_000, help="At most so many differences.")
    ] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    unmasked: Annotated[bool, typer.Option("--unmasked", help="Show whom it is about.")] = False,
) -> None:
    """Show what a run found, and what became of its plan.

    Example: `segue drift show 118 --json`
    """
    if (plan is None) == (run is None):
        raise typer.BadParameter("name a plan, or a run with --run")
    settings = settings_of(ctx)
    with reading(settings) as database:
        if run is None:
            found = database.read_now(lambda connection: plans.plan(connection, plan or 0))
            if found is None:
                raise ConfigurationError(f"there is no plan {plan}; see: segue drift list")
            run = found.run
        share = settings.reconcile.max_share
        report = report_of(database, run, share=share, lines=limit, unmasked=unmasked)
    if report is None:
        raise ConfigurationError(f"there is no run {run}; see: segue drift list")
    if as_json:
        say_json(report)
    else:
        print_report(report, segue=segue_with(config_of(ctx)), masked=not unmasked)


def _latest(limit: int, connection: Connection) -> list[RunLine]:
    lines = []
    for run in runs.latest_runs(connection, limit):
        plan = plan_of(run.id, connection)
        lines.append(
            RunLine(
                run=run.id,
                kind=run.kind,
                state=run.state,
                started_at=run.started_at,
                finished_at=run.finished_at,
                counts=counts_of(run),
                plan=plan.id if plan else None,
                plan_state=plan.state if plan else None,
            )
        )
    return lines


def _row(line: RunLine) -> tuple[str, ...]:
    counts = line.counts
    return (
        str(line.run),
        moment(line.started_at),
        line.kind,
        line.state,
        f"{counts.drifted:,}",
        f"{counts.respected:,}",
        f"{counts.refused:,}",
        f"{line.plan} ({line.plan_state})" if line.plan else "none",
    )
