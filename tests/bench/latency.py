"""How long a message takes until Iterable has it: from when it was due to be sent to the daemon
until the call with its row reached the sandbox. Both read the same clock.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from daemon.sandbox.settings import SandboxSettings
from tests.bench.backlog import Progress, folder_with
from tests.bench.figures import Sample, Scale, percentile
from tests.bench.generator import NUMBER, Answered, Load, post, send, sending
from tests.bench.processes import NO_LIMITS, Process, Sandbox, daemon, metered, sandbox, until
from tests.bench.traffic import Mix, identify_request, number_of, opt_out_request, track_request

RATE = 500.0
OPT_OUT_RATE = 20.0
_CONNECTIONS = 64
_LONGEST = 120.0
_ARRIVAL = 60.0
_CALL = "a call straight to the sandbox"
_STEADY = [opt_out_request(), track_request(), *[identify_request(), track_request()] * 24]
_BULK_UPDATE_DOWN = {"path": "/api/users/bulkUpdate", "status": 503}


class Site(msgspec.Struct, frozen=True):
    """A daemon at work, its sandbox, and what can be seen of its store."""

    daemon: Process
    sandbox: Sandbox
    progress: Progress


class Trip(msgspec.Struct, frozen=True):
    """A load that was sent. `took` is how many ms later each message reached Iterable, by the kind
    of its row; those that never did are not there.
    """

    answered: Answered
    took: dict[str, list[float]]
    cpu: dict[str, float]
    throttled: int

    def sample(
        self, figure: str, took: Sequence[float], share: float, reference: float, against: str
    ) -> Sample:
        arrived = sum(map(len, self.took.values()))
        counts = {"sent": self.answered.measured, "arrived": arrived}
        counts["answers of 429"] = self.throttled
        value = percentile(took, share)
        return Sample(figure, value, "ms", reference, against, self.cpu, counts)


def measure(scale: Scale) -> list[Sample]:
    direct = _direct(scale).took
    middle, late = percentile(direct, 0.5), percentile(direct, 0.99)
    samples = []
    for limited in scale.of((False, True), (True,)):
        trip = _steady(scale, limited=limited)
        changes = trip.took["user"] + trip.took["event"]
        words = "within limits" if limited else "without limits"
        samples += [
            trip.sample(f"answer p99 {words}", trip.answered.took, 0.99, late, _CALL),
            trip.sample(f"latency p50 {words}", changes, 0.5, middle, _CALL),
            trip.sample(f"latency p99 {words}", changes, 0.99, late, _CALL),
            trip.sample(f"opt-outs p99 {words}", trip.took["subscription"], 0.99, late, _CALL),
        ]
    samples.append(_behind_unsent(scale, late))
    return samples if scale.quick else [*samples, _behind_unfolded(scale)]


def _direct(scale: Scale) -> Answered:
    """Nobody is faster than who calls Iterable once for each message."""
    body = b'{"userId":"person-%s","dataFields":{"plan":"basic"}}' % NUMBER
    request = post("/api/users/update", body, f"Api-Key: {SandboxSettings().api_key}")
    with (
        TemporaryDirectory(dir=scale.folder) as folder,
        sandbox(Path(folder), limits=False) as iterable,
    ):
        return send(Load(iterable.port, [request], _CONNECTIONS, scale.of(5.0, 0.5), rate=RATE))


def _steady(scale: Scale, *, limited: bool) -> Trip:
    """Nothing waits when it begins. Each message is another person's, and all are known."""
    seconds = scale.of(20.0, 0.5)
    with _site(scale, "everyone", 0, int(RATE * seconds), limited=limited) as site:
        until(site.progress.begun, _LONGEST)
        load = Load(site.daemon.port, _STEADY, _CONNECTIONS, seconds, rate=RATE)
        return _sent(site, load, ("user", "event", "subscription"))


def _behind_unsent(scale: Scale, late: float) -> Sample:
    """Everybody has a change that is folded but can't be sent: users/bulkUpdate is down."""
    people = scale.of(50_000, 1_000)
    with _site(scale, "everyone", people, people, limited=True) as site:
        until(lambda: site.progress.folded() >= people, _LONGEST)
        trip = _sent(site, _opt_outs(scale, site), ("subscription",))
        unsent = site.progress.marks()
    took = trip.took["subscription"]
    sample = trip.sample("opt-outs p99 behind unsent changes", took, 0.99, late, _CALL)
    return msgspec.structs.replace(sample, counts={**sample.counts, "users marked": unsent})


def _behind_unfolded(scale: Scale) -> Sample:
    """The log before them is still to be folded."""
    count, people = 200_000, 50_000
    folded: list[float] = []
    with _site(scale, "mixed", count, people, limited=True) as site:
        began = time.perf_counter()

        def fold() -> None:
            until(lambda: site.progress.folded() >= count, _LONGEST)
            folded.append((time.perf_counter() - began) * 1000)

        trip = _sent(site, _opt_outs(scale, site), ("subscription",), meanwhile=fold)
    took = trip.took["subscription"]
    figure = "opt-outs p99 behind unfolded messages"
    return trip.sample(figure, took, 0.99, folded[0], "until those were folded")


@contextmanager
def _site(scale: Scale, mix: Mix, count: int, people: int, *, limited: bool) -> Iterator[Site]:
    """A daemon that has just begun; while a change of everyone's is unsent, it stays so."""
    with (
        folder_with(scale, mix, count, people) as folder,
        closing(Progress(folder)) as progress,
        sandbox(folder, limits=limited) as iterable,
    ):
        if mix == "everyone" and count:
            iterable.tell("/faults", _BULK_UPDATE_DOWN)
        limits = {} if limited else NO_LIMITS
        with daemon(folder, iterable=iterable.port, limits=limits, ready=False) as ours:
            yield Site(ours, iterable, progress)


def _opt_outs(scale: Scale, site: Site) -> Load:
    seconds = scale.of(10.0, 0.5)
    return Load(site.daemon.port, [opt_out_request()], 8, seconds, rate=OPT_OUT_RATE)


def _sent(
    site: Site, load: Load, kinds: Sequence[str], meanwhile: Callable[[], None] = lambda: None
) -> Trip:
    """Send a load, and wait until all of it has become rows of these kinds."""
    with metered(daemon=site.daemon, sandbox=site.sandbox) as cpu, sending(load) as result:
        meanwhile()
        answered = result()
        with suppress(TimeoutError):  # what never arrived is told in the counts
            until(
                lambda: sum(map(site.sandbox.applied, kinds)) >= answered.measured,
                _ARRIVAL,
                pause=0.2,
            )
    took = {kind: list(_took(site.sandbox, kind, answered)) for kind in kinds}
    throttled = site.sandbox.counts()["total"]["throttled"]
    return Trip(answered, took, cpu | {"generator": answered.cpu}, throttled)


def _took(iterable: Sandbox, kind: str, answered: Answered) -> Iterator[float]:
    """How long each message took that became a row of this kind, ms; the first row counts."""
    seen: set[int] = set()
    for row in iterable.ledger(kind):
        number = number_of(row["userId"])
        if row["result"] == "applied" and number not in seen:
            seen.add(number)
            yield row["at"] - answered.sent_at[number]
