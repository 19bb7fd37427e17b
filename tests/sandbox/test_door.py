"""The door: keys, unknown paths, headers, limits and faults, the last over real sockets."""

import io
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import httpx
import pytest

from daemon.sandbox.door import Dropped
from daemon.sandbox.limits import Limits
from daemon.sandbox.server import serve
from daemon.sandbox.settings import RateRule, SandboxSettings
from tests.sandbox.world import QUIET, World

ANN = "ann@example.com"
KEY = {"Api-Key": "sandbox-api-key"}


@asynccontextmanager
async def served(**settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a sandbox on a real port."""
    ports: list[int] = []
    up = anyio.Event()

    def ready(port: int) -> None:
        ports.append(port)
        up.set()

    async def run() -> None:
        await serve(SandboxSettings(**(QUIET | settings)), ready=ready)

    async with anyio.create_task_group() as group:
        group.start_soon(run)
        with anyio.fail_after(5):
            await up.wait()
        base = f"http://127.0.0.1:{ports[0]}"
        async with httpx.AsyncClient(base_url=base, headers=KEY, timeout=5) as client:
            yield client
        group.cancel_scope.cancel()


@pytest.mark.parametrize("header", ["Api-Key", "Api_Key", "api_key"])
def test_every_spelling_of_the_key_header_opens(header: str) -> None:
    world = World()
    world.key = None
    opened = world.ask("GET", "/api/lists", headers={header: "sandbox-api-key"})
    assert opened.status_code == 200
    assert world.ask("GET", "/api/lists?api_key=sandbox-api-key").status_code == 200


@pytest.mark.parametrize(
    ("key", "msg"), [("wrong", "Invalid API key"), (None, "No API key found on request")]
)
def test_a_wrong_or_missing_key_is_a_401_that_names_the_endpoint(key: str | None, msg: str) -> None:
    world = World()
    world.key = key
    answer = world.ask("POST", "/api/users/bulkUpdate", {"users": [{"email": ANN}]})
    assert answer.status_code == 401
    body = answer.json()
    assert (body["msg"], body["code"]) == (msg, "BadApiKey")
    assert body["params"]["endpoint"] == "/api/users/bulkUpdate"
    assert world.ledger() == []


def test_a_disabled_key_is_told_apart_from_a_wrong_one() -> None:
    world = World()
    world.key = "sandbox-disabled-key"
    body = world.ask("GET", "/api/lists").json()
    assert body["msg"] == "Disabled API key or insufficient privileges"
    assert body["params"].keys() == {"ip", "endpoint", "apiKeyIdentifier", "apiKeyType"}
    assert len(body["params"]["apiKeyIdentifier"]) == 8


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/api/nothing"), ("DELETE", "/api/lists/"), ("POST", "/api/users/getFields")],
)
def test_an_unknown_url_is_an_html_404(method: str, path: str) -> None:
    answer = World().ask(method, path)
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert "Action not found" in answer.text


def test_every_answer_carries_the_recorded_headers() -> None:
    world = World()
    for path in ("/api/lists", "/api/nothing"):
        headers = world.ask("GET", path).headers
        assert headers["request-time"].isdigit()
        assert len(headers["iterable-request-id"]) == 36
        assert "retry-after" not in headers


def test_the_bulk_endpoints_have_their_published_rates_and_tell_when_to_come_back() -> None:
    world = World(limits=True)
    body = {"users": [{"email": ANN}]}
    codes = [world.ask("POST", "/api/users/bulkUpdate", body).status_code for _ in range(6)]
    assert codes == [200] * 5 + [429]
    answer = world.post("/api/users/bulkUpdate", body, 429)
    assert answer["code"] == "RateLimitExceeded"
    assert answer["params"] == {
        "rateLimitLimit": 5,
        "rateLimitRemaining": 0,
        "rateLimitReset": 0.2,
    }
    world.now += 200
    world.post("/api/users/bulkUpdate", body)
    world.post("/api/users/bulkUpdate", body, 429)
    world.post("/api/events/trackBulk", {"events": []})
    counts = world.get("/_sandbox/counts")
    assert counts["endpoints"]["POST /api/users/bulkUpdate"]["throttled"] == 3


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("legacy", "Exceeded rate limit of 5.0 per second for endpoint: /api/users/bulkUpdate, "),
        ("plain", "Rate limit exceeded. Please try again later."),
        ("params", "rateLimitReset"),
    ],
)
def test_a_429_has_the_form_the_settings_ask_for(form: str, expected: str) -> None:
    rules = {"POST /api/users/bulkUpdate": RateRule(5, capacity=1)}
    world = World(limits=True, limit_body=form, limit_overrides=rules)
    world.post("/api/users/bulkUpdate", {"users": [{"email": ANN}]})
    answer = world.ask("POST", "/api/users/bulkUpdate", {"users": []})
    assert answer.status_code == 429
    assert expected in answer.text
    assert ("rateLimitReset" in answer.text) == (form == "params")


def test_in_app_endpoints_word_a_429_in_plain_text() -> None:
    rules = {"POST /api/inApp/target": RateRule(1)}
    world = World(limits=True, limit_overrides=rules)
    body = {"recipientEmail": ANN, "campaignId": 4001}
    world.post("/api/inApp/target", body)
    answer = world.ask("POST", "/api/inApp/target", body)
    assert answer.status_code == 429
    assert answer.text == "Rate limit exceeded. Please try again later."


def test_forgetting_has_a_cap_for_the_day_beside_its_rate() -> None:
    limits, settings, name = Limits(), SandboxSettings(), "POST /api/users/forget"

    def asked(now: int) -> int:
        answer = limits.refusal(name, "/api/users/forget", now, settings)
        return 200 if answer is None else answer.status

    codes = [asked(second * 1000) for second in range(1000)]
    assert set(codes) == {200}
    codes = [asked(second * 1000) for second in range(1000, 1200)]
    assert 10 < codes.count(200) < 15
    assert codes.count(429) == 200 - codes.count(200)
    assert [asked(86_400_000) for _ in range(4)] == [200, 200, 200, 429]


def test_an_export_may_be_asked_for_four_times_a_minute() -> None:
    world = World(limits=True)
    path = "/api/export/data.json?dataTypeName=user&range=All"
    codes = [world.ask("GET", path).status_code for _ in range(5)]
    assert codes == [200] * 4 + [429]
    assert world.ask("GET", path).json()["msg"] == (
        "Exceeded rate limit for endpoint: /api/export/data.json, project: 10216 "
    )
    world.now += 15_000
    assert world.ask("GET", path).status_code == 200


def test_an_endpoint_without_a_published_rate_is_unlimited_until_a_setting_limits_it() -> None:
    world = World(limits=True)
    body = {"listId": 1001, "subscribers": []}
    for _ in range(30):
        world.post("/api/lists/subscribe", body)
    rules = {"limit_overrides": {"POST /api/lists/subscribe": {"count": 1}}}
    world.post("/_sandbox/settings", rules)
    world.post("/api/lists/subscribe", body)
    world.post("/api/lists/subscribe", body, 429)
    world.post("/_sandbox/settings", {"limits": False})
    world.post("/api/lists/subscribe", body)


def fault(world: World, **fields: Any) -> None:
    world.post("/_sandbox/faults", fields)


def test_a_fault_answers_in_place_of_the_service_as_often_as_asked() -> None:
    world = World()
    fault(world, path="/api/users/*", status=503, times=2, headers={"Retry-After": "3"}, body="no")
    body = {"email": ANN}
    for _ in range(2):
        answer = world.ask("POST", "/api/users/update", body)
        assert (answer.status_code, answer.text) == (503, "no")
        assert answer.headers["retry-after"] == "3"
    assert world.get(f"/api/users/{ANN}") == {}
    world.post("/api/users/update", body)
    assert world.get("/_sandbox/faults")["faults"][0]["used"] == 2
    world.ask("DELETE", "/_sandbox/faults")
    assert world.get("/_sandbox/faults") == {"faults": []}


def test_a_fault_can_hide_a_success() -> None:
    world = World()
    fault(world, path="/api/users/update", status=500, apply=True, times=1)
    answer = world.post("/api/users/update", {"email": ANN}, 500)
    assert answer["code"] == "GenericError"
    assert world.fields(ANN)["email"] == ANN


def test_a_fault_is_for_its_method_and_chance_only() -> None:
    world = World()
    fault(world, path="/api/lists", method="POST", status=500)
    assert world.ask("GET", "/api/lists").status_code == 200
    world.ask("DELETE", "/_sandbox/faults")
    fault(world, path="/api/lists", status=502, probability=0.5)
    codes = {world.ask("GET", "/api/lists").status_code for _ in range(40)}
    assert codes == {200, 502}


@pytest.mark.parametrize("fields", [{"status": 99}, {"status": 600}, {"delay_ms": -1}])
def test_a_fault_no_answer_can_have_is_refused(fields: dict[str, int]) -> None:
    assert World().ask("POST", "/_sandbox/faults", {"path": "/x", **fields}).status_code == 400


def test_a_fault_of_unknown_shape_is_refused_with_the_reason() -> None:
    answer = World().ask("POST", "/_sandbox/faults", {"path": "/x", "explode": True})
    assert answer.status_code == 400
    assert "explode" in answer.json()["error"]


@pytest.mark.anyio
async def test_a_dropped_answer_was_applied_and_the_server_goes_on() -> None:
    async with served() as client:
        body = {"path": "/api/users/update", "drop_after_apply": True, "times": 1}
        await client.post("/_sandbox/faults", json=body)
        with pytest.raises(httpx.RemoteProtocolError):
            await client.post("/api/users/update", json={"email": ANN})
        read = await client.get(f"/api/users/{ANN}")
        assert read.json()["user"]["email"] == ANN


async def read_into(got: io.BytesIO, client: httpx.AsyncClient, path: str) -> None:
    async with client.stream("GET", path) as answer:
        assert answer.status_code == 200
        async for part in answer.aiter_raw():
            got.write(part)


@pytest.mark.anyio
async def test_an_answer_can_be_cut_in_the_middle_streamed_or_not() -> None:
    async with served() as client:
        rows = [{"email": f"u{n}@x.io", "dataFields": {"n": n}} for n in range(1000)]
        await client.post("/api/users/bulkUpdate", json={"users": rows})
        await client.post("/_sandbox/faults", json={"path": "/api/*", "cut_after": 100})
        for path in ("/api/export/data.json?dataTypeName=user&range=All", "/api/lists"):
            got = io.BytesIO()
            with pytest.raises(httpx.RemoteProtocolError):
                await read_into(got, client, path)
            assert 0 < len(got.getvalue()) <= 100
        await client.delete("/_sandbox/faults")
        assert (await client.get("/api/lists")).status_code == 200


def test_an_answer_cut_short_is_never_ended_as_if_it_were_whole() -> None:
    world = World()
    fault(world, path="/api/lists", cut_after=0)
    with pytest.raises(Dropped):
        world.ask("GET", "/api/lists")


@pytest.mark.anyio
async def test_a_hanging_call_outlasts_its_caller_and_a_delayed_one_arrives() -> None:
    async with served() as client:
        hang = {"path": "/api/users/update", "hang": True, "apply": True, "times": 1}
        await client.post("/_sandbox/faults", json=hang)
        with pytest.raises(httpx.ReadTimeout):
            await client.post("/api/users/update", json={"email": ANN}, timeout=0.2)
        assert (await client.get(f"/api/users/{ANN}")).json() != {}
        await client.post("/_sandbox/faults", json={"path": "/api/lists", "delay_ms": 150})
        began = time.perf_counter()
        assert (await client.get("/api/lists")).status_code == 200
        assert time.perf_counter() - began > 0.14


@pytest.mark.anyio
async def test_an_oversize_body_is_refused_and_the_next_call_is_served() -> None:
    async with served(body_limit=100_000) as client:
        answer = await client.post("/api/users/bulkUpdate", content=b"x" * 3_000_000)
        assert answer.status_code == 413
        assert (await client.get("/api/lists")).status_code == 200


@pytest.mark.anyio
async def test_a_big_export_streams_over_a_socket_while_others_are_served() -> None:
    async with served() as client:
        for part in range(5):
            rows = [{"email": f"u{part}-{n}@x.io", "dataFields": {"n": n}} for n in range(1000)]
            await client.post("/api/users/bulkUpdate", json={"users": rows})
        path = "/api/export/data.json?dataTypeName=user&range=All"
        async with client.stream("GET", path) as answer:
            lines = 0
            async for _ in answer.aiter_lines():
                lines += 1
                if lines == 1:
                    assert (await client.get("/api/lists")).status_code == 200
        assert lines == 5000


@pytest.mark.anyio
async def test_cancelling_the_caller_frees_the_port() -> None:
    async with served() as client:
        base = client.base_url
    async with httpx.AsyncClient(base_url=base) as late:
        with pytest.raises(httpx.ConnectError):
            await late.get("/api/lists")
