"""Applies a plan exactly: each row that still holds becomes an observation in the log.

Nothing is written to Iterable here. A row is checked against Desired as it is now; one that is
stale ends superseded, one by one. Rows and messages change in one transaction, and what a plan was
allowed to do is kept until it is done, so after a crash it is gone on with and nothing is sent
twice. Missing opt-outs go first.
"""

from collections.abc import Callable, Sequence
from functools import partial
from hashlib import blake2b
from itertools import islice
from typing import Any

import msgspec

from daemon.domain.identity import IterableIdentity
from daemon.domain.ledger import OBSERVED
from daemon.domain.messages import Message, MessageClass, NewRow, encode, shard_of
from daemon.domain.ports import Clock
from daemon.domain.profiles import Choice, Observation, Observed
from daemon.errors import ConfigurationError, GuardRefused, PlanStale
from daemon.mapping.canonical import value_hash
from daemon.mapping.diff import (
    IDENTITY,
    MEMBER,
    NO_MEMBER,
    choice_hash,
    identity_hash,
    part_hashes,
)
from daemon.mapping.mappings import Mappings
from daemon.mapping.observe import USER
from daemon.reconcile.compare import IS_MEMBER
from daemon.reconcile.looking import UserKey, states_of
from daemon.reconcile.report import DriftState, guards, planned_rows, recreates
from daemon.reconcile.sights import recall
from daemon.store import Connection, facts, log, plans, runs, turns, users
from daemon.store.database import Database
from daemon.store.plans import DriftRow, PlanRow, PlanState

USERS_PER_CHUNK = 200
APPLYING = "reconcile.applying"
APPROVED = "reconcile.approved"
"""The fact that a person has approved a plan: plans themselves are let go with their runs."""
BY_SCHEDULE = "schedule"
SOURCE = "reconciler"
_IDENTIFIERS = {"u": "user_id", "e": "email", "a": "anonymous_id"}


class Approval(msgspec.Struct, frozen=True):
    """Who lets a plan be applied, and whether beyond its guards, and to deleted users too."""

    by: str
    recreate: bool = False
    beyond_guards: bool = False


class Applying(msgspec.Struct):
    """A plan on its way. `positions` is the last message sent, by shard."""

    plan: int
    recreate: bool
    positions: dict[int, int] = {}


class Applier:
    """Applies plans. `beat` is called after each chunk."""

    def __init__(self, database: Database, clock: Clock, beat: Callable[[], None]) -> None:
        self._database = database
        self._clock = clock
        self._beat = beat

    async def begin(self, plan_id: int, approval: Approval, limit: float) -> Applying:
        """Approve a plan; `limit` is the share of users it may touch without an explicit yes.

        Raises:
            ConfigurationError: there is no such plan.
            GuardRefused: a guard holds it back; nothing was changed.
            PlanStale: it was applied already, or found stale.
        """
        now = self._clock.now()
        return await self._database.write(partial(_approve, plan_id, approval, limit, now))

    async def interrupted(self) -> Applying | None:
        """The plan that was being applied when the process ended."""
        return await self._database.read(_interrupted)

    async def apply(self, applying: Applying, mappings: Mappings) -> Applying:
        """Send what the plan has left to send. Cancellable; gone on with by calling it again."""
        waiting = await self._database.read(partial(_waiting, applying))
        while chunk := dict(islice(waiting.items(), USERS_PER_CHUNK)):
            send = partial(_send, applying, chunk, mappings, self._clock.now())
            applying = await self._database.write(send)
            for user in chunk:
                del waiting[user]
            self._beat()
        now = self._clock.now()
        await self._database.write(partial(_applied, applying.plan, now))
        return applying

    async def done(self, plan_id: int) -> None:
        """The plan was looked at again: nothing is under way any more."""
        now = self._clock.now()
        await self._database.write(partial(_done, plan_id, now))


def _approve(
    plan_id: int, approval: Approval, limit: float, now: int, connection: Connection
) -> Applying:
    plan = plans.plan(connection, plan_id)
    run = None if plan is None else runs.get_run(connection, plan.run)
    if plan is None or run is None:
        raise ConfigurationError(f"there is no plan {plan_id}; see: segue drift list")
    if plan.state is not PlanState.NEW:
        raise PlanStale(f"plan {plan_id} is {plan.state}; make a new one: segue reconcile")
    held = guards(plan, run, limit)
    if held and not approval.beyond_guards:
        raise GuardRefused(
            f"plan {plan_id} is held back: {'; '.join(held)}."
            " Nothing was changed; --beyond-guards applies it all the same"
        )
    applying = Applying(plan_id, approval.recreate)
    if not _waiting(applying, connection):
        raise GuardRefused(
            f"plan {plan_id} only creates users again that were deleted in Iterable;"
            " --recreate allows that"
        )
    plans.approve(connection, plan_id, approval.by)
    if approval.by != BY_SCHEDULE:
        facts.put(connection, APPROVED, approval.by, now)
    _remember(connection, applying, now)
    return applying


def approved_once(connection: Connection) -> bool:
    """Whether a person ever approved a plan: until then none is applied unasked (DESIGN §3.5)."""
    return facts.get(connection, APPROVED) is not None or plans.ever_approved(connection)


def _remember(connection: Connection, applying: Applying | None, now: int) -> None:
    facts.put(connection, APPLYING, msgspec.json.encode(applying).decode(), now)


def _interrupted(connection: Connection) -> Applying | None:
    fact = facts.get(connection, APPLYING)
    return None if fact is None else msgspec.json.decode(fact.value, type=Applying | None)


def _waiting(applying: Applying, connection: Connection) -> dict[str, list[DriftRow]]:
    """What is still to be sent, by user; as planned, so missing opt-outs come first."""
    rows: dict[str, list[DriftRow]] = {}
    for row in planned_rows(connection, applying.plan):
        allowed = applying.recreate or not recreates(row)
        if row.state == DriftState.PLANNED and allowed:
            rows.setdefault(row.user, []).append(row)
    return rows


def _send(
    applying: Applying,
    chunk: dict[str, list[DriftRow]],
    mappings: Mappings,
    now: int,
    connection: Connection,
) -> Applying:
    plan = plans.plan(connection, applying.plan)
    if plan is None:
        raise PlanStale(f"plan {applying.plan} is gone; make a new one: segue reconcile")
    seen = recall(connection, plan.run, list(chunk))
    desired = _desired(connection, list(chunk), mappings)
    sent: list[DriftRow] = []
    messages: list[NewRow] = []
    for user, rows in chunk.items():
        hashes, observed = desired.get(user), seen.get(user)
        if hashes is None or observed is None:
            continue
        holding = [row for row in rows if _holds(row, hashes)]
        if holding:
            observation = _observation(applying, plan, user, holding, observed)
            messages.append(_message(observation, now))
            sent += holding
    first = log.append(connection, messages)
    if messages:
        turns.note_appended(connection, OBSERVED, now, first, messages)
    positions = {row.shard: position for position, row in enumerate(messages, first)}
    ids = {row.id for row in sent}
    stale = [row.id for rows in chunk.values() for row in rows if row.id not in ids]
    plans.set_drift_state(connection, ids, DriftState.SENT.value)
    plans.set_drift_state(connection, stale, DriftState.SUPERSEDED.value)
    after = Applying(applying.plan, applying.recreate, {**applying.positions, **positions})
    _remember(connection, after, now)
    return after


def _desired(
    connection: Connection, ids: Sequence[str], mappings: Mappings
) -> dict[str, dict[str, int]]:
    """The hash of every part of Desired, by user and part; `user` itself for one to be there."""
    found = {}
    for row in users.load(connection, [_key_of(user) for user in ids]).values():
        desired, _ = states_of(row, mappings)
        if desired.identity is not None:
            found[row.id] = {USER: 0, **part_hashes(desired)}
    return found


def _key_of(user: str) -> UserKey:
    return shard_of(user), user


def _holds(row: DriftRow, hashes: dict[str, int]) -> bool:
    """Whether Desired is still what the row was planned against."""
    return hashes.get(row.part) == planned_hash(row.part, msgspec.json.decode(row.desired))


def planned_hash(part: str, desired: Any) -> int:
    """The hash of what a stored difference says should be, comparable with `part_hashes`."""
    kind = part.partition(":")[0]
    if kind == "field":
        return value_hash(desired)
    if part == IDENTITY:
        return identity_hash(IterableIdentity(desired["email"], desired["userId"]))
    if kind == "list":
        return MEMBER if desired == IS_MEMBER else NO_MEMBER
    return 0 if part == USER else choice_hash(Choice(desired))


def _observation(
    applying: Applying, plan: PlanRow, user: str, rows: Sequence[DriftRow], observed: Observed
) -> Observation:
    parts = {
        row.part: planned_hash(row.part, msgspec.json.decode(row.desired))
        for row in rows
        if row.part != USER
    }
    # someone Iterable never had is created, not created again
    recreate = applying.recreate or not any(recreates(row) for row in rows)
    return Observation(user, plan.id, observed, parts, recreate=not observed.exists and recreate)


def _message(observation: Observation, now: int) -> NewRow:
    user = observation.user
    digest = blake2b(user.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    identifier: dict[str, Any] = {_IDENTIFIERS[user[0]]: user[2:]}
    message = Message(
        type="observation",
        message_id=f"plan-{observation.plan}-{digest}",
        received_at=now,
        effective_at=observation.observed.as_of,
        source=SOURCE,
        properties=msgspec.to_builtins(observation),
        **identifier,
    )
    return NewRow(shard_of(user), MessageClass.REPAIR, now, 0, encode(message))


def _applied(plan_id: int, now: int, connection: Connection) -> None:
    sent = any(row.state == DriftState.SENT for row in planned_rows(connection, plan_id))
    state = PlanState.APPLIED if sent else PlanState.STALE
    plans.set_plan_state(connection, plan_id, state, applied_at=now)
    if not sent:
        _remember(connection, None, now)


def _done(plan_id: int, now: int, connection: Connection) -> None:
    plans.set_plan_state(connection, plan_id, PlanState.DONE)
    _remember(connection, None, now)
