"""Requests through the real doors into a real SQLite file, counted as they are."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, MetricsData, NumberDataPoint

from daemon.domain.messages import decode
from daemon.ingest.acceptor import Save
from daemon.ingest.saving import saver
from daemon.store import ingested, log
from daemon.store.database import Database, open_database
from daemon.store.migrate import upgrade
from daemon.telemetry import names
from daemon.telemetry.instruments import Instruments
from tests.ingest.serving import StoppedClock, basic, compact, serving, signed, track

pytestmark = pytest.mark.anyio


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path}/segue.db"
    upgrade(url)
    found = open_database(url)
    yield found
    found.close()


def wired(database: Database) -> tuple[Save, InMemoryMetricReader]:
    reader = InMemoryMetricReader()
    instruments = Instruments(MeterProvider([reader]).get_meter("segue"))
    return saver(database, StoppedClock(), instruments, dedupe_hours=24), reader


def points(metrics: MetricsData | None, name: str) -> dict[tuple[Any, ...], float]:
    """The figures of one counter by its labels' values."""
    assert metrics is not None
    return {
        tuple(value for _, value in sorted((point.attributes or {}).items())): point.value
        for resource in metrics.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.name == name
        for point in metric.data.data_points
        if isinstance(point, NumberDataPoint)
    }


async def test_what_was_answered_200_is_in_the_log_once_and_counted(database: Database) -> None:
    save, reader = wired(database)
    batch = {"batch": [track(messageId=f"m-{n}") for n in range(5)] + [track(userId=5)]}
    async with serving(save=save) as served:
        for _ in range(2):
            assert (await served.post("/v1/batch", batch, basic())).status_code == 200
        late = track(messageId="m-9", timestamp="2099-01-01T00:00:00Z")
        await served.post("/v1/track", late, basic("write-key-2"))
        hook = compact([track(messageId="m-0"), track(messageId="m-9")])
        headers = signed(compact(track(messageId="m-0")))
        assert (await served.post("/v1/webhook/site", hook, headers)).status_code == 200
    rows = database.read_now(lambda connection: log.read(connection, 0, None, 100))
    ids = [(decode(row.body).source, decode(row.body).message_id) for row in rows]
    assert ids == [*[("site", f"m-{n}") for n in range(5)], ("app", "m-9"), ("site", "m-9")]
    assert [row.position for row in rows] == [1, 2, 3, 4, 5, 6, 7]
    totals = database.read_now(ingested.totals)
    assert {source: counts for (_, source), counts in totals.items()} == {
        "site": ingested.Counts(received=14, rejected=2, duplicate=6, accepted=6),
        "app": ingested.Counts(received=1, rejected=0, duplicate=0, accepted=1),
    }
    kept = database.read_now(lambda connection: ingested.rejected(connection, None, 10))
    assert [(row.source, row.reason) for row in kept] == [("site", "id_not_string")] * 2
    metrics = reader.get_metrics_data()
    assert points(metrics, names.MESSAGES) == {
        ("site", "accepted"): 6,
        ("site", "duplicate"): 6,
        ("id_not_string", "site", "rejected"): 2,
        ("app", "accepted"): 1,
    }
    assert points(metrics, names.CLAMPED) == {(): 1}


async def test_a_database_that_cannot_be_written_is_an_outage_and_ends(
    database: Database,
) -> None:
    save, _ = wired(database)
    database.writer.dispose()
    folder = Path(database.url.database or "").parent
    async with serving(save=save) as served:
        for file in folder.iterdir():
            file.rename(folder / (file.name + ".away"))
        (folder / "segue.db").mkdir()
        answer = await served.post("/v1/track", track(), basic())
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert int(answer.headers["retry-after"]) >= 1
        (folder / "segue.db").rmdir()
        for file in folder.glob("*.away"):
            file.rename(file.with_suffix(""))
        assert (await served.post("/v1/track", track(), basic())).status_code == 200
