"""The families of figures, by the name they are asked for: one module and one line each."""

from tests.bench import client, drain, ingest, latency, store, sweep
from tests.bench.figures import Family

FAMILIES: dict[str, Family] = {
    "ingest": ingest.measure,
    "drain": drain.measure,
    "latency": latency.measure,
    "sweep": sweep.measure,
    "store": store.measure,
    "client": client.measure,
}
