import io
import socket
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any
from urllib.request import urlopen

import pytest
from anyio import to_thread
from opentelemetry import metrics, trace

from daemon.errors import ConfigurationError
from daemon.settings import TelemetrySettings
from daemon.telemetry import names
from daemon.telemetry.setup import Telemetry, start_telemetry

pytestmark = pytest.mark.anyio


def start(stream: io.StringIO | None = None, **settings: Any) -> Telemetry:
    return start_telemetry(
        TelemetrySettings(**settings),
        version="1.2.3",
        project="shop",
        stream=stream or io.StringIO(),
    )


def use(telemetry: Telemetry) -> None:
    telemetry.instruments.received("web", "accepted", 7)
    with telemetry.tracer.start_as_current_span(names.SPAN_TURN):
        pass


async def fetch(port: int | None) -> str:
    def read() -> str:
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            return str(answer.read(), "utf-8")

    return await to_thread.run_sync(read)


async def test_none_costs_no_thread_and_shuts_down_at_once() -> None:
    telemetry = start()
    use(telemetry)
    assert telemetry.prometheus_port is None
    assert await telemetry.shutdown(1)


async def test_the_console_gets_metrics_and_traces_at_the_latest_on_shutdown() -> None:
    stream = io.StringIO()
    telemetry = start(stream, metrics="console", traces="console")
    use(telemetry)
    assert await telemetry.shutdown(10)
    written = stream.getvalue()
    for expected in (names.MESSAGES, names.SPAN_TURN, '"segue.project": "shop"', "1.2.3"):
        assert expected in written


async def test_prometheus_is_served_on_loopback_until_shutdown() -> None:
    telemetry = start(metrics="prometheus", prometheus_port=0)
    telemetry.instruments.watch(names.UNSENT_AGE, lambda: {"users/bulkUpdate": 1.5})
    use(telemetry)
    text = await fetch(telemetry.prometheus_port)
    (line,) = [line for line in text.splitlines() if line.startswith("segue_messages_total{")]
    assert 'source="web"' in line
    assert 'verdict="accepted"' in line
    assert line.endswith("} 7.0")
    assert "segue_unsent_age_seconds" in text
    assert await telemetry.shutdown(10)
    with pytest.raises(OSError, match="refused"):
        await fetch(telemetry.prometheus_port)


async def test_two_sets_do_not_disturb_each_other() -> None:
    both = [start(metrics="prometheus", prometheus_port=0) for _ in range(2)]
    use(both[0])
    for telemetry, expected in zip(both, (True, False), strict=True):
        text = await fetch(telemetry.prometheus_port)
        assert ("segue_messages_total{" in text) is expected
        assert await telemetry.shutdown(10)


def test_a_port_in_use_is_the_operators_to_change() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=rf"cannot listen on 127\.0\.0\.1:{port}"):
            start(metrics="prometheus", prometheus_port=port)


class Collector:
    """An OTLP/HTTP collector on loopback that notes what it is sent, or never answers."""

    def __init__(self) -> None:
        self.got: dict[str, bytes] = {}
        self.answering = Event()
        self.answering.set()
        ours = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                ours.answering.wait(30)
                ours.got[self.path] = body
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def collector() -> Iterator[Collector]:
    it = Collector()
    thread = Thread(target=it.server.serve_forever)
    thread.start()
    yield it
    it.answering.set()
    it.server.shutdown()
    it.server.server_close()
    thread.join()


async def test_otlp_sends_both_to_the_collector(collector: Collector) -> None:
    telemetry = start(metrics="otlp", traces="otlp", otlp_endpoint=collector.url + "/")
    use(telemetry)
    assert await telemetry.shutdown(10)
    assert sorted(collector.got) == ["/v1/metrics", "/v1/traces"]
    assert names.MESSAGES.encode() in collector.got["/v1/metrics"]
    assert names.SPAN_TURN.encode() in collector.got["/v1/traces"]


async def test_a_collector_that_does_not_answer_holds_up_the_end_no_longer_than_allowed(
    collector: Collector,
) -> None:
    collector.answering.clear()
    telemetry = start(metrics="otlp", otlp_endpoint=collector.url)
    use(telemetry)
    began = time.monotonic()
    assert not await telemetry.shutdown(0.2)
    assert time.monotonic() - began < 5


async def test_nothing_global_is_set() -> None:
    before = (metrics.get_meter_provider(), trace.get_tracer_provider())
    telemetry = start(io.StringIO(), metrics="console", traces="console")
    assert (metrics.get_meter_provider(), trace.get_tracer_provider()) == before
    assert await telemetry.shutdown(10)
