"""How fast messages are taken in, beside an empty route behind the same server.

The daemon's Iterable is not there, so that no lane works: what it takes in waits in the log.
"""

import time
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from daemon.actors.clock import SystemClock
from daemon.store import log, migrate
from daemon.store.database import open_database
from tests.bench.backlog import append, rows_of
from tests.bench.figures import Sample, Scale
from tests.bench.generator import Load, send
from tests.bench.processes import Process, daemon, empty_route, metered, store_url
from tests.bench.traffic import batch_request, messages, track_request
from tests.process.running import free_port


class Door(msgspec.Struct, frozen=True):
    """One way of sending: `size` messages a request."""

    figure: str
    size: int
    connections: int
    first: int


_SINGLE = (
    Door("ingest single, 32 connections", 1, 32, 1),
    Door("ingest single, 256 connections", 1, 256, 1_000_000_000),
)
_BATCHES = Door("ingest batches of 100", 100, 16, 2_000_000_000)


def measure(scale: Scale) -> list[Sample]:
    with TemporaryDirectory(dir=scale.folder) as name:
        folder = Path(name)
        migrate.upgrade(store_url(folder))
        with (
            empty_route(folder) as route,
            daemon(folder, iterable=free_port(), ready=False) as ours,
        ):
            samples, accepted = [], 0
            for door in _SINGLE:
                bare = send(_load(scale, door, route)).per_second
                sample, more = _taken_in(scale, door, ours, bare, "an empty route")
                samples.append(sample)
                accepted += more
            appended = _appended(scale, folder / "bare.db")
            sample, more = _taken_in(scale, _BATCHES, ours, appended, "appended, without HTTP")
        facts = {"accepted": accepted + more, "in the log": _in_log(store_url(folder))}
    return [*samples, msgspec.structs.replace(sample, counts=facts)]


def _taken_in(
    scale: Scale, door: Door, ours: Process, reference: float, against: str
) -> tuple[Sample, int]:
    """The figure of one door, and how many messages were accepted in all."""
    with metered(daemon=ours) as cpu:
        answered = send(_load(scale, door, ours))
    cpu["generator"] = answered.cpu
    rate = answered.per_second * door.size
    sample = Sample(door.figure, rate, "messages/s", reference, against, cpu)
    return sample, answered.taken * door.size


def _load(scale: Scale, door: Door, to: Process) -> Load:
    return Load(
        port=to.port,
        templates=[track_request() if door.size == 1 else batch_request(door.size)],
        connections=door.connections,
        seconds=scale.of(5.0, 0.2),
        warm_up=scale.of(1.0, 0.1),
        first=door.first,
    )


def _appended(scale: Scale, file: Path) -> float:
    """How many messages a second go into a log that is given nothing else to do."""
    url = f"sqlite:///{file}"
    migrate.upgrade(url)
    said = messages("track", scale.of(100_000, 2_000), 50_000, SystemClock().now())
    rows = list(rows_of(said))
    with closing(open_database(url)) as database:
        began = time.perf_counter()
        return append(database, rows) / (time.perf_counter() - began)


def _in_log(url: str) -> int:
    with closing(open_database(url)) as database:
        return database.read_now(log.head)
