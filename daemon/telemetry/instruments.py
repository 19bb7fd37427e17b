"""The instruments others use, as typed methods: what is counted, by what, and nothing else; and
the spans of what they do.

Counts are added per turn, call or commit, not per message. A gauge is read by the exporter's own
thread when it exports, so the function given for it reads plain memory: no store, no loop.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Literal

from opentelemetry.metrics import CallbackOptions, Counter, Meter, Observation
from opentelemetry.trace import NoOpTracer, StatusCode, Tracer

from daemon.telemetry import names
from daemon.telemetry.names import Gauge
from daemon.telemetry.redaction import mask_id

LONGEST_LABEL = 64
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
COUNTS = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000)

_NOTHING: Mapping[str, str] = {}

Figures = Callable[[], Mapping[str, float]]


class Instruments:
    """All instruments of one process, made once from its meter and its tracer."""

    def __init__(self, meter: Meter, tracer: Tracer | None = None) -> None:
        self._meter = meter
        self._tracer = tracer or NoOpTracer()
        self._messages = self._counter(names.MESSAGES, "{message}", "Messages by first verdict.")
        self._clamped = self._counter(names.CLAMPED, "{message}", "Timestamps of the future.")
        self._hops = self._counter(names.HOPS, "{message}", "Messages handed to another shard.")
        self._rows = self._counter(names.ROWS, "{row}", "Rows by what Iterable said of each.")
        self._throttled = self._counter(names.THROTTLED, "{call}", "Calls answered with 429.")
        self._dead = self._counter(names.DEAD, "{row}", "Rows given up on.")
        self._found = self._counter(names.DRIFT_FOUND, "{difference}", "Differences found.")
        self._repaired = self._counter(names.DRIFT_REPAIRED, "{difference}", "And repaired.")
        self._failures = self._counter(names.ACTOR_FAILURES, "{failure}", "Runs that failed.")
        self._commit_seconds = meter.create_histogram(
            names.COMMIT_DURATION,
            "s",
            "Time of one commit of ingest.",
            explicit_bucket_boundaries_advisory=SECONDS,
        )
        self._commit_messages = meter.create_histogram(
            names.COMMIT_MESSAGES,
            "{message}",
            "Messages sharing one commit.",
            explicit_bucket_boundaries_advisory=COUNTS,
        )
        self._call_seconds = meter.create_histogram(
            names.CALL_DURATION,
            "s",
            "Time of one call to Iterable.",
            explicit_bucket_boundaries_advisory=SECONDS,
        )
        self._call_rows = meter.create_histogram(
            names.CALL_ROWS,
            "{row}",
            "Rows of one call to Iterable.",
            explicit_bucket_boundaries_advisory=COUNTS,
        )

    def received(
        self,
        source: str,
        verdict: Literal["accepted", "rejected", "duplicate"],
        count: int,
        reason: str = "",
    ) -> None:
        """Messages of a source by ingest's verdict; `reason` is the short code of a rejection."""
        labels = {names.ATTR_SOURCE: label(source), names.ATTR_VERDICT: verdict}
        self._messages.add(count, labels | ({names.ATTR_REASON: label(reason)} if reason else {}))

    def committed(self, messages: int, seconds: float) -> None:
        """One commit of ingest."""
        self._commit_messages.record(messages)
        self._commit_seconds.record(seconds)

    def clamped(self, count: int) -> None:
        """Messages whose time was later than their receipt."""
        self._clamped.add(count)

    def handed_over(self, count: int) -> None:
        """Messages appended to another shard."""
        self._hops.add(count)

    def called(self, endpoint: str, outcome: str, rows: int, seconds: float) -> None:
        """One call to Iterable; `outcome` is `ok` or the name of the error's class."""
        labels = {names.ATTR_ENDPOINT: label(endpoint), names.ATTR_OUTCOME: label(outcome)}
        self._call_seconds.record(seconds, labels)
        self._call_rows.record(rows, labels)

    def judged(self, endpoint: str, verdict: str, rows: int) -> None:
        """Rows of answered calls, by the verdict of each."""
        self._rows.add(
            rows, {names.ATTR_ENDPOINT: label(endpoint), names.ATTR_VERDICT: label(verdict)}
        )

    def throttled(self, endpoint: str) -> None:
        """One answer of 429."""
        self._throttled.add(1, {names.ATTR_ENDPOINT: label(endpoint)})

    def died(self, reason: str, count: int = 1) -> None:
        """Rows that became dead letters; `reason` is a short code."""
        self._dead.add(count, {names.ATTR_REASON: label(reason)})

    def drift_found(self, cause: str, count: int) -> None:
        """Differences of one sweep, by cause."""
        self._found.add(count, {names.ATTR_CAUSE: label(cause)})

    def drift_repaired(self, cause: str, count: int) -> None:
        """Differences a plan's repairs have settled, by cause."""
        self._repaired.add(count, {names.ATTR_CAUSE: label(cause)})

    def actor_failed(self, name: str, error: Exception) -> None:
        """One failed run, by actor and class of error; fits a supervisor's `failed`."""
        self._failures.add(
            1, {names.ATTR_ACTOR: label(name), names.ATTR_REASON: type(error).__name__}
        )

    @contextmanager
    def span(self, name: str, attributes: Mapping[str, str] = _NOTHING) -> Iterator[None]:
        """Trace the block as a span. Of an error only its class is told."""
        labels = {key: label(value) for key, value in attributes.items()}
        with self._tracer.start_as_current_span(
            name, attributes=labels, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield
            except Exception as error:
                span.set_status(StatusCode.ERROR, type(error).__name__)
                raise

    def watch(self, gauge: Gauge, read: Figures) -> None:
        """Export what `read` returns (attribute's value to figure) whenever metrics are read."""

        def observe(_: CallbackOptions) -> Iterable[Observation]:
            return [
                Observation(figure, {gauge.attribute: label(key)}) for key, figure in read().items()
            ]

        self._meter.create_observable_gauge(
            gauge.name, [observe], unit=gauge.unit, description=gauge.description
        )

    def _counter(self, name: str, unit: str, description: str) -> Counter:
        return self._meter.create_counter(name, unit, description)


def label(text: str) -> str:
    """A label's value: short, and masked should it hold an address after all."""
    return (mask_id(text) if "@" in text else text)[:LONGEST_LABEL]
