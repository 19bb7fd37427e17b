"""The log's rows against what their appenders noted, ingest's memory, and the identifiers.

A folded message's identifiers were claimed before it was folded, so each of them has an owner. An
identifier whose user is not there is right only while no message that names it was folded into that
user: one that was handed over, or set aside, or went to a stronger user, was not.
"""

from collections.abc import Iterable, Sequence

import msgspec

from daemon.domain.messages import INTERNAL_TYPES, LogRow, Message, MessageClass, decode
from daemon.mapping.identity import is_computed, resolve
from daemon.outbound.books import EVENTS, NOBODY, Books
from daemon.outbound.fates import Rests, Seen
from daemon.outbound.findings import Findings
from daemon.outbound.resolving import names
from daemon.outbound.turn import FOLDED
from daemon.store import Connection, dedupe, identifiers, log

_CHUNK = 2_000
_KINDS = {"u": "userId", "e": "e-mail", "a": "anonymousId"}


def kind_words(identifier: str) -> str:
    """What an identifier like `u:1` is, without its value."""
    return _KINDS[identifier[0]]


class LogAudit:
    """One pass over the log. `lone` says of each identifier whose user is not there who that is.

    `last` is the last position of each shard, `sources` where each source's messages of a day
    begin, `nameless` are the identifiers that folded messages name and that nobody owns.
    """

    def __init__(self, books: Books, findings: Findings, lone: dict[str, str]) -> None:
        self._books = books
        self._findings = findings
        self.lone = lone
        self.named: dict[str, int] = {}
        self.last: dict[int, int] = {}
        self.sources: dict[tuple[str, str], int] = {}
        self.accepted: dict[tuple[str, str], int] = {}
        self.nameless: set[str] = set()
        self._remembered: list[str] = []

    def read(self, connection: Connection) -> None:
        self._remembered = dedupe.days(connection)
        after = self._books.first - 1
        while rows := log.read(connection, after, None, _CHUNK):
            messages = [(row, _decoded(row)) for row in rows]
            for row, message in messages:
                self._enter(row, message)
            known = [(row, message) for row, message in messages if message is not None]
            self._dedupe(connection, known)
            self._identifiers(connection, known)
            after = rows[-1].position
        self._missing()

    def _enter(self, row: LogRow, message: Message | None) -> None:
        books, position = self._books, row.position
        at = books.index(position)
        if at is None:
            self._findings.note(
                "messages", "log_head", "the log says that it ends before it", position
            )
            return
        books.shards[at] = row.shard
        self.last[row.shard] = position
        flags = Seen.COPY if row.hops else Seen(0)
        if row.message_class is MessageClass.REPAIR:
            flags |= Seen.REPAIR
        if position <= books.reach(FOLDED, row.shard):
            flags |= Seen.FOLDED
        if position <= books.reach(EVENTS, row.shard):
            flags |= Seen.EMITTED
        books.seen[at] |= flags
        if books.appended[at] == NOBODY:
            self._findings.note("messages", "turn", "no turn says who appended it", position)
        elif books.appended[at] != row.shard:
            text = f"it was appended to shard {books.appended[at]}"
            self._findings.note("messages", "message", text, position)
        if books.days[at] and message is not None:
            key = (books.day_names[books.days[at]], message.source)
            self.sources.setdefault(key, position)
            self.accepted[key] = self.accepted.get(key, 0) + 1

    def _dedupe(self, connection: Connection, known: Sequence[tuple[LogRow, Message]]) -> None:
        if not self._remembered:
            return
        books, oldest = self._books, self._remembered[0]
        digests: dict[bytes, int] = {}
        for row, message in known:
            at = books.index(row.position)
            if at is not None and books.days[at] and books.day_names[books.days[at]] >= oldest:
                digest = dedupe.digest_of(message.source, message.message_id)
                digests[digest] = row.position
        for digest in dedupe.missing(connection, digests):
            text = "ingest does not remember it: its row in the dedupe table is missing"
            self._findings.note("messages", "dedupe", text, digests[digest])

    def _identifiers(self, connection: Connection, known: Sequence[tuple[LogRow, Message]]) -> None:
        wanted: dict[str, int] = {}
        about_lone: list[tuple[int, Message]] = []
        for row, message in known:
            if row.position > self._books.reach(FOLDED, row.shard):
                continue
            carried = names(message)
            if not self.lone.keys().isdisjoint(carried) and self._stayed(row.position):
                about_lone.append((row.position, message))
            if message.type not in INTERNAL_TYPES and not is_computed(message):
                for identifier in carried:
                    wanted.setdefault(identifier, row.position)
        owners = _owners(connection, {*wanted, *(n for _, m in about_lone for n in names(m))})
        for identifier, position in wanted.items():
            if identifier not in owners and identifier not in self.nameless:
                self.nameless.add(identifier)
                text = f"its {kind_words(identifier)} belongs to nobody: the identifier is missing"
                self._findings.note("messages", "identifier", text, position)
        for position, message in about_lone:
            self._meet(position, message, owners)

    def _stayed(self, position: int) -> bool:
        """Whether a folded message is part of a profile of its own shard."""
        books, at = self._books, position - self._books.first
        return not books.seen[at] & Seen.HANDED_FROM and books.rests[at] != Rests.DEAD

    def _meet(self, position: int, message: Message, owners: dict[str, str]) -> None:
        """Note which of a message's identifiers say that its user should be there."""
        carried = names(message)
        internal = message.type in INTERNAL_TYPES
        user = owners.get(carried[0]) if internal else resolve(message, owners).user
        for identifier in carried:
            if self.lone.get(identifier) == user:
                self.named.setdefault(identifier, position)

    def _missing(self) -> None:
        """Rows that are not there, by their positions."""
        books = self._books
        at = books.shards.find(NOBODY)
        while at >= 0:
            text = "the log has no row here"
            self._findings.note("messages", "message", text, at + books.first)
            at = books.shards.find(NOBODY, at + 1)


def _decoded(row: LogRow) -> Message | None:
    try:
        return decode(row.body)
    except (msgspec.DecodeError, msgspec.ValidationError):
        return None


def _owners(connection: Connection, wanted: Iterable[str]) -> dict[str, str]:
    keys = [(identifier[0], identifier[2:]) for identifier in wanted]
    found = identifiers.owners(connection, keys)
    return {f"{kind}:{value}": owner.user for (kind, value), owner in found.items()}
