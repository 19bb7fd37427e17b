"""How fast a backlog leaves: from the lane's first turn until nothing is open any more.

The daemon is a real one, the sandbox another process, the backlog in the log before either begins.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import msgspec

from daemon.clients.iterable.endpoints import ENDPOINTS, MAX_ROWS
from daemon.domain.commands import Endpoint
from tests.bench.backlog import Backlog, Progress, folder_with
from tests.bench.figures import Sample, Scale
from tests.bench.generator import Load, send
from tests.bench.processes import NO_LIMITS, Process, daemon, metered, sandbox, until
from tests.bench.traffic import Mix, batch_request
from tests.process.running import free_port

_LONGEST = 600.0
_BATCH = 100
_MIXES: tuple[Mix, ...] = ("mixed", "track", "identify")
_LIMITED: tuple[tuple[Mix, Endpoint], ...] = (
    ("track", Endpoint.TRACK_BULK),
    ("identify", Endpoint.BULK_UPDATE),
)


class Drained(msgspec.Struct, frozen=True):
    """What a drain came to. `sent` is what the sandbox counted."""

    backlog: Backlog
    seconds: float
    cpu: dict[str, float]
    sent: dict[str, Any]

    @property
    def per_second(self) -> float:
        return self.backlog.messages / self.seconds


def measure(scale: Scale) -> list[Sample]:
    samples = [_without_limits(scale, mix) for mix in scale.of(_MIXES, _MIXES[:1])]
    for mix, endpoint in scale.of(_LIMITED, _LIMITED[:1]):
        samples += _within_limits(scale, mix, endpoint)
    return samples + _beside_ingest(scale, samples[0].value)


def _without_limits(scale: Scale, mix: Mix) -> Sample:
    drained = _drain(scale, mix, limited=False)
    return Sample(
        figure=f"drain {mix}",
        value=drained.per_second,
        unit="messages/s",
        reference=drained.backlog.per_second,
        against="only read and decoded",
        cpu=drained.cpu,
        counts=_facts(drained.sent, drained.backlog.events),
    )


def _within_limits(scale: Scale, mix: Mix, endpoint: Endpoint) -> list[Sample]:
    drained = _drain(scale, mix, limited=True)
    spec = ENDPOINTS[endpoint]
    tally = drained.sent["endpoints"][f"{spec.method} /api/{spec.path}"]
    assert spec.published is not None
    name = f"drain {mix} within limits"
    return [
        Sample(
            figure=f"{name}: calls",
            value=tally["calls"] / drained.seconds,
            unit="calls/s",
            reference=spec.published.per_second,
            against="Iterable's limit",
            cpu=drained.cpu,
            counts=_facts(drained.sent, drained.backlog.events),
        ),
        Sample(
            figure=f"{name}: rows a call",
            value=(tally["applied"] + tally["failed"]) / tally["calls"],
            unit="rows",
            reference=MAX_ROWS,
            against="the most there may be",
        ),
        Sample(f"{name}: 429", drained.sent["total"]["throttled"], "answers"),
        Sample(f"{name}: messages", drained.per_second, "messages/s"),
    ]


def _facts(sent: Mapping[str, Any], events: int) -> dict[str, int]:
    return {
        "events": events,
        "events in Iterable": sent["events"],
        "failed rows": sent["total"]["failed"],
        "answers of 429": sent["total"]["throttled"],
    }


def _drain(scale: Scale, mix: Mix, *, limited: bool) -> Drained:
    with _prepared(scale, mix) as (folder, progress):
        backlog = progress.read_through()
        with (
            sandbox(folder, limits=limited) as iterable,
            daemon(
                folder, iterable=iterable.port, limits={} if limited else NO_LIMITS, ready=False
            ) as ours,
        ):
            until(progress.begun, _LONGEST, pause=0.005)
            with metered(daemon=ours, sandbox=iterable) as cpu:
                began = time.perf_counter()
                _wait(progress, ours)
                seconds = time.perf_counter() - began
            return Drained(backlog, seconds, cpu, iterable.counts())


@contextmanager
def _prepared(scale: Scale, mix: Mix) -> Iterator[tuple[Path, Progress]]:
    count, people = scale.of((200_000, 50_000), (2_000, 500))
    with folder_with(scale, mix, count, people) as folder, closing(Progress(folder)) as progress:
        yield folder, progress


def _wait(progress: Progress, ours: Process) -> None:
    def over() -> bool:
        ours.check()
        return progress.drained()

    until(over, _LONGEST)


def _beside_ingest(scale: Scale, drain_alone: float) -> list[Sample]:
    """Batches come in without a pause: first while no lane works, then while all of them do."""
    port = free_port()
    with (
        _prepared(scale, "mixed") as (folder, progress),
        daemon(folder, iterable=port, limits=NO_LIMITS, ready=False) as ours,
    ):
        load = Load(ours.port, [batch_request(_BATCH)], 2, scale.of(1.0, 0.2), warm_up=0.1)
        alone = send(load)
        with sandbox(folder, port, limits=False) as iterable:
            until(progress.begun, _LONGEST, pause=0.005)
            load = msgspec.structs.replace(load, first=1_000_000, seconds=scale.of(5.0, 0.2))
            with metered(daemon=ours, sandbox=iterable) as cpu:
                before, began = progress.folded(), time.perf_counter()
                beside = send(load)
                folded = (progress.folded() - before) / (time.perf_counter() - began)
            events = progress.read_through().events
            _wait(progress, ours)
            sent = iterable.counts()
    return [
        Sample(
            figure="ingest beside a drain",
            value=beside.per_second * _BATCH,
            unit="messages/s",
            reference=alone.per_second * _BATCH,
            against="without a lane",
            cpu=cpu | {"generator": beside.cpu},
            counts=_facts(sent, events),
        ),
        Sample(
            figure="drain beside ingest",
            value=folded,
            unit="messages/s",
            reference=drain_alone,
            against="drain mixed",
        ),
    ]
