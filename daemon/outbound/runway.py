"""Where calls are opened, fly and land: budgets, pauses, and what a failed call is split into."""

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence

import msgspec

from daemon.clients.http import NOT_SENT
from daemon.clients.iterable.answers import BULK, ENDPOINT_NOT_FOUND, INVALID_LIST, refused_row
from daemon.clients.iterable.client import IterableClient
from daemon.clients.iterable.endpoints import ENDPOINTS
from daemon.domain.commands import Call, CallKey, CallOutcome, Endpoint, RowOutcome, Verdict
from daemon.domain.ledger import CallRows, FailedRow
from daemon.domain.messages import MessageClass
from daemon.domain.ports import Clock
from daemon.errors import (
    EndpointMissing,
    Refused,
    ServerFailed,
    ServiceError,
    Throttled,
    TooLarge,
    Unauthorized,
    Unreachable,
)
from daemon.mapping.diff import IDENTITY, identity_hash
from daemon.mapping.rows import subscriptions_row
from daemon.outbound.converging import Converger, Sent
from daemon.outbound.emitting import Emitter
from daemon.outbound.event_landing import EventLanding
from daemon.outbound.flights import Flight, Landed, halves, of_events, of_state, part
from daemon.outbound.folding import Folder
from daemon.outbound.landing import ACCEPTED, UNCERTAIN, Landing, Patience
from daemon.outbound.permits import Permits
from daemon.outbound.proofs import Proofs
from daemon.outbound.residents import NEVER, Resident, Residents
from daemon.outbound.turn import Turn
from daemon.outbound.waitroom import WaitRoom
from daemon.store import calls
from daemon.telemetry import names
from daemon.telemetry.instruments import Instruments

AGAIN = "again"
"""The verdict of a row its call did not settle: it is sent again."""

_TRIES_FOR_A_NEW_LIST = 6
_TRIES_UNSAID = 5
_NEVER_SAID = RowOutcome(0, Verdict.INVALID, "Iterable's answers never said what became of it")


class Runway:
    """All flights of one lane."""

    def __init__(
        self,
        *,
        client: IterableClient,
        permits: Permits,
        converger: Converger,
        emitter: Emitter,
        landing: Landing,
        event_landing: EventLanding,
        proofs: Proofs,
        waitroom: WaitRoom,
        residents: Residents,
        clock: Clock,
        instruments: Instruments,
        patience: Patience,
        shards: tuple[int, ...],
    ) -> None:
        self._client = client
        self._permits = permits
        self._converger = converger
        self._emitter = emitter
        self._landing = landing
        self._event_landing = event_landing
        self._proofs = proofs
        self._waitroom = waitroom
        self._residents = residents
        self._clock = clock
        self._instruments = instruments
        self._patience = patience
        self._shards = shards
        self._split: deque[Flight] = deque()

    def next_chance(self, now: int) -> int:
        """When a call may be opened that was held back, ms."""
        due = [flight.due for flight in self._split if flight.due > now]
        return min([self._permits.next_chance(now), *due])

    def ready(self, turn: Turn) -> list[Flight]:
        """Build every call the budgets allow now, and note its intent in the turn."""
        self._permits.renew()
        flights = []
        for flight in self._built(turn.now):
            flight.opened_at = turn.now
            turn.opens.append(_intent(flight, turn, self._shards))
            self._permits.opened(flight.key.endpoint)
            flights.append(flight)
        return flights

    def _built(self, now: int) -> Iterator[Flight]:
        """One by one, as each counts for whether another may fly."""
        yield from self._split_flights(now)
        for key in list(self._converger.queues):
            yield from self._state_flights(key, now)
        yield from self._event_flights(now)

    def _split_flights(self, now: int) -> Iterator[Flight]:
        for _ in range(len(self._split)):
            flight = self._split.popleft()
            flight.due = min(flight.due, now + self._patience.longest)
            if flight.due <= now and self._permits.take(flight.key, flight.message_class, now):
                yield flight
            else:
                self._split.append(flight)

    def _state_flights(self, key: CallKey, now: int) -> Iterator[Flight]:
        queue = self._converger.queues[key]
        while len(queue):
            message_class = MessageClass.LIVE if queue.live else MessageClass.REPAIR
            if not self._permits.take(key, message_class, now):
                break
            sent = self._fill(key, now)
            if not sent:
                break
            yield of_state(key, sent, message_class)
        if not len(queue):
            del self._converger.queues[key]

    def _fill(self, key: CallKey, now: int) -> list[Sent]:
        spec, queue = ENDPOINTS[key.endpoint], self._converger.queues[key]
        sent: list[Sent] = []
        size = 0
        while len(queue) and len(sent) < spec.max_rows:
            resident = queue.pop()
            row = self._converger.build(key, resident)
            if row is None:
                self._converger.enqueue(resident, now)
                continue
            size += row.command.size + 1
            sent.append(row)
            if size > spec.max_bytes - 64_000:
                break
        return sent

    def _event_flights(self, now: int) -> Iterator[Flight]:
        key = CallKey(self._emitter.endpoint)
        spec = ENDPOINTS[key.endpoint]
        while self._emitter.ready and self._permits.take(key, MessageClass.LIVE, now):
            taken = self._emitter.take(
                spec.max_rows, spec.max_bytes - 64_000, now, self._converger.address
            )
            if not taken:
                break
            yield of_events(key, taken)

    async def fly(self, flight: Flight, landed: Callable[[Landed], None]) -> None:
        """Send one call; whatever becomes of it is told, never raised."""
        try:
            labels = {names.ATTR_ENDPOINT: str(flight.key.endpoint)}
            with self._instruments.span(names.SPAN_CALL, labels):
                outcome = await self._client.send(await self._call(flight))
        except ServiceError as error:
            landed(Landed(flight, None, error))
        else:
            landed(Landed(flight, outcome, None))

    async def _call(self, flight: Flight) -> Call:
        """The call; where it replaces whole arrays, made from what is there now (§10)."""
        if flight.key.endpoint is not Endpoint.UPDATE_SUBSCRIPTIONS:
            return flight.call
        sent = flight.sent[0]
        mappings = self._converger.mappings
        project, opt_in_types = mappings.project, mappings.opt_in_types
        observed = await self._client.get_user(sent.identity, project, self._clock.now())
        said = sent.command.parts
        kinds = {part.partition(":")[0] for part in said}
        out = self._converger.opt_outs(sent.resident).items()
        parts = {part: digest for part, digest in out if part.partition(":")[0] in kinds} | said
        row = subscriptions_row(sent.identity, project, parts, observed, opt_in_types)
        return Call(flight.key, [msgspec.structs.replace(sent.command, row=row)])

    def land(self, turn: Turn, over: Landed) -> None:
        """Apply what became of a flight, and close its row."""
        flight, endpoint = over.flight, over.flight.key.endpoint
        self._permits.closed(endpoint)
        self._measure(turn, over)
        if over.outcome is not None:
            self._permits.well(endpoint)
            self._permits.well(flight.key)
            self._land_rows(turn, flight, over.outcome)
            return
        error = over.error
        if not isinstance(error, TooLarge | Refused):
            self._land_failed(turn, flight, error)
            return
        self._permits.well(endpoint)
        if error.code == INVALID_LIST and flight.sent:
            self._land_unknown_list(turn, flight, error)
        elif len(flight.commands) > 1:
            self._close(turn, flight, error.status, split=True)
            self._split.extendleft(reversed(halves(flight)))
        else:
            self._refuse(turn, flight, error)

    def _land_unknown_list(self, turn: Turn, flight: Flight, error: ServiceError) -> None:
        """No row is to blame. Calls about this list pause, as one just created is not known
        everywhere (iterable.md §9); nothing else waits for it.
        """
        if self._permits.pause(flight.key, turn.now) > _TRIES_FOR_A_NEW_LIST:
            self._refuse(turn, flight, error)
            return
        self._close(turn, flight, error.status, split=True)
        for sent in flight.sent:
            self._return(sent, turn.now)

    def _refuse(self, turn: Turn, flight: Flight, error: ServiceError) -> None:
        """Every row of the call is refused, for what was said of the call."""
        alone = refused_row(error)
        everything = [
            msgspec.structs.replace(alone, index=index) for index in range(len(flight.commands))
        ]
        self._land_rows(turn, flight, CallOutcome(error.status, everything))

    def _measure(self, turn: Turn, over: Landed) -> None:
        flight, endpoint = over.flight, str(over.flight.key.endpoint)
        outcome = type(over.error).__name__ if over.error else "ok"
        seconds = (turn.now - flight.opened_at) / 1000
        self._instruments.called(endpoint, outcome, len(flight.commands), seconds)
        if isinstance(over.error, Throttled):
            self._instruments.throttled(endpoint)
        if over.outcome is not None:
            failed = Counter(str(row.verdict) for row in over.outcome.failed)
            failed[str(Verdict.ACCEPTED)] += len(flight.commands) - failed.total()
            for verdict, rows in failed.items():
                self._instruments.judged(endpoint, verdict, rows)

    def _land_failed(self, turn: Turn, flight: Flight, error: ServiceError | None) -> None:
        """The call as a whole came to nothing, or nobody knows to what."""
        endpoint = flight.key.endpoint
        self._close(turn, flight, error.status if error else 0, split=True)
        never_sent = error is not None and error.code == NOT_SENT
        uncertain = isinstance(error, Unreachable | ServerFailed) and not never_sent
        match error:
            case Throttled():
                pass  # the client has paused the budget
            case Unauthorized():
                self._permits.trouble(endpoint, error, turn.now)
                self._permits.pause_unauthorized(endpoint, turn.now)
                turn.counters["unauthorized"] += 1
            case EndpointMissing(code=code) if (
                endpoint is Endpoint.SUBSCRIPTIONS and code == ENDPOINT_NOT_FOUND
            ):
                self._converger.subscriptions_missing = True
                turn.counters["subscriptions sent as whole arrays"] += 1
            case _:
                self._permits.trouble(endpoint, error, turn.now)
                self._permits.pause(endpoint, turn.now)
        for sent in flight.sent:
            if uncertain:
                self._landing.row(sent, UNCERTAIN, endpoint, turn.now)
                self._check_identity(sent, turn.now + self._patience.lag)
            else:
                self._return(sent, turn.now)
        self._event_landing.give_back(flight)

    async def doubt(self, turn: Turn, rows: Sequence[calls.CallRow], folder: Folder) -> None:
        """Calls a former run left open are uncertain: close them, and send their state again.

        Events need nothing: they are still behind the cursor, and a repeated id changes nothing.
        """
        due = turn.now + self._patience.lag
        await folder.load(user for row in rows for user in row.rows.users)
        for row in rows:
            again = [FailedRow(index, AGAIN) for index in range(len(row.rows.users))]
            turn.closes.append(calls.Closing(id=row.id, closed_at=turn.now, status=0, failed=again))
            for user, parts in zip(row.rows.users, row.rows.parts, strict=False):
                resident = self._residents.get(user)
                if resident is not None:
                    self._landing.doubt(resident, parts, row.opened_at, due)
                    self._doubt_identity(resident, parts, due)
                    self._converger.enqueue(resident, turn.now)

    def _doubt_identity(self, resident: Resident, parts: dict[str, int], due: int) -> None:
        wanted = resident.difference.identity if resident.difference else None
        if wanted is not None and parts.get(IDENTITY) == identity_hash(wanted):
            self._proofs.check_identity(resident, wanted, due)

    def _land_rows(self, turn: Turn, flight: Flight, outcome: CallOutcome) -> None:
        said = {row.index: row for row in outcome.failed}
        unsaid = _unsaid(flight, outcome)
        again = self._ask_again(flight, unsaid, turn.now)
        if unsaid and flight.tries == _TRIES_UNSAID:
            said = {0: _NEVER_SAID}
        for index, sent in enumerate(flight.sent):
            if index not in again:
                self._land_state(turn, flight, sent, said.get(index, ACCEPTED))
        self._event_landing.land(turn, flight, said, again)
        if flight.then and not again:
            flight.then[0].then = flight.then[1:]
            self._split.appendleft(flight.then[0])
        self._close(turn, flight, outcome.status, failed=outcome.failed)

    def _return(self, sent: Sent, now: int) -> None:
        """A row that was not taken. Where it is not wanted any more, nothing waits for it."""
        self._landing.returned(sent, now)
        self._let_on(sent.resident)

    def _land_state(self, turn: Turn, flight: Flight, sent: Sent, row: RowOutcome) -> None:
        self._landing.row(sent, row, flight.key.endpoint, turn.now)
        if row is not ACCEPTED:
            self._check_identity(sent, turn.now)
        self._let_on(sent.resident)

    def _let_on(self, resident: Resident) -> None:
        """Its events go on, if nothing holds them any more."""
        self._emitter.offer(resident)
        self._waitroom.look(resident)

    def _ask_again(self, flight: Flight, unsaid: Sequence[int], now: int) -> frozenset[int]:
        """Which rows fly again, as the answer did not say what became of them; fewer together, so
        that one of them alone can spoil no call for ever.
        """
        again = [i for i in unsaid if not flight.sent or flight.sent[i].kind != IDENTITY]
        if not again or flight.key.endpoint not in BULK:
            return frozenset()
        rest = part(flight, again)
        rest.then = flight.then
        if len(flight.commands) == 1:
            if flight.tries == _TRIES_UNSAID:
                return frozenset()
            rest.tries, rest.due = flight.tries + 1, now + self._landing.backoff(flight.tries)
        self._split.extendleft(reversed(halves(rest) if len(again) > 1 else [rest]))
        return frozenset(again)

    def _check_identity(self, sent: Sent, due: int) -> None:
        if sent.kind == IDENTITY:
            self._proofs.check_identity(sent.resident, sent.identity, due)

    def _close(
        self,
        turn: Turn,
        flight: Flight,
        status: int,
        *,
        failed: Sequence[RowOutcome] = (),
        split: bool = False,
    ) -> None:
        """Close the call's row. `split`: none of its rows is settled by it."""
        rows = [FailedRow(row.index, str(row.verdict), row.reason) for row in failed]
        if split:
            rows = [FailedRow(index, AGAIN) for index in range(len(flight.commands))]
        turn.closes.append(
            calls.Closing(id=flight.id, closed_at=turn.now, status=status, failed=rows)
        )


def _unsaid(flight: Flight, outcome: CallOutcome) -> list[int]:
    """The rows of which an answer did not say what became of them; where there are any, events
    that failed stay with them, for the order's sake.
    """
    unsaid = [row.index for row in outcome.failed if row.verdict is Verdict.UNCERTAIN]
    if unsaid and flight.events:
        verdicts = (Verdict.UNCERTAIN, Verdict.RETRY)
        return [row.index for row in outcome.failed if row.verdict in verdicts]
    return unsaid


def _intent(flight: Flight, turn: Turn, shards: tuple[int, ...]) -> calls.NewCall:
    positions = [event.position for event in flight.events]
    positions += [sent.resident.since for sent in flight.sent if sent.resident.since != NEVER]
    return calls.NewCall(
        key=flight.key,
        mapping_version=turn.version,
        shards=shards,
        opened_at=turn.now,
        first_position=min(positions, default=0),
        last_position=max(positions, default=0),
        rows=CallRows(
            users=[command.user for command in flight.commands],
            positions=[command.position for command in flight.commands if flight.events],
            message_ids=[str(command.row["id"]) for command in flight.commands if flight.events],
            parts=[sent.command.parts for sent in flight.sent],
        ),
    )
