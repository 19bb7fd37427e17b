"""`segue reconcile`: compare, plan, apply. A running daemon does it; without one, this process."""

import os
import pwd
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from daemon.cli.configuration import settings_of
from daemon.cli.drift_report import print_report
from daemon.cli.exits import ExitCode
from daemon.cli.printing import say_json
from daemon.cli.running import run
from daemon.cli.session import config_of, segue_with
from daemon.cli.store import reading
from daemon.cli.stored import lines_of
from daemon.clients.control import ControlClient
from daemon.errors import NoDaemon
from daemon.reconcile.applying import Approval
from daemon.reconcile.report import DriftState, RunReport, RunState
from daemon.settings import Settings


class Order(msgspec.Struct, frozen=True):
    """What is asked for: a comparison of `users` (empty: all), or that a plan be applied.

    `plan` None means the newest.
    """

    users: tuple[str, ...] = ()
    apply: bool = False
    plan: int | None = None
    recreate: bool = False
    beyond_guards: bool = False


def register(app: typer.Typer) -> None:
    app.command(name="reconcile")(reconcile)


def reconcile(
    ctx: typer.Context,
    plan: Annotated[
        int | None, typer.Argument(min=1, help="With --apply: the plan; else the newest.")
    ] = None,
    user: Annotated[
        list[str] | None, typer.Option(help="Only this userId or e-mail; may be repeated.")
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Apply the plan, and look again.")] = False,
    recreate: Annotated[
        bool, typer.Option("--recreate", help="Create users again that were deleted in Iterable.")
    ] = False,
    beyond_guards: Annotated[
        bool, typer.Option("--beyond-guards", help="Apply although a guard holds the plan back.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    unmasked: Annotated[bool, typer.Option("--unmasked", help="Show whom it is about.")] = False,
) -> None:
    """Compare Iterable with what it should hold, and plan the repair; change nothing.

    Exit code 0: in sync, 2: drift found or left, 3: a guard refused, or the plan is stale.

    Example: `segue reconcile`, then `segue reconcile --apply 118`
    """
    if apply and user:
        raise typer.BadParameter("--user is for comparing; a plan is applied as a whole")
    if not apply and (plan or recreate or beyond_guards):
        raise typer.BadParameter("a plan, --recreate and --beyond-guards need --apply")
    settings = settings_of(ctx)
    order = Order(tuple(user or ()), apply, plan, recreate, beyond_guards)
    with Console(stderr=True).status("Applying …" if apply else "Comparing …"):
        report = run(_carry_out, settings, order)
    if unmasked:
        with reading(settings) as database:
            revealed = lines_of(database, report.run, len(report.lines))
        report = msgspec.structs.replace(report, lines=revealed)
    if as_json:
        say_json(report)
    else:
        print_report(report, segue=segue_with(config_of(ctx)), masked=not unmasked)
    raise typer.Exit(exit_code(report))


def exit_code(report: RunReport) -> ExitCode:
    """What a report comes to (DESIGN §4). Refused and respected differences don't count."""
    if report.left is not None:
        states = report.plan.states if report.plan else {}
        if report.left:
            return ExitCode.DIFFERS
        stale = DriftState.SUPERSEDED in states and DriftState.REPAIRED not in states
        return ExitCode.REFUSED if stale else ExitCode.DONE
    if report.counts.drifted or report.counts.unverified:
        return ExitCode.DIFFERS
    return ExitCode.DONE if report.state == RunState.COMPLETE else ExitCode.ERROR


async def _carry_out(settings: Settings, order: Order) -> RunReport:
    control = ControlClient(settings.control.socket)
    try:
        if order.apply:
            answer = await control.apply(
                order.plan,
                recreate=order.recreate,
                beyond_guards=order.beyond_guards,
                by=_who(),
            )
        else:
            answer = await control.reconcile(order.users)
    except NoDaemon:
        # Lanes, server and telemetry are needed only where no daemon has them.
        from daemon.cli import alone  # noqa: PLC0415

        if order.apply:
            approval = Approval(_who(), order.recreate, order.beyond_guards)
            return await alone.apply(settings, order.plan, approval)
        return await alone.compare(settings, order.users)
    return msgspec.json.decode(answer, type=RunReport)


def _who() -> str:
    """Who approves, as this machine knows them."""
    number = os.getuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"uid {number}"
