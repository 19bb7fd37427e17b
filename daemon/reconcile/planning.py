"""What a run comes to: differences as rows, and a plan for those that may be repaired. In one
transaction, so that a run is either still to be finished or has its plan.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import assert_never

import msgspec
from msgspec import structs

from daemon.mapping.diff import IDENTITY
from daemon.mapping.observe import USER
from daemon.reconcile.compare import Cause, Finding, Standing
from daemon.reconcile.report import Counts, DriftState, RunState, recreates
from daemon.store import Connection, plans, runs
from daemon.store.plans import DriftRow

ROWS_PER_CALL = 1000
FIRST, ORDINARY = 0, 1
_DATED = frozenset({Cause.EDITED, Cause.REMOVED, Cause.ADDED})


class Conclusion(msgspec.Struct, frozen=True):
    """How a run ends: its state, what it counted, what it found (user, difference)."""

    state: RunState
    counts: Counts
    found: Sequence[tuple[str, Finding]]


def conclude(
    run: int, conclusion: Conclusion, now: int, keep_runs: int, connection: Connection
) -> None:
    """Store what a run found, plan what may be repaired, and let the oldest runs go.

    The plan's differences come first, and among them missing opt-outs.
    """
    rows = [drift_row(run, user, finding) for user, finding in conclusion.found]
    repairs = [row for row in rows if row.state == DriftState.PLANNED]
    if repairs:
        plan = plans.create_plan(connection, run, created_at=now, stats=plan_stats(repairs))
        repairs.sort(key=lambda row: row.priority)
        plans.add_drift(connection, [structs.replace(row, plan=plan) for row in repairs])
    plans.add_drift(connection, [row for row in rows if row.state != DriftState.PLANNED])
    counts = conclusion.counts
    counts.drift = len(rows)
    stats = msgspec.to_builtins(counts)
    runs.finish_run(connection, run, state=conclusion.state.value, finished_at=now, stats=stats)
    runs.trim_runs(connection, keep_runs)


def drift_row(run: int, user: str, finding: Finding) -> DriftRow:
    """A difference as the store keeps it."""
    return DriftRow(
        run=run,
        plan=None,
        user=user,
        part=finding.part,
        observed=msgspec.json.encode(finding.in_iterable).decode(),
        desired=msgspec.json.encode(finding.should_be).decode(),
        cause=_cause(finding),
        priority=FIRST if finding.first else ORDINARY,
        state=_state(finding.standing).value,
        note=finding.reason,
    )


def plan_stats(rows: Iterable[DriftRow]) -> dict[str, int]:
    """A plan in figures: users, parts, missing opt-outs, users created again, calls."""
    rows = list(rows)
    targets = Counter(_target(row) for row in rows if _target(row) != "bulk")
    bulk = len({row.user for row in rows if _target(row) == "bulk"})
    sizes = [*targets.values(), *([bulk] if bulk else [])]
    return {
        "users": len({row.user for row in rows}),
        "parts": len(rows),
        "first": sum(row.priority == FIRST for row in rows),
        "recreations": sum(recreates(row) for row in rows),
        "calls": sum(-(-size // ROWS_PER_CALL) for size in sizes),
    }


def _target(row: DriftRow) -> str:
    """What shares a call with others of its kind; a change of identity goes alone."""
    if row.part == IDENTITY:
        return row.user
    return "bulk" if row.part == USER or row.part.startswith("field:") else row.part


def _cause(finding: Finding) -> str:
    if finding.cause not in _DATED or not finding.at:
        return finding.cause.value
    moment = datetime.fromtimestamp(finding.at / 1000, UTC)
    return f"{finding.cause}, {moment.day} {moment:%b %H:%M}"


def undated(cause: str) -> str:
    """A stored cause without when it happened."""
    return cause.partition(", ")[0]


def _state(standing: Standing) -> DriftState:
    match standing:
        case Standing.REPAIRABLE:
            return DriftState.PLANNED
        case Standing.RESPECTED:
            return DriftState.RESPECTED
        case Standing.REFUSED:
            return DriftState.REFUSED
        case Standing.REPORTED:
            return DriftState.REPORTED
        case _:
            assert_never(standing)
