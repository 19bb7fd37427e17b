"""`segue audit`: adds up every ledger, beside a running daemon or without one."""

from typing import Annotated

import typer

from daemon.cli.configuration import settings_of
from daemon.cli.exits import ExitCode
from daemon.cli.printing import say, say_json
from daemon.cli.store import reading
from daemon.outbound.audit import AuditReport, audit


def register(app: typer.Typer) -> None:
    app.command(name="audit")(add_up)


def add_up(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Add up the ledgers of messages, state and events, and name what does not balance.

    Exit code 2 where they don't balance.

    Example: `segue audit`
    """
    with reading(settings_of(ctx)) as database:
        report = database.read_now(audit)
    if as_json:
        say_json(report)
    else:
        _show(report)
    raise typer.Exit(ExitCode.DONE if report.balanced else ExitCode.DIFFERS)


def _show(report: AuditReport) -> None:
    for name in ("messages", "state", "events"):
        totals = getattr(report, name)
        words = " · ".join(f"{value:,} {word}" for word, value in totals.items())
        say(f"{name.capitalize():<10} {words or 'none'}")
    say(*report.problems)
    if report.found > len(report.problems):
        say(f"… {report.found - len(report.problems):,} more")
    say("Balanced." if report.balanced else f"Not balanced: {report.found:,} findings.")
