"""Runs: a sweep over all users by an export, or a spot check of a few by point reads.

Neither changes anything but the store's own tables of runs. A sweep that was interrupted goes on
with the export it had begun.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

import msgspec

from daemon.clients.iterable.client import IterableClient
from daemon.domain.messages import shard_of
from daemon.domain.ports import Clock
from daemon.errors import ConfigurationError, Refused, ServiceError
from daemon.reconcile.census import MOST_SUSPECTS, Census, count_settled
from daemon.reconcile.compare import Finding
from daemon.reconcile.looking import Lens, UserKey, look_at_chunk
from daemon.reconcile.observing import Export, Observer, read_export
from daemon.reconcile.patience import patiently
from daemon.reconcile.planning import Conclusion, conclude
from daemon.reconcile.report import Counts, RunState
from daemon.reconcile.verifying import Verified, Verifier
from daemon.reconcile.words import masked
from daemon.store import Connection, identifiers, runs, users
from daemon.store.database import Database
from daemon.telemetry import names
from daemon.telemetry.instruments import Instruments

PROFILES_PER_CHUNK = 500
LONGEST_PAUSE = 12 * 3_600_000
"""How old (ms) an interrupted sweep may be that is gone on with."""


class Bounds(msgspec.Struct, frozen=True):
    """What limits a run: the share of users that may be missing, and how many runs are kept."""

    max_share: float
    keep_runs: int


class Inspector:
    """Makes runs. `beat` is called whenever something was got done."""

    def __init__(
        self,
        database: Database,
        client: IterableClient,
        clock: Clock,
        bounds: Bounds,
        instruments: Instruments,
        beat: Callable[[], None],
    ) -> None:
        self._database = database
        self._client = client
        self._clock = clock
        self._bounds = bounds
        self._instruments = instruments
        self._beat = beat
        self._verifier = Verifier(database, client, clock, beat)

    async def sweep(self, lens: Lens) -> int:
        """Look at all users; returns the run's id. Raises ServiceError, and the run is failed."""
        with self._instruments.span(names.SPAN_SWEEP):
            return await self._sweep(lens)

    async def _sweep(self, lens: Lens) -> int:
        run, as_of, export = await self._begin()
        observer = Observer(self._database, self._client, lens, self._beat)
        try:
            await observer.observe(run, export, as_of)
            census = await self._count(run, as_of, lens)
            for file in export.files:
                census.counts.observed += file.observed
                census.counts.unknown += file.unknown
                census.counts.broken += file.broken
            partial_read = not export.whole
            if census.is_implausible(self._bounds.max_share):
                census.counts.absent = census.absent
                partial_read = True
            if partial_read:
                census.forget_absent()
            chosen = census.suspects.chosen(MOST_SUSPECTS)
            verified = await self._verifier.verify(run, chosen, lens)
        except ServiceError:
            await self._fail(run)
            raise
        census.counts.unverified = census.suspicious - len(verified)
        found = census.settled + _take_in(census.counts, verified)
        state = RunState.PARTIAL if partial_read else RunState.COMPLETE
        await self._conclude(run, Conclusion(state, census.counts, found))
        return run

    async def spot(self, names: Sequence[str], lens: Lens) -> int:
        """Look at a few users, named by userId, e-mail or user key; returns the run's id.

        Raises ConfigurationError for a name no profile has, and ServiceError.
        """
        keys = await self._database.read(partial(find_users, names))
        now = self._clock.now()
        run = await self._database.write(
            lambda connection: runs.start_run(connection, "spot", started_at=now, as_of=now)
        )
        try:
            verified = await self._verifier.verify(run, keys, lens)
        except ServiceError:
            await self._fail(run)
            raise
        counts = Counts(profiles=len(keys), observed=sum(one.observed.exists for one in verified))
        counts.unaddressed = len(keys) - len(verified)
        found = _take_in(counts, verified)
        await self._conclude(run, Conclusion(RunState.COMPLETE, counts, found))
        return run

    async def _begin(self) -> tuple[int, int, Export]:
        """A new run with its export, or the one that was interrupted: (run, as of, export)."""
        now = self._clock.now()
        last = await self._database.read(
            lambda connection: runs.last_run(connection, "sweep", RunState.RUNNING.value)
        )
        if last is not None:
            export = read_export(last)
            if export is not None and await self._still_there(export, now - last.started_at):
                return last.id, last.as_of, export
            await self._fail(last.id)
        run = await self._database.write(
            lambda connection: runs.start_run(connection, "sweep", started_at=now, as_of=now)
        )
        try:
            job = await patiently(self._client.start_export)
        except ServiceError:
            await self._fail(run)
            raise
        await self._database.write(
            lambda connection: runs.note_export(connection, run, str(job), [])
        )
        return run, now, Export(job)

    async def _still_there(self, export: Export, age: int) -> bool:
        if age > LONGEST_PAUSE:
            return False
        try:
            await patiently(partial(self._client.export_files, export.job))
        except Refused:
            return False
        return True

    async def _count(self, run: int, as_of: int, lens: Lens) -> Census:
        census = Census()
        after: UserKey | None = None
        while True:
            read = partial(look_at_chunk, run, as_of, lens, after, PROFILES_PER_CHUNK)
            looks = await self._database.read(read)
            if not looks:
                return census
            census.add(looks)
            after = (looks[-1].shard, looks[-1].user)
            self._beat()

    async def _fail(self, run: int) -> None:
        now = self._clock.now()
        await self._database.write(
            lambda connection: runs.finish_run(
                connection, run, state=RunState.FAILED.value, finished_at=now, stats={}
            )
        )

    async def _conclude(self, run: int, conclusion: Conclusion) -> None:
        keep = self._bounds.keep_runs
        now = self._clock.now()
        await self._database.write(partial(conclude, run, conclusion, now, keep))
        causes = Counter(str(finding.cause) for _, finding in conclusion.found)
        for cause, count in causes.items():
            self._instruments.drift_found(cause, count)


def _take_in(counts: Counts, verified: Sequence[Verified]) -> list[tuple[str, Finding]]:
    """Count users that were looked at by themselves; their differences."""
    found = []
    for one in verified:
        look = one.look
        if look.in_flight:
            counts.in_flight += 1
        elif look.suspicious:
            counts.drifted += 1
        elif look.addressed:
            counts.in_sync += 1
        else:
            counts.unaddressed += 1
        for finding in look.findings:
            count_settled(counts, finding)
            found.append((look.user, finding))
    return found


def find_users(names: Sequence[str], connection: Connection) -> list[UserKey]:
    """The profiles that userIds, e-mails or user keys belong to, each once.

    Raises ConfigurationError, one line for each name no profile has.
    """
    found: dict[UserKey, None] = {}
    problems = []
    for name in names:
        keys = _as_keys(name)
        owners = identifiers.owners(connection, keys)
        owner = next((owners[key] for key in keys if key in owners), None)
        known = users.load(connection, [(shard_of(name), name)])
        if owner is not None:
            found[owner.shard, owner.user] = None
        elif known:
            found[shard_of(name), name] = None
        else:
            problems.append(f"no profile is known by the name {masked(name)}")
    if problems:
        raise ConfigurationError(problems)
    return list(found)


def _as_keys(name: str) -> list[tuple[str, str]]:
    if name[:2] in {"u:", "e:", "a:"}:
        return [(name[0], name[2:])]
    return [("u", name), ("e", name.lower()), ("a", name)]
