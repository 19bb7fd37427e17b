"""Adds up the three ledgers from independent sources, and names what does not balance.

*Messages*: what ingest counted, what the log holds, what turns say was appended and folded, and
what ingest remembers. *State*: marks opened less marks settled are the marks that are open.
*Events*: each has one fate, and whatever proves that fate is there (DESIGN §5, promise 2).

It reads one consistent view, so it can work beside a running daemon. Every retained position costs
a few bytes of memory; turns, calls and the log are streamed.
"""

from collections import Counter

import msgspec

from daemon.domain.messages import SHARDS
from daemon.outbound.audit_log import LogAudit, kind_words
from daemon.outbound.books import EVENTS, NOBODY, Books
from daemon.outbound.fates import Account, Rests, Seen, final, mistakes
from daemon.outbound.findings import Finding, Findings
from daemon.outbound.turn import FOLDED
from daemon.store import (
    Connection,
    calls,
    cursors,
    facts,
    identifiers,
    ingested,
    log,
    mappings,
    marks,
    turns,
)
from daemon.store import waiting as waiting_table
from daemon.store.calls import CallRow
from daemon.store.dedupe import day_of
from daemon.store.waiting import WaitingKind

_CHUNK = 500
_NAMED_PER_MISTAKE = 20
_TAKING = 3_600_000  # ms: more than passes between a member's receipt and its commit


class AuditReport(msgspec.Struct, frozen=True):
    """What an audit came to. `messages`, `state` and `events` are the three ledgers' totals.

    `found` counts every mistake, `problems` says the first of them, one line each.
    """

    balanced: bool
    found: int
    problems: list[str]
    findings: list[Finding]
    messages: dict[str, int]
    state: dict[str, int]
    events: dict[str, int]


def audit(connection: Connection) -> AuditReport:
    """Add up all ledgers of the store as this transaction sees it."""
    findings = Findings()
    books = Books(log.first(connection), log.head(connection), findings)
    books.read(connection)
    _check_waiting(connection, books)
    lone = {f"{each.kind}:{each.value}": each.user for each in identifiers.ownerless(connection)}
    rows = LogAudit(books, findings, lone)
    rows.read(connection)
    _check_users(rows, findings)
    _check_ranges(books, findings)
    _check_cursors(connection, books, findings)
    _check_calls(connection, books, findings)
    _check_marks(connection, books, findings)
    _check_versions(connection, books, findings)
    totals = _check_intake(connection, books, rows, findings)
    events = _judge(books, findings)
    lost = _lost_names(connection, books)
    named = findings.named(connection, lambda at: _shard_at(books, at), lost)
    return AuditReport(
        balanced=not findings.count,
        found=findings.count,
        problems=[finding.line for finding in named],
        findings=named,
        messages=totals,
        state={
            "opened": books.opened,
            "settled": books.settled,
            "open": sum(books.open_marks.values()),
        },
        events=dict(events),
    )


def _check_users(rows: LogAudit, findings: Findings) -> None:
    for identifier, position in rows.named.items():
        text = f"its {kind_words(identifier)} belongs to a user who is not there"
        findings.note("messages", "user", text, position)


def _check_ranges(books: Books, findings: Findings) -> None:
    """A turn counted as many messages as the log holds in its range."""
    for each in books.ranges:
        held = books.count(each.shards, each.after, each.upto)
        if held != each.messages:
            findings.note(
                "messages",
                "message",
                f"a turn of {each.stage} counted {each.messages} messages up to {each.upto},"
                f" the log holds {held}",
                each.after + 1,
            )


def _check_cursors(connection: Connection, books: Books, findings: Findings) -> None:
    found = cursors.load(connection, range(SHARDS))
    for stage in (FOLDED, EVENTS):
        if not books.ranges:
            continue
        for shard in range(SHARDS):
            at, reached = found.get((shard, stage)), books.reach(stage, shard)
            if at is None or at > reached:
                place = "is missing" if at is None else f"stands at {at}"
                text = f"the cursor {stage} of shard {shard} {place}; turns came to {reached}"
                findings.note("messages", "cursor", text, reached)


def _check_calls(connection: Connection, books: Books, findings: Findings) -> None:
    """Calls turns speak of are there, and carry what turns say they did."""
    missing = dict(books.called)
    closed = set(books.closed)
    after = 0
    while rows := calls.scan(connection, after, _CHUNK):
        for call in rows:
            missing.pop(call.id, None)
            _enter_call(books, findings, call, closed)
        after = rows[-1].id
    for call_id, position in missing.items():
        text = f"call {call_id} was opened, but it is not there"
        findings.note("events", "call", text, position)


def _enter_call(books: Books, findings: Findings, call: CallRow, closed: set[int]) -> None:
    if call.mapping_version:
        books.versions.setdefault(call.mapping_version, call.first_position)
    if (call.closed_at is not None) != (call.id in closed):
        text = f"call {call.id} is {'closed' if call.closed_at else 'open'}, turns say otherwise"
        findings.note("events", "turn", text, call.first_position)
    if call.closed_at is None:
        return
    failed = {row.index for row in call.failed}
    for index, position in enumerate(call.rows.positions):
        if index not in failed:
            books.see(position, Seen.SENT)


def _check_waiting(connection: Connection, books: Books) -> None:
    for position, kind, version in waiting_table.each(connection):
        books.versions.setdefault(version, position)
        at = books.index(position)
        if at is not None:
            books.rests[at] = Rests.DEAD if kind is WaitingKind.DEAD else Rests.WAITS


def _check_marks(connection: Connection, books: Books, findings: Findings) -> None:
    there: Counter[int] = Counter()
    for _, _, since in marks.each(connection):
        if since >= books.first:
            there[since] += 1
    for since in there.keys() | books.open_marks.keys():
        opened, held = books.open_marks[since], there[since]
        if opened != held:
            text = f"{opened} marks were opened for it and not settled, {held} are there"
            findings.note("state", "mark", text, since)


def _check_versions(connection: Connection, books: Books, findings: Findings) -> None:
    known = set(mappings.versions(connection))
    for version, position in books.versions.items():
        if version and version not in known:
            text = f"mapping version {version} is not there"
            findings.note("events", "mapping_version", text, position)


def _check_intake(
    connection: Connection, books: Books, rows: LogAudit, findings: Findings
) -> dict[str, int]:
    """Counters, turns and rows agree for every day that is retained whole."""
    trimmed = _trimmed(connection, turns.TRIMMED)
    begins = day_of(trimmed) if trimmed else ""
    counted: Counter[str] = Counter()
    totals = ingested.totals(connection)
    for counts in totals.values():
        for word in ("received", "rejected", "duplicate", "accepted"):
            counted[word] += getattr(counts, word)
    days = {(day, source) for day, source, _ in books.intake} | set(totals)
    for day, source in sorted(days):
        if day <= begins:
            continue
        _check_day(books, rows, findings, totals.get((day, source)), (day, source))
    kept = ingested.rejected_ids(connection)
    oldest = _trimmed(connection, ingested.REJECTED_TRIMMED)
    for rejected, at in books.rejected.items():
        if rejected not in kept and at >= oldest:
            findings.note("messages", "rejected", f"rejected member {rejected} is not there")
    return dict(counted)


def _trimmed(connection: Connection, name: str) -> int:
    """From when on (ms) what a fact says was trimmed is surely there; 0 where nothing was."""
    fact = facts.get(connection, name)
    return fact.at + _TAKING if fact else 0


def _check_day(
    books: Books,
    rows: LogAudit,
    findings: Findings,
    counts: ingested.Counts | None,
    key: tuple[str, str],
) -> None:
    day, source = key
    said = {word: books.intake[day, source, word] for word in ("received", "accepted")}
    held = counts or ingested.Counts()
    whole = held.rejected + held.duplicate + held.accepted
    position = rows.sources.get(key)
    if held.received != whole or said["received"] != held.received:
        text = (
            f"source {source}, {day}: {held.received} received are counted, {whole} accounted for,"
            f" turns say {said['received']}"
        )
        findings.note("messages", "intake", text, position)
        return
    in_log = held.accepted if day in books.cut_days else rows.accepted.get(key, 0)
    if not said["accepted"] == held.accepted == in_log:
        text = f"source {source}, {day}: {held.accepted} accepted, {in_log} in the log"
        findings.note("messages", "message", text, position)


def _judge(books: Books, findings: Findings) -> Counter[str]:
    """Judge each account once, and name the first positions of those that are wrong."""
    columns = (books.fates, books.late, books.rests, books.seen)
    accounts = Counter(zip(*columns, strict=True))
    events: Counter[str] = Counter()
    wrong: dict[tuple[int, ...], list[tuple[str, str]]] = {}
    for key, number in accounts.items():
        account = Account(*key)
        events[final(account)] += number
        found = list(mistakes(account))
        if found:
            wrong[key] = found
    if wrong:
        named: Counter[tuple[int, ...]] = Counter()
        for at, key in enumerate(zip(*columns, strict=True)):
            for table, text in wrong.get(key, ()):
                named[key] += 1
                place = at + books.first if named[key] <= _NAMED_PER_MISTAKE else None
                findings.note("events", table, text, place)
    return events


def _shard_at(books: Books, position: int) -> int | None:
    at = books.index(position)
    if at is None or books.appended[at] == NOBODY:
        return None
    return books.appended[at]


def _lost_names(connection: Connection, books: Books) -> dict[int, str]:
    """The messageIds of lost rows, where a call still knows them."""
    lost: dict[int, str] = {}
    if books.shards.find(NOBODY) < 0:
        return lost
    after = 0
    while rows := calls.scan(connection, after, _CHUNK):
        for call in rows:
            for position, name in zip(call.rows.positions, call.rows.message_ids, strict=False):
                at = books.index(position)
                if at is not None and books.shards[at] == NOBODY:
                    lost[position] = name
        after = rows[-1].id
    return lost
