"""What a run found and what came of it, as data the commands print. Persons are masked by default.

A profile is in sync, drifted, unverified, in flight or not addressed; what is refused by Iterable
or respected doesn't make it drifted. `profiles` is their sum.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from enum import StrEnum

import msgspec

from daemon.mapping.catalog import Catalog
from daemon.mapping.diff import IDENTITY
from daemon.mapping.observe import USER
from daemon.reconcile.compare import Cause
from daemon.reconcile.words import identity_words, masked, part_words, value_words
from daemon.store import Connection, plans, runs
from daemon.store.plans import DriftRow, PlanRow
from daemon.store.runs import RunRow

MOST_LINES = 20
_PAGE = 1000


class RunState(StrEnum):
    """How a run ended. Partial: Iterable wasn't read to its end, so absence proves nothing."""

    RUNNING = "running"
    COMPLETE = "complete"
    PARTIAL = "partial"
    FAILED = "failed"


class DriftState(StrEnum):
    """What has become of one difference."""

    PLANNED = "planned"
    SENT = "sent"  # its observation is in the log
    SUPERSEDED = "superseded"  # it was stale when its plan was applied
    REPAIRED = "repaired"  # a point read agrees
    LEFT = "left"
    RESPECTED = "respected"
    REFUSED = "refused"
    REPORTED = "reported"


class Counts(msgspec.Struct):
    """What a run counted. `observed`, `unknown` are Iterable's users, `broken` lines nobody can
    read; `respected` and `refused` are parts; `drift` the differences kept; `absent` the users who
    vanished between two sweeps, where they were too many to be believed; all others are profiles.
    """

    observed: int = 0
    unknown: int = 0
    broken: int = 0
    profiles: int = 0
    in_sync: int = 0
    drifted: int = 0
    in_flight: int = 0
    unaddressed: int = 0
    unverified: int = 0
    respected: int = 0
    refused: int = 0
    drift: int = 0
    absent: int = 0


class DriftLine(msgspec.Struct, frozen=True):
    """One difference for people. `first`: a missing opt-out."""

    user: str
    part: str
    in_iterable: str
    should_be: str
    cause: str
    first: bool
    state: str
    note: str


class PlanReport(msgspec.Struct, frozen=True):
    """A plan. `users`, `parts`, `first` (missing opt-outs), `recreations` and `calls` are what it
    would touch, `states` how many differences are in which state now. `guards` say what holds it
    back from being applied without an explicit yes; `limit` is the share of users it may touch.
    """

    id: int
    state: str
    users: int
    parts: int
    first: int
    recreations: int
    calls: int
    share: float
    limit: float
    states: dict[str, int]
    guards: list[str]


class RunReport(msgspec.Struct, frozen=True):
    """A run. Times are ms. `lines` are the first of `counts.drift` differences.

    After a plan was applied, `left` is how many of its users still differ, or have not settled.
    """

    run: int
    kind: str
    state: str
    started_at: int
    finished_at: int | None
    as_of: int
    counts: Counts
    lines: list[DriftLine]
    plan: PlanReport | None
    notes: list[str]
    left: int | None = None


def counts_of(run: RunRow) -> Counts:
    """What a stored run counted."""
    return msgspec.convert(run.stats, Counts)


def drift_lines(
    rows: Iterable[DriftRow], catalog: Catalog, *, reveal: bool = False
) -> list[DriftLine]:
    """Differences for people; `reveal` shows whom and what they are about."""
    return [_line(row, catalog, reveal=reveal) for row in rows]


def _line(row: DriftRow, catalog: Catalog, *, reveal: bool) -> DriftLine:
    seen, wanted = msgspec.json.decode(row.observed), msgspec.json.decode(row.desired)
    if row.part == IDENTITY:
        shown = identity_words(seen, wanted, reveal=reveal)
    else:
        shown = (
            value_words(row.part, seen, reveal=reveal),
            value_words(row.part, wanted, reveal=reveal),
        )
    return DriftLine(
        user=row.user[2:] if reveal else masked(row.user),
        part=part_words(row.part, catalog),
        in_iterable=shown[0],
        should_be=shown[1],
        cause=row.cause,
        first=row.priority == 0,
        state=row.state,
        note=row.note,
    )


def read_report(
    run_id: int, catalog: Catalog, limit: float, lines: int, connection: Connection
) -> RunReport | None:
    """The report of a stored run, with the first `lines` of its differences; None for no run.

    `limit` is the share of users a plan may touch without an explicit yes.
    """
    run = runs.get_run(connection, run_id)
    if run is None:
        return None
    counts = counts_of(run)
    plan = plan_of(run_id, connection)
    return RunReport(
        run=run.id,
        kind=run.kind,
        state=run.state,
        started_at=run.started_at,
        finished_at=run.finished_at,
        as_of=run.as_of,
        counts=counts,
        lines=drift_lines(plans.list_drift(connection, run=run_id, limit=lines), catalog),
        plan=None if plan is None else _plan_report(connection, plan, run, limit),
        notes=_notes(run.state, counts),
    )


def plan_of(run: int, connection: Connection) -> PlanRow | None:
    """The plan of a run. Differences it names are stored before all others."""
    first = plans.list_drift(connection, run=run, limit=1)
    if not first or first[0].plan is None:
        return None
    return plans.plan(connection, first[0].plan)


def planned_rows(connection: Connection, plan: int) -> Iterator[DriftRow]:
    """All differences a plan names, in the order in which they were found."""
    after = 0
    while page := plans.list_drift(connection, plan=plan, after=after, limit=_PAGE):
        yield from page
        after = page[-1].id


def recreates(row: DriftRow) -> bool:
    """Whether repairing this difference undoes a deletion made in Iterable."""
    return row.part == USER and row.cause.startswith(Cause.DELETED)


def guards(plan: PlanRow, run: RunRow, limit: float) -> list[str]:
    """What stands against applying a plan without an explicit yes."""
    found = []
    touched = _share(plan, run)
    if touched > limit:
        users = plan.stats["users"]
        found.append(f"it touches {users} users, {touched:.2%} of all; the limit is {limit:.2%}")
    if run.state == RunState.PARTIAL:
        found.append("Iterable was not read to its end")
    return found


def _share(plan: PlanRow, run: RunRow) -> float:
    """Of all profiles; a spot check of a few says nothing about a share."""
    if run.kind != "sweep":
        return 0.0
    return plan.stats["users"] / max(counts_of(run).profiles, 1)


def _plan_report(connection: Connection, plan: PlanRow, run: RunRow, limit: float) -> PlanReport:
    states = Counter(row.state for row in planned_rows(connection, plan.id))
    return PlanReport(
        id=plan.id,
        state=plan.state,
        share=_share(plan, run),
        limit=limit,
        states=dict(states),
        guards=guards(plan, run, limit),
        **plan.stats,
    )


def _notes(state: str, counts: Counts) -> list[str]:
    """What was not looked at, or can't be said."""
    notes = []
    if state == RunState.PARTIAL:
        notes.append("Iterable was not read to its end: users not found were not judged")
    if counts.unverified:
        notes.append(
            f"{counts.unverified} more users differ in the export and were not read one by one;"
            " run again after this repair"
        )
    if counts.absent:
        notes.append(
            f"{counts.absent} users were not in the export, too many to be believed:"
            " nothing is concluded about them"
        )
    if counts.broken:
        notes.append(f"{counts.broken} lines of the export could not be read")
    return notes
