"""`segue status`: one screen about a running daemon."""

from collections.abc import Iterator, Sequence
from typing import Annotated

import msgspec
import typer

from daemon.actors.clock import SystemClock
from daemon.actors.vitals import Vitals
from daemon.cli.configuration import settings_of
from daemon.cli.printing import moment, say, say_json, say_table, span
from daemon.cli.running import run
from daemon.clients.control import ControlClient
from daemon.clients.status import EndpointStatus, StatusReport

_LABEL = 13
_ACTOR_COLUMNS = ("ACTOR", "STATE", "MAILBOX", "RESTARTS", "PROGRESS", "LAST ERROR")


def register(app: typer.Typer) -> None:
    app.command(name="status")(status)


def status(
    ctx: typer.Context,
    actors: Annotated[bool, typer.Option("--actors", help="Also list every actor.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the status as JSON.")] = False,
) -> None:
    """Show how the running daemon is doing.

    Example: `segue status --actors`
    """
    answer = run(ControlClient(settings_of(ctx).control.socket).status)
    report = msgspec.json.decode(answer, type=StatusReport)
    if as_json:
        say_json(report)
        return
    now = SystemClock().now()
    say(*screen(report, now))
    if actors:
        say("")
        say_table(_ACTOR_COLUMNS, [_actor(each, now) for each in report.actors], indent=0)


def screen(report: StatusReport, now: int) -> list[str]:
    """The screen as lines; `now` (ms) is what ages are counted from."""
    head = [report.project, report.type, report.data_center, f"up {span(report.up)}"]
    if report.mapping_version:
        head.insert(3, f"mapping {report.mapping_version}")
    return [
        _line("segue", " · ".join(head)),
        *_accepted(report),
        _line("Unsent", _unsent(report, now)),
        _line("Sent today", _sums(report.today) or "nothing yet"),
        *_endpoints(report.endpoints),
        _line("Last run", _last_run(report)),
        *_failing(report.actors),
    ]


def _accepted(report: StatusReport) -> Iterator[str]:
    sources = report.sources
    if not sources:
        yield _line("Accepted", "nothing today")
        return
    received = sum(each.received for each in sources.values())
    parts = {
        name: sum(getattr(each, name) for each in sources.values())
        for name in ("accepted", "duplicate", "rejected")
    }
    yield _line("Accepted", f"{received:,} received today = {_sums(parts, zeros=True)}")
    yield _line("", " · ".join(f"{name} {each.accepted:,}" for name, each in sources.items()))


def _unsent(report: StatusReport, now: int) -> str:
    backlog = report.unsent
    oldest = f", oldest {span(max(now - backlog.oldest_at, 0))}" if backlog.oldest_at else ""
    waiting = [f"{kind} {number:,}" for kind, number in sorted(backlog.waiting.items())]
    marked = [f"{backlog.marks:,} users with changes to send"] if backlog.marks else []
    return " · ".join([f"{backlog.messages:,}{oldest}", *marked, *waiting])


def _sums(parts: dict[str, int], *, zeros: bool = False) -> str:
    return " + ".join(f"{number:,} {name}" for name, number in parts.items() if number or zeros)


def _endpoints(endpoints: dict[str, EndpointStatus]) -> Iterator[str]:
    """Those that were used, or are held up."""
    label = "Endpoints"
    for name, each in endpoints.items():
        if each.taken or each.throttled or each.paused_for:
            yield _line(label, _endpoint(name, each))
            label = ""


def _endpoint(name: str, endpoint: EndpointStatus) -> str:
    rate = "no limit" if endpoint.rate is None else f"{endpoint.rate:g}/s"
    if endpoint.rate != endpoint.configured:
        rate += f" (of {endpoint.configured:g})"
    text = f"{name} {rate}, {endpoint.taken:,} calls"
    if endpoint.throttled:
        text += f", throttled {endpoint.throttled:,} times"
    if endpoint.paused_for > 0:
        text += f" ▲ paused, next try {span(int(endpoint.paused_for * 1000))}"
    return text


def _last_run(report: StatusReport) -> str:
    last = report.last_run
    if last is None:
        return "none yet; segue reconcile"
    return f"{last.run} ({last.kind}), {moment(last.started_at)} UTC, {last.state}"


def _failing(actors: Sequence[Vitals]) -> Iterator[str]:
    for each in actors:
        if each.restarts or each.last_error:
            yield _line("", f"! actor {each.name}: {each.restarts} restarts ({each.last_error})")


def _actor(vitals: Vitals, now: int) -> tuple[str, ...]:
    progress = vitals.progress_at
    return (
        vitals.name,
        vitals.state,
        "—" if vitals.depth is None else str(vitals.depth),
        str(vitals.restarts),
        "—" if progress is None else f"{span(max(now - progress, 0))} ago",
        vitals.last_error or "—",
    )


def _line(label: str, text: str) -> str:
    return f"{label:<{_LABEL}}{text}"
