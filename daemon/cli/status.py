"""`segue status`: one screen about a running daemon."""

from collections.abc import Iterator, Sequence
from typing import Annotated

import msgspec
import typer

from daemon.actors.clock import SystemClock
from daemon.actors.vitals import State, Vitals
from daemon.cli.configuration import settings_of
from daemon.cli.printing import count, moment, say, say_json, say_table, span
from daemon.cli.running import run
from daemon.clients.control import ControlClient
from daemon.clients.status import (
    Backlog,
    EndpointStatus,
    LastRun,
    SourceStatus,
    StatusReport,
    Today,
)

_COMPLETE = "complete"
_LABEL = 15
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
        *_accepted(report.sources),
        _line("Unsent", _unsent(report.unsent, now)),
        _line("Folded today", _counts(report.today.state) or "nothing yet"),
        _line("Events today", _counts(report.today.events) or "nothing yet"),
        *_seldom(report.today),
        *_endpoints(report.endpoints),
        _line("Last run", _last_run(report.last_run)),
        *_failing(report.actors),
        *[
            _line("!", f"{each.endpoint} fails since {moment(each.since)} UTC: {each.reason}")
            for each in report.troubles
        ],
    ]


def _accepted(sources: dict[str, SourceStatus]) -> Iterator[str]:
    received = sum(each.received for each in sources.values())
    parts = [
        f"{sum(getattr(each, name) for each in sources.values()):,} {name}"
        for name in ("accepted", "duplicate", "rejected")
    ]
    yield _line("Accepted", f"{received:,} received today = {' + '.join(parts)}")
    if sources:
        yield _line("", " · ".join(f"{name} {each.accepted:,}" for name, each in sources.items()))


def _unsent(backlog: Backlog, now: int) -> str:
    parts = ["nothing"]
    if backlog.messages:
        oldest = span(max(now - (backlog.oldest_at or now), 0))
        parts = [f"{count(backlog.messages, 'message')}, oldest {oldest}"]
    if backlog.marks:
        parts.append(f"{count(backlog.marks, 'user')} with changes to send")
    return " · ".join([*parts, *(f"{kind} {n:,}" for kind, n in sorted(backlog.waiting.items()))])


def _counts(counts: dict[str, int]) -> str:
    return " · ".join(f"{number:,} {word}" for word, number in sorted(counts.items()) if number)


def _seldom(today: Today) -> Iterator[str]:
    if repairs := _counts(today.repairs):
        yield _line("Repairs today", repairs)
    noted = [f"{word} {number:,}" for word, number in sorted(today.noted.items()) if number]
    if noted:
        yield _line("Noted today", " · ".join(noted))


def _endpoints(endpoints: dict[str, EndpointStatus]) -> Iterator[str]:
    """Those that were used, or are held up."""
    shown = {
        name: each
        for name, each in endpoints.items()
        if each.taken or each.throttled or each.paused_for
    }
    width = max(map(len, shown), default=0)
    for number, (name, each) in enumerate(shown.items()):
        yield _line("" if number else "Endpoints", f"{name:<{width}}  {_endpoint(each)}")


def _endpoint(endpoint: EndpointStatus) -> str:
    rate = "no limit" if endpoint.rate is None else f"{endpoint.rate:g}/s"
    if endpoint.rate != endpoint.configured:
        rate += f" (of {endpoint.configured:g})"
    text = f"{count(endpoint.taken, 'call')}, at most {rate}"
    if endpoint.throttled:
        text += f", throttled {count(endpoint.throttled, 'time')}"
    if endpoint.paused_for > 0:
        text += f" ▲ paused, next try {span(int(endpoint.paused_for * 1000))}"
    return text


def _last_run(last: LastRun | None) -> str:
    if last is None:
        return "none yet; run: segue reconcile"
    kind = "spot check" if last.kind == "spot" else last.kind
    found = f"{count(last.drifted, 'user')} with drift" if last.drifted else "in sync"
    judged = f", {found}" if last.drifted or last.state == _COMPLETE else ""
    return f"{kind} {last.run}, {moment(last.started_at)} UTC, {last.state}{judged}"


def _failing(actors: Sequence[Vitals]) -> Iterator[str]:
    for each in actors:
        why = f", after {each.last_error}" if each.last_error else ""
        if each.state is State.FAILING:
            yield _line("!", f"actor {each.name} keeps failing{why}; see the log")
        elif each.restarts or each.last_error:
            times = count(each.restarts, "time")
            yield _line("!", f"actor {each.name} was restarted {times}{why}")


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
