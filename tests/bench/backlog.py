"""Stores with people and a backlog in them, made once and copied for each run; and a look at them.

Messages are written straight into the log, before a daemon is there.
"""

import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from daemon.actors.clock import SystemClock
from daemon.domain.messages import (
    SHARDS,
    LogRow,
    Message,
    MessageClass,
    NewRow,
    decode,
    encode,
    shard_of,
)
from daemon.outbound.turn import FOLDED
from daemon.store import Connection, cursors, log, marks, migrate
from daemon.store.database import Database, open_database
from tests.bench.figures import Scale
from tests.bench.people import settle
from tests.bench.processes import STORE, store_url
from tests.bench.traffic import Mix, messages

APPENDED_AT_ONCE = 2000
_ALL = range(SHARDS)


@contextmanager
def folder_with(scale: Scale, mix: Mix, count: int, people: int) -> Iterator[Path]:
    """A folder for one run, its store holding people and `count` messages of theirs."""
    template = scale.folder / f"{mix}-{count}-{people}"
    if not template.exists():
        template.mkdir()
        _make(template, mix, count, people)
    with TemporaryDirectory(dir=scale.folder) as name:
        shutil.copyfile(template / STORE, Path(name) / STORE)
        yield Path(name)


def _make(folder: Path, mix: Mix, count: int, people: int) -> None:
    migrate.upgrade(store_url(folder))
    now = SystemClock().now()
    with closing(open_database(store_url(folder))) as database:
        for _ in settle(database, people):
            pass
        append(database, rows_of(messages(mix, count, people, now)))


def rows_of(said: Iterable[Message]) -> Iterator[NewRow]:
    return (
        NewRow(shard_of(m.user_key), MessageClass.LIVE, m.received_at, 0, encode(m)) for m in said
    )


def append(database: Database, rows: Iterable[NewRow], at_once: int = APPENDED_AT_ONCE) -> int:
    """Append rows, `at_once` a commit; how many there were."""
    left, count = iter(rows), 0
    while chunk := list(islice(left, at_once)):
        database.write_now(partial(log.append, rows=chunk))
        count += len(chunk)
    return count


class Backlog(msgspec.Struct, frozen=True):
    """What a log holds, and how many of its messages a second are read and decoded."""

    messages: int
    events: int
    per_second: float


class Progress:
    """How far a daemon has come, read from its store beside it, a few rows at a time."""

    def __init__(self, folder: Path) -> None:
        self.database = open_database(store_url(folder))

    def close(self) -> None:
        self.database.close()

    def begun(self) -> bool:
        """Whether lanes are at work: they note their cursors before anything else."""
        return bool(self.database.read_now(lambda c: cursors.load(c, _ALL)))

    def folded(self) -> int:
        """Up to where every shard is folded."""
        found = self.database.read_now(lambda c: cursors.load(c, _ALL))
        return min((at for (_, stage), at in found.items() if stage == FOLDED), default=0)

    def drained(self) -> bool:
        """Whether everything is folded and emitted, and no user is marked."""
        return self.database.read_now(_drained)

    def marks(self) -> int:
        return self.database.read_now(marks.count)

    def read_through(self) -> "Backlog":
        """Read the whole log and decode every message, and nothing else."""
        began, after, events = time.perf_counter(), 0, 0
        while rows := self._next(after):
            events += sum(decode(row.body).type == "track" for row in rows)
            after = rows[-1].position
        return Backlog(after, events, after / (time.perf_counter() - began))

    def _next(self, after: int) -> list[LogRow]:
        return self.database.read_now(lambda c: log.read(c, after, None, APPENDED_AT_ONCE))


def _drained(connection: Connection) -> bool:
    return cursors.lowest(connection) >= log.head(connection) and not marks.count(connection)
