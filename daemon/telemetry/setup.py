"""OpenTelemetry's SDK, set up once from settings and handed on as values; nothing global is set.

Exporters run in threads of their own and hold nobody up. Prometheus is served on its own small
HTTP server, bound to loopback unless settings say otherwise.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Thread
from typing import TextIO
from wsgiref.simple_server import WSGIServer

from anyio import to_thread
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import Meter, NoOpMeterProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    ConsoleMetricExporter,
    MetricReader,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    ConsoleSpanExporter,
    SpanExporter,
)
from opentelemetry.trace import NoOpTracerProvider, Tracer
from prometheus_client import CollectorRegistry, start_http_server

from daemon.errors import ConfigurationError
from daemon.settings import TelemetrySettings
from daemon.telemetry import names
from daemon.telemetry.instruments import Instruments


@dataclass(slots=True)
class Telemetry:
    """What the process measures and traces with. `prometheus_port` is where /metrics is served."""

    meter: Meter
    tracer: Tracer
    instruments: Instruments
    prometheus_port: int | None = None
    _stops: list[Callable[[], object]] = field(default_factory=list)

    async def shutdown(self, seconds: float) -> bool:
        """Export what is left; `False` if that takes longer than `seconds` and is given up."""
        # A daemon thread: a collector that doesn't answer must not hold up the process's end.
        last = Thread(target=self._stop_all, name="telemetry shutdown", daemon=True)
        last.start()
        await to_thread.run_sync(last.join, seconds)
        return not last.is_alive()

    def _stop_all(self) -> None:
        for stop in self._stops:
            stop()


def start_telemetry(
    settings: TelemetrySettings, *, version: str, project: str, stream: TextIO = sys.stderr
) -> Telemetry:
    """Set up what `settings` choose; `stream` is where the console exporters write.

    Raises:
        ConfigurationError: the port of /metrics can't be taken.
    """
    resource = Resource.create(
        {SERVICE_NAME: "segue", SERVICE_VERSION: version, "segue.project": project}
    )
    stops: list[Callable[[], object]] = []
    tracer = _tracer(settings, resource, stream, stops)
    meter, port = _meter(settings, resource, stream, stops)
    return Telemetry(meter, tracer, Instruments(meter, tracer), port, stops)


def _tracer(
    settings: TelemetrySettings,
    resource: Resource,
    stream: TextIO,
    stops: list[Callable[[], object]],
) -> Tracer:
    exporter: SpanExporter
    match settings.traces:
        case "none":
            return NoOpTracerProvider().get_tracer(names.SCOPE)
        case "console":
            exporter = ConsoleSpanExporter(out=stream)
        case "otlp":
            exporter = OTLPSpanExporter(endpoint=f"{settings.otlp_endpoint.rstrip('/')}/v1/traces")
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    stops.append(provider.shutdown)
    return provider.get_tracer(names.SCOPE)


def _meter(
    settings: TelemetrySettings,
    resource: Resource,
    stream: TextIO,
    stops: list[Callable[[], object]],
) -> tuple[Meter, int | None]:
    reader: MetricReader
    port = None
    every = settings.interval_seconds * 1000
    match settings.metrics:
        case "none":
            return NoOpMeterProvider().get_meter(names.SCOPE), None
        case "console":
            reader = PeriodicExportingMetricReader(ConsoleMetricExporter(out=stream), every)
        case "otlp":
            endpoint = f"{settings.otlp_endpoint.rstrip('/')}/v1/metrics"
            reader = PeriodicExportingMetricReader(OTLPMetricExporter(endpoint=endpoint), every)
        case "prometheus":
            registry = CollectorRegistry()
            reader = PrometheusMetricReader(registry=registry)
            port = _serve(settings, registry, stops)
    provider = MeterProvider([reader], resource=resource, shutdown_on_exit=False)
    stops.append(provider.shutdown)
    return provider.get_meter(names.SCOPE), port


def _serve(
    settings: TelemetrySettings, registry: CollectorRegistry, stops: list[Callable[[], object]]
) -> int:
    try:
        server, thread = start_http_server(
            settings.prometheus_port, settings.prometheus_host, registry
        )
    except OSError as error:
        raise ConfigurationError(
            f"telemetry.prometheus_port: cannot listen on {settings.prometheus_host}:"
            f"{settings.prometheus_port}: {error.strerror}"
        ) from error
    stops.append(lambda: _stop(server, thread))
    return int(server.server_port)


def _stop(server: WSGIServer, thread: Thread) -> None:
    server.shutdown()
    server.server_close()
    thread.join()
