"""What an answer changes: a row's outcome becomes Believed, a later try, or a refusal.

Nothing here waits or sends; the lane calls it between two awaits, so a resident never changes
while something looks at it.
"""

import random

import msgspec

from daemon.domain.commands import Endpoint, RowOutcome, Verdict
from daemon.domain.profiles import Believed, Certainty, Part
from daemon.mapping.diff import IDENTITY, UNSUBSCRIBED, identity_hash
from daemon.outbound.converging import CHOICES, FIELDS, LISTS, Converger, Sent
from daemon.outbound.residents import NEVER, Resident

ACCEPTED = RowOutcome(index=0, verdict=Verdict.ACCEPTED)
_TAKEN = (Verdict.ACCEPTED, Verdict.SKIPPED)
ABSENT = "Iterable does not know the user"
UNCERTAIN = RowOutcome(index=0, verdict=Verdict.UNCERTAIN, reason="no answer")


class Patience(msgspec.Struct, frozen=True):
    """How long to wait, ms: `lag` before an uncertain row is sent again, a backoff from `first` to
    `longest` before another row is, and `longest_pause` at most before a failing endpoint is tried.
    """

    lag: int = 15_000
    first: int = 1_000
    longest: int = 300_000
    longest_pause: int = 20_000

    @property
    def longest_wait(self) -> int:
        """Nothing is put off for longer, whatever becomes of the clock."""
        return max(self.lag, self.longest, self.longest_pause)

    def backoff(self, tries: int, rng: random.Random) -> int:
        """Exponential with full jitter, in ms."""
        return int(rng.uniform(0, min(self.longest, self.first * 2 ** min(tries, 20)))) + 1


class Landing:
    """Applies outcomes of state rows to their residents."""

    def __init__(self, converger: Converger, patience: Patience, rng: random.Random) -> None:
        self._converger = converger
        self._patience = patience
        self._rng = rng

    def backoff(self, tries: int) -> int:
        return self._patience.backoff(tries, self._rng)

    def unsent(self, sent: Sent) -> None:
        """The row was not taken at all: as if it had never flown."""
        resident = sent.resident
        resident.flying.difference_update(sent.command.parts)
        resident.flying.discard(sent.kind)

    def row(self, sent: Sent, outcome: RowOutcome, endpoint: Endpoint, now: int) -> None:
        """Apply one row's outcome, and see what is still open of its user."""
        self.unsent(sent)
        resident = sent.resident
        before = resident.barrier, resident.rest
        settled = self._apply(sent, outcome, endpoint, now)
        resident.dirty = True
        if settled and sent.kind == FIELDS and sent.whole:
            resident.barrier, resident.later = resident.later, NEVER
        if sent.kind == FIELDS and outcome.verdict in _TAKEN:
            self._converger.narrow(resident)
        else:
            self._converger.compare(resident)
        self._converger.keep_open(resident, *before)
        self._converger.enqueue(resident, now)

    def returned(self, sent: Sent, now: int) -> None:
        """The row was not taken at all: what is still wanted of it goes again."""
        self.unsent(sent)
        if sent.resident.difference is None or not sent.resident.difference.touches_fields:
            self._converger.compare(sent.resident)
        self._converger.enqueue(sent.resident, now)

    def doubt(self, resident: Resident, parts: dict[str, int], at: int, due: int) -> None:
        """A row of a former run, sent at `at`, whose outcome was lost: again when `due` (ms)."""
        before = resident.barrier, resident.rest
        for part, digest in parts.items():
            if part == IDENTITY:
                continue
            known = resident.believed.parts.get(part)
            chosen = known.chosen if known else 0
            resident.believed.parts[part] = Part(digest, at, Certainty.UNKNOWN, "no answer", chosen)
            if part.startswith("field:"):
                resident.retry[FIELDS] = due
            elif part.startswith("list:"):
                resident.retry[LISTS] = due
        if IDENTITY in parts:
            resident.retry[IDENTITY] = due
        resident.dirty = True
        self._converger.compare(resident)
        self._converger.keep_open(resident, *before)

    def _apply(self, sent: Sent, outcome: RowOutcome, endpoint: Endpoint, now: int) -> bool:
        """Whether the row is settled: accepted whole, or refused whole."""
        if outcome.verdict in _TAKEN:
            self._accept(sent, endpoint, now)
            return True
        match outcome.verdict:
            case Verdict.RETRY:
                self._again(sent, now)
                return False
            case Verdict.UNCERTAIN:
                self._doubt(sent, now)
                return False
            case _:
                return self._refuse(sent, outcome, now)

    def _accept(self, sent: Sent, endpoint: Endpoint, now: int) -> None:
        resident = sent.resident
        believed = resident.believed
        proves_user = sent.kind != CHOICES
        creating = believed.identity is None and proves_user
        proven = endpoint not in (Endpoint.SUBSCRIPTIONS, Endpoint.UPDATE_SUBSCRIPTIONS)
        certainty = Certainty.CONFIRMED if proven else Certainty.ACCEPTED
        for part, digest in sent.command.parts.items():
            if part == IDENTITY:
                self._confirm_identity(sent, now)
                continue
            believed.parts[part] = Part(digest, now, certainty, "", sent.chosen.get(part, 0))
        found_again = proves_user and forget_absence(believed)
        if creating:
            project = self._converger.mappings.project
            whole = sent.kind == FIELDS
            believed.identity = sent.identity if whole else sent.identity.only_key(project)
            _send_opt_outs_again(believed)
        if creating or found_again:
            resident.difference = None  # more is open by now than was compared last
        if not proven:
            self._converger.delay(resident.id, now + self._patience.lag)
        resident.retry.pop(sent.kind, None)
        resident.tries.pop(sent.kind, None)
        resident.narrow = []

    def _confirm_identity(self, sent: Sent, now: int) -> None:
        """Believe it. A refusal of another identity than this one stands."""
        believed, digest = sent.resident.believed, identity_hash(sent.identity)
        known = believed.parts.get(IDENTITY)
        believed.identity = sent.identity
        if known is None or known.certainty != Certainty.REFUSED or known.hash == digest:
            believed.parts[IDENTITY] = Part(digest, now)

    def _again(self, sent: Sent, now: int) -> None:
        resident = sent.resident
        tries = resident.tries.get(sent.kind, 0)
        resident.tries[sent.kind] = tries + 1
        resident.retry[sent.kind] = now + self._patience.backoff(tries, self._rng)

    def _doubt(self, sent: Sent, now: int) -> None:
        """Sent again after the quiet time; opt-outs at once (DESIGN §2)."""
        resident = sent.resident
        for part, digest in sent.command.parts.items():
            if part != IDENTITY:
                chosen = sent.chosen.get(part, 0)
                resident.believed.parts[part] = Part(
                    digest, now, Certainty.UNKNOWN, "no answer", chosen
                )
        if sent.kind == CHOICES:
            self._again(sent, now)
        else:
            resident.tries[sent.kind] = resident.tries.get(sent.kind, 0) + 1
            resident.retry[sent.kind] = now + self._patience.lag

    def _refuse(self, sent: Sent, outcome: RowOutcome, now: int) -> bool:
        resident, parts = sent.resident, sent.command.parts
        if outcome.verdict is Verdict.CONFLICT and IDENTITY in parts:
            self._settle(sent, {IDENTITY: parts[IDENTITY]}, outcome, now)
            return False
        named = {f"field:{name}": parts[f"field:{name}"] for name in _named(outcome, sent)}
        if named and len(named) < len(parts):
            self._settle(sent, named, outcome, now)
            return False
        fields = [part.removeprefix("field:") for part in parts if part.startswith("field:")]
        if outcome.verdict is Verdict.BAD_DATA and len(fields) > 1:
            resident.narrow = fields[: len(fields) // 2]
            return False
        self._settle(sent, parts, outcome, now)
        resident.narrow = []
        return True

    def _settle(self, sent: Sent, parts: dict[str, int], outcome: RowOutcome, now: int) -> None:
        reason = outcome.reason or str(outcome.verdict)
        for part, digest in parts.items():
            sent.resident.believed.parts[part] = Part(
                digest, now, Certainty.REFUSED, reason, sent.chosen.get(part, 0)
            )


def _named(outcome: RowOutcome, sent: Sent) -> list[str]:
    return [name for name in outcome.fields if f"field:{name}" in sent.command.parts]


def forget_absence(believed: Believed) -> bool:
    """Believe no more what was confirmed because Iterable had no such user; say if anything was."""
    told = [name for name, part in believed.parts.items() if part.reason == ABSENT]
    for name in told:
        part = believed.parts[name]
        believed.parts[name] = msgspec.structs.replace(
            part, certainty=Certainty.UNKNOWN, reason="no answer"
        )
    return bool(told)


def _send_opt_outs_again(believed: Believed) -> None:
    """What was said before Iterable knew the user may not have been kept (DESIGN §3)."""
    for name, part in believed.parts.items():
        choice = name.startswith(("channel:", "messageType:"))
        if choice and part.hash == UNSUBSCRIBED and part.certainty != Certainty.REFUSED:
            believed.parts[name] = msgspec.structs.replace(part, certainty=Certainty.UNKNOWN)
