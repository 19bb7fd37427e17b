"""Every name of `daemon.telemetry.names` is fed by a daemon at work."""

import io
import json
from collections.abc import Iterator
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import anyio
import pytest

from daemon.domain.messages import shard_of
from daemon.telemetry import names
from daemon.telemetry.names import Gauge
from daemon.telemetry.setup import start_telemetry
from tests.app.serving import Running, running

pytestmark = pytest.mark.anyio

EVERYTHING = {key: value for key, value in vars(names).items() if key.isupper()}
SPANS = {value for key, value in EVERYTHING.items() if key.startswith("SPAN_")}
ATTRIBUTES = {value for key, value in EVERYTHING.items() if key.startswith("ATTR_")}
GAUGES = {value.name: value.attribute for value in EVERYTHING.values() if isinstance(value, Gauge)}
COUNTED = {
    value
    for key, value in EVERYTHING.items()
    if isinstance(value, str) and not key.startswith(("SPAN_", "ATTR_", "SCOPE"))
}
OURS = shard_of("u:1")
ELSEWHERE = next(
    name
    for name in (f"a{n}" for n in range(999))
    if (shard_of(f"a:{name}") - OURS) % 2 and shard_of(f"a:{name}") // 32 != OURS // 32
)
"""Somebody of another lane, however two lanes share the shards."""


def bought(number: int, price: Any, **more: Any) -> dict[str, Any]:
    event = {"type": "track", "userId": "1", "event": "Bought", "messageId": f"b{number}"}
    return {**event, "properties": {"price": price}, **more}


async def work(daemon: Running) -> None:
    """A little of everything that is counted."""
    await daemon.fault(path="/api/users/bulkUpdate", status=429, times=1, body="too many")
    identify = {"type": "identify", "userId": "1", "messageId": "i1", "traits": {"plan": "pro"}}
    await daemon.say(identify | {"anonymousId": ELSEWHERE})
    await daemon.say(identify, {"type": "track", "userId": "2"})  # said before; without an event
    await daemon.say(bought(1, 3, timestamp="2099-01-01T00:00:00Z"))
    await daemon.settled()
    await daemon.say(bought(2, "of another type"))
    await daemon.say({"type": "track", "anonymousId": ELSEWHERE, "event": "Looked"})
    await daemon.settled()
    await daemon.tamper(action="fields", userId="1", fields={"plan": "free"})
    await anyio.sleep(0.5)
    plan = (await daemon.control.post("/reconcile", json={})).json()["plan"]
    done = (await daemon.control.post("/reconcile/apply", json={"plan": plan["id"]})).json()
    assert done["left"] == 0
    assert (await daemon.control.post("/actors/retention/kill")).status_code == 200


def documents(text: str) -> Iterator[Any]:
    """The JSON documents the console exporters wrote one after the other."""
    decoder, at = json.JSONDecoder(), 0
    while at < len(text):
        document, end = decoder.raw_decode(text, at)
        yield document
        at = end + len(text[end:]) - len(text[end:].lstrip())


def points(document: Any) -> dict[str, list[set[str]]]:
    """The attributes of every data point, by metric."""
    return {
        metric["name"]: [set(point["attributes"]) for point in metric["data"]["data_points"]]
        for resource in document["resource_metrics"]
        for scope in resource["scope_metrics"]
        for metric in scope["metrics"]
    }


async def test_every_name_is_fed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.StringIO()
    serve = import_module("daemon.app.serve")
    monkeypatch.setattr(serve, "start_telemetry", partial(start_telemetry, stream=written))
    telemetry = {"metrics": "console", "traces": "console", "interval_seconds": 3600}
    async with running(tmp_path, telemetry=telemetry, lanes={"count": 2}) as daemon:
        await work(daemon)
    found = list(documents(written.getvalue()))
    metrics = points(next(each for each in found if "resource_metrics" in each))
    spans = [each for each in found if "resource_metrics" not in each]

    assert {name for name in metrics if metrics[name]} == COUNTED | set(GAUGES)
    assert {span["name"] for span in spans} == SPANS
    for name, attribute in GAUGES.items():
        assert all(attributes == {attribute} for attributes in metrics[name])
    used = {attribute for each in metrics.values() for point in each for attribute in point}
    assert used == ATTRIBUTES
    assert {"lane"} == next(set(s["attributes"]) for s in spans if s["name"] == names.SPAN_TURN)
    assert "of another type" not in written.getvalue()
