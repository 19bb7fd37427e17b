import inspect
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from daemon.telemetry import names
from daemon.telemetry.instruments import Instruments, label
from daemon.telemetry.names import Gauge


class Read:
    """Instruments over a reader that keeps everything in memory."""

    def __init__(self) -> None:
        self.reader = InMemoryMetricReader()
        self.provider = MeterProvider([self.reader], shutdown_on_exit=False)
        self.instruments = Instruments(self.provider.get_meter("test"))

    def points(self) -> dict[str, list[tuple[dict[str, Any], Any]]]:
        data = self.reader.get_metrics_data()
        return {
            metric.name: [
                (dict(point.attributes or {}), getattr(point, "value", None) or point)
                for point in metric.data.data_points
            ]
            for resource in (data.resource_metrics if data else [])
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }


@pytest.fixture
def read() -> Iterator[Read]:
    it = Read()
    yield it
    it.provider.shutdown()


def test_each_method_counts_under_its_name_and_labels(read: Read) -> None:
    ours = read.instruments
    ours.received("web", "accepted", 10)
    ours.received("web", "accepted", 5)
    ours.received("web", "rejected", 2, "id_required")
    ours.received("ios", "duplicate", 1)
    ours.clamped(3)
    ours.handed_over(4)
    ours.judged("users/bulkUpdate", "accepted", 990)
    ours.throttled("users/bulkUpdate")
    ours.died("bug", 2)
    ours.drift_found("edited in Iterable", 7)
    ours.drift_repaired("edited in Iterable", 6)
    ours.actor_failed("lane-0", ValueError("ann@example.com"))
    assert read.points() == {
        names.MESSAGES: [
            ({"source": "web", "verdict": "accepted"}, 15),
            ({"source": "web", "verdict": "rejected", "reason": "id_required"}, 2),
            ({"source": "ios", "verdict": "duplicate"}, 1),
        ],
        names.CLAMPED: [({}, 3)],
        names.HOPS: [({}, 4)],
        names.ROWS: [({"endpoint": "users/bulkUpdate", "verdict": "accepted"}, 990)],
        names.THROTTLED: [({"endpoint": "users/bulkUpdate"}, 1)],
        names.DEAD: [({"reason": "bug"}, 2)],
        names.DRIFT_FOUND: [({"cause": "edited in Iterable"}, 7)],
        names.DRIFT_REPAIRED: [({"cause": "edited in Iterable"}, 6)],
        names.ACTOR_FAILURES: [({"actor": "lane-0", "reason": "ValueError"}, 1)],
    }


def test_durations_and_sizes_are_histograms_with_fitting_buckets(read: Read) -> None:
    read.instruments.called("events/trackBulk", "ok", 1000, 0.2)
    read.instruments.committed(200, 0.004)
    points = read.points()
    shown = {
        name: (labels, point.sum, sum(point.bucket_counts[:-1]))
        for name, [(labels, point)] in points.items()
    }
    call = {"endpoint": "events/trackBulk", "outcome": "ok"}
    assert shown == {
        names.CALL_DURATION: (call, 0.2, 1),
        names.CALL_ROWS: (call, 1000, 1),
        names.COMMIT_DURATION: ({}, 0.004, 1),
        names.COMMIT_MESSAGES: ({}, 200, 1),
    }


GAUGES = [value for value in vars(names).values() if isinstance(value, Gauge)]


@pytest.mark.parametrize("gauge", GAUGES, ids=[gauge.name for gauge in GAUGES])
def test_a_gauge_is_read_anew_at_each_export(read: Read, gauge: Gauge) -> None:
    figures: dict[str, float] = {"a": 1.5, "b": 2}
    read.instruments.watch(gauge, lambda: figures)
    expected = [({gauge.attribute: "a"}, 1.5), ({gauge.attribute: "b"}, 2)]
    assert read.points()[gauge.name] == expected
    del figures["b"]
    figures["a"] = 9.0
    assert read.points()[gauge.name] == [({gauge.attribute: "a"}, 9.0)]


def test_labels_never_hold_a_person_and_are_short(read: Read) -> None:
    read.instruments.received("ann@example.com", "rejected", 1, "bob@example.com " + "x" * 500)
    ((labels, _),) = read.points()[names.MESSAGES]
    assert "ann" not in str(labels)
    assert "bob" not in str(labels)
    assert max(map(len, labels.values())) <= 64
    assert label("users/bulkUpdate") == "users/bulkUpdate"


def test_no_method_asks_for_anything_of_a_person() -> None:
    asked = {
        name
        for _, method in inspect.getmembers(Instruments, inspect.isfunction)
        for name in inspect.signature(method).parameters
    }
    assert not asked & {"user", "email", "user_id", "identifier", "message_id"}


def test_names_are_unique() -> None:
    spelled = [
        value for key, value in vars(names).items() if key.isupper() and isinstance(value, str)
    ] + [gauge.name for gauge in GAUGES]
    assert len(spelled) == len(set(spelled))
