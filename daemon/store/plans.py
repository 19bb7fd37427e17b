"""What a run found to differ, and what it proposes to repair."""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import Connection, exists, insert, select, update

from daemon.store.schema import DRIFT, PLAN
from daemon.store.statements import among, chunks


class PlanState(StrEnum):
    """How far a plan has come."""

    NEW = "new"
    APPROVED = "approved"
    APPLIED = "applied"  # its repairs are in the log
    STALE = "stale"
    DONE = "done"  # and verified


class DriftRow(msgspec.Struct, frozen=True):
    """One difference. `observed` and `desired` are JSON; a lower `priority` is applied first.

    `plan` is None where it is not to be repaired. `id` is 0 until it is stored.
    """

    run: int
    plan: int | None
    user: str
    part: str
    observed: str
    desired: str
    cause: str
    priority: int
    state: str
    note: str = ""
    id: int = 0


class PlanRow(msgspec.Struct, frozen=True):
    """A plan. `flags` are what it may do beyond the ordinary. Times are ms."""

    id: int
    run: int
    created_at: int
    state: PlanState
    approved_by: str
    applied_at: int | None
    stats: dict[str, int]
    flags: list[str]


_DRIFT = select(*[DRIFT.c[name] for name in DriftRow.__struct_fields__])
_PLAN = select(*[PLAN.c[name] for name in PlanRow.__struct_fields__])
_decode_stats = msgspec.json.Decoder(dict[str, int]).decode
_decode_flags = msgspec.json.Decoder(list[str]).decode


def add_drift(connection: Connection, rows: Sequence[DriftRow]) -> None:
    """Keep differences."""
    if rows:
        values = [msgspec.structs.asdict(row) for row in rows]
        for value in values:
            del value["id"]
        connection.execute(insert(DRIFT), values)


def list_drift(
    connection: Connection,
    *,
    run: int | None = None,
    plan: int | None = None,
    after: int = 0,
    limit: int,
) -> list[DriftRow]:
    """The next differences of a run or of a plan after an id."""
    statement = _DRIFT.where(DRIFT.c.id > after).order_by(DRIFT.c.id).limit(limit)
    if run is not None:
        statement = statement.where(DRIFT.c.run == run)
    if plan is not None:
        statement = statement.where(DRIFT.c.plan == plan)
    return [DriftRow(*row) for row in connection.execute(statement)]


def set_drift_state(connection: Connection, ids: Iterable[int], state: str, note: str = "") -> None:
    """Note what became of differences."""
    for chunk in chunks(sorted(ids)):
        statement = update(DRIFT).where(among(connection, DRIFT.c.id, chunk))
        connection.execute(statement.values(state=state, note=note))


def create_plan(
    connection: Connection,
    run: int,
    *,
    created_at: int,
    stats: dict[str, int],
    flags: Sequence[str] = (),
) -> int:
    """Note a new plan. Its id; differences name it."""
    values = {
        "run": run,
        "created_at": created_at,
        "state": PlanState.NEW.value,
        "approved_by": "",
        "stats": msgspec.json.encode(stats).decode(),
        "flags": msgspec.json.encode(list(flags)).decode(),
    }
    return int(connection.execute(insert(PLAN).returning(PLAN.c.id), values).scalar_one())


def plan(connection: Connection, plan_id: int) -> PlanRow | None:
    """A plan by its id."""
    return _plan(connection.execute(_PLAN.where(PLAN.c.id == plan_id)).first())


def last_plan(connection: Connection) -> PlanRow | None:
    """The latest plan."""
    return _plan(connection.execute(_PLAN.order_by(PLAN.c.id.desc()).limit(1)).first())


def approve(connection: Connection, plan_id: int, approved_by: str) -> None:
    """Note who, or which guard, let a plan be applied."""
    values = {"state": PlanState.APPROVED.value, "approved_by": approved_by}
    connection.execute(update(PLAN).where(PLAN.c.id == plan_id).values(values))


def set_plan_state(
    connection: Connection, plan_id: int, state: PlanState, applied_at: int | None = None
) -> None:
    """Note how far a plan has come; `applied_at` is kept where none is given."""
    values: dict[str, Any] = {"state": state.value}
    if applied_at is not None:
        values["applied_at"] = applied_at
    connection.execute(update(PLAN).where(PLAN.c.id == plan_id).values(values))


def ever_approved(connection: Connection) -> bool:
    """Whether any plan that is still kept was approved."""
    return bool(connection.execute(select(exists().where(PLAN.c.approved_by != ""))).scalar())


def _plan(row: Sequence[Any] | None) -> PlanRow | None:
    if row is None:
        return None
    id_, run, created_at, state, approved_by, applied_at, stats, flags = row
    return PlanRow(
        id_,
        run,
        created_at,
        PlanState(state),
        approved_by,
        applied_at,
        _decode_stats(stats),
        _decode_flags(flags),
    )
