"""A run of the reconciler as people read it."""

from collections.abc import Sequence

from daemon.cli.printing import count, moment, say, say_table, span
from daemon.reconcile.report import Counts, DriftLine, DriftState, PlanReport, RunReport
from daemon.store.plans import PlanState

_COLUMNS = ("USER", "PART", "IN ITERABLE", "SHOULD BE", "CAUSE", "")
_LEAST_SHARE = 0.0001
_SETTLED = (
    ("respected", "respected, not repaired"),
    ("refused", "refused by Iterable"),
    ("in_flight", "on their way"),
    ("unaddressed", "without the project's key"),
    ("unverified", "not yet verified"),
)


def print_report(report: RunReport, *, segue: str = "segue", masked: bool = False) -> None:
    """What was observed, what differs and why, what the plan is or what became of it.

    `segue` is how the reader calls it; where lines are `masked`, the reader is told how to unmask.
    """
    say(_observed(report), "", _totals(report.counts), "")
    if report.lines:
        print_lines(report.lines)
        show = f"{segue} drift show {_address(report)}"
        more = report.counts.drift - len(report.lines)
        if more > 0:
            say(f"  … {more:,} more: {show} --limit {report.counts.drift}")
        if masked:
            say("", f"  Persons are masked. To see them: {show} --unmasked")
        say("")
    if report.notes:
        say(*[f"Note: {note}." for note in report.notes], "")
    if report.plan is None:
        drifted = report.counts.drifted
        say("Segue repairs none of it: a person has to." if drifted else "Nothing to repair.")
    else:
        say(*_plan(report, report.plan, segue))


def print_lines(lines: Sequence[DriftLine]) -> None:
    """A table of differences."""
    say_table(_COLUMNS, [_row(line) for line in lines])


def _observed(report: RunReport) -> str:
    how = "export" if report.kind == "sweep" else "point reads"
    took = "" if report.finished_at is None else f", {span(report.finished_at - report.started_at)}"
    when = f"{how}, {moment(report.started_at)} UTC{took}"
    counts = report.counts
    parts = [
        f"Observed {count(counts.observed, 'Iterable user')} ({when})",
        count(counts.profiles, "profile"),
    ]
    if counts.unknown:
        parts.append(f"{counts.unknown:,} unknown to Segment, left alone")
    return " · ".join(parts)


def _totals(counts: Counts) -> str:
    parts = [f"{counts.in_sync:,} in sync", f"{counts.drifted:,} with drift"]
    parts += [
        f"{getattr(counts, name):,} {text}" for name, text in _SETTLED if getattr(counts, name)
    ]
    return "  " + "      ".join(parts)


def _row(line: DriftLine) -> tuple[str, ...]:
    cause = f"{line.cause}: {line.note}" if line.note else line.cause
    return line.user, line.part, line.in_iterable, line.should_be, cause, _mark(line)


def _mark(line: DriftLine) -> str:
    """What is special about a difference, or has become of it; a cause may have said it."""
    match line.state:
        case DriftState.PLANNED:
            return "! first" if line.first else ""
        case DriftState.REFUSED:
            return ""
        case DriftState.REPORTED:
            return "for a person"
        case state:
            return state


def _address(report: RunReport) -> str:
    return str(report.plan.id) if report.plan else f"--run {report.run}"


def _plan(report: RunReport, plan: PlanReport, segue: str) -> list[str]:
    again = [f"{count(plan.recreations, 'user')} to create again"] if plan.recreations else []
    lines = [
        " · ".join(
            [
                f"Plan {plan.id}: {count(plan.users, 'user')} ({_share(report, plan)})",
                count(plan.parts, "difference"),
                f"about {count(plan.calls, 'call')}",
                *again,
                "0 deletions",
                "0 opt-outs undone",
            ]
        )
    ]
    if plan.state != PlanState.NEW:
        states = ", ".join(f"{number:,} {state}" for state, number in sorted(plan.states.items()))
        lines.append(f"It is {plan.state}: {states}.")
        if report.left is not None:
            lines.append(_left(report.left, segue))
        return lines
    return [*lines, *_offer(plan, f"{segue} reconcile --apply {plan.id}")]


def _offer(plan: PlanReport, apply: str) -> list[str]:
    """How to apply a plan; what needs an explicit yes is said, and not slipped in."""
    lines = [f"Held back: {guard}." for guard in plan.guards]
    if plan.guards:
        apply += " --beyond-guards"
    if plan.recreations == plan.parts:
        apply += " --recreate"
    what = "Apply it all the same" if plan.guards else "Apply exactly this"
    lines.append(f"Nothing was changed.  {what}:  {apply}")
    if 0 < plan.recreations < plan.parts:
        lines.append("Users deleted in Iterable stay so; --recreate creates them again.")
    return lines


def _share(report: RunReport, plan: PlanReport) -> str:
    if report.kind != "sweep":
        return "a spot check"
    share = f"{plan.share:.2%}" if plan.share >= _LEAST_SHARE else "under 0.01%"
    return f"{share}; limit {plan.limit * 100:g}%"


def _left(left: int, segue: str) -> str:
    if not left:
        return "Looked at again: nothing is left to repair."
    who = count(left, "user still differs", "users still differ")
    return f"Looked at again: {who}; compare again with: {segue} reconcile"
