"""The Tracking API's drop-in, through real sockets."""

import base64
import gzip
import json
import zlib
from collections.abc import Sequence
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import pytest

from daemon.errors import StoreUnavailable
from daemon.ingest.door import sift
from daemon.ingest.intake import Intake
from daemon.ingest.sieve import Sieve
from daemon.ingest.tracking import PIXEL
from daemon.ingest.validate import Origin, rules_of
from daemon.settings.schema import IngestSettings
from tests.ingest.serving import KEY, NOW, basic, compact, serving, track

pytestmark = pytest.mark.anyio


def is_success(answer: httpx.Response) -> bool:
    return (answer.status_code, answer.content) == (200, b'{"success": true}')


def is_problem(answer: httpx.Response, status: int, code: str) -> bool:
    body = answer.json()
    assert set(body) == {"code", "message"}
    return (answer.status_code, body["code"]) == (status, code)


ROUTES = {
    "identify": "identify",
    "i": "identify",
    "track": "track",
    "t": "track",
    "page": "page",
    "p": "page",
    "screen": "screen",
    "s": "screen",
    "group": "group",
    "g": "group",
    "alias": "alias",
    "a": "alias",
}


async def test_every_route_of_segments_takes_its_type_with_and_without_a_slash() -> None:
    member = track(type=None, groupId="g", previousId="p")
    async with serving() as served:
        for route in ROUTES:
            for slash in ("", "/"):
                assert is_success(await served.post(f"/v1/{route}{slash}", member, basic()))
        for route in ("batch", "import", "b"):
            for slash in ("", "/"):
                body = {"batch": [track()], "writeKey": KEY}
                assert is_success(await served.post(f"/v1/{route}{slash}", body))
    types = [message.type for message in served.memory.messages]
    assert types == [kind for kind in ROUTES.values() for _ in "ab"] + ["track"] * 6


@pytest.mark.parametrize(
    ("headers", "key", "source"),
    [
        (basic(), None, "site"),
        ({"Authorization": "Basic " + base64.b64encode(KEY.encode()).decode()}, None, "site"),
        ({"authorization": "basic  " + base64.b64encode(f"{KEY}:x".encode()).decode()}, 5, "site"),
        ({}, KEY, "site"),
        ({"Authorization": "Bearer token"}, KEY, "site"),
        (basic(""), KEY, "site"),
        (basic("write-key-2"), KEY, "app"),
        (basic("unknown"), KEY, None),
        ({"Authorization": "Basic ???"}, None, None),
        ({"Authorization": "Bearer token"}, None, None),
        ({}, None, None),
        ({}, "unknown", None),
        ({}, ["write-key-1"], None),
        ({}, "\ud800", None),
    ],
)
async def test_the_write_key_is_the_basic_user_or_in_the_body(
    headers: dict[str, str], key: Any, source: str | None
) -> None:
    single = json.dumps(track(writeKey=key)).encode()
    batch = json.dumps({"batch": [track()], "writeKey": key}).encode()
    async with serving() as served:
        for path, body in (("/v1/track", single), ("/v1/batch", batch)):
            answer = await served.post(path, body, headers)
            if source is None:
                assert is_problem(answer, 401, "unauthorized")
            else:
                assert is_success(answer)
    assert [intake.source for intake in served.memory.intakes] == [source] * 2 * (
        source is not None
    )


async def test_a_batch_shares_its_context_and_the_time_it_was_sent() -> None:
    body = {
        "batch": [
            track(timestamp="2024-01-01T12:00:00Z", context={"ip": "own"}),
            track(timestamp="2024-01-01T12:00:05.000000+00:00"),
            track(timestamp="2099-01-01T00:00:00Z"),
        ],
        "context": {"ip": "shared"},
        "sentAt": "2024-01-01T12:00:10Z",
    }
    async with serving() as served:
        assert is_success(await served.post("/v1/batch", body, basic()))
    messages = served.memory.messages
    assert [m.effective_at for m in messages] == [NOW - 10_000, NOW - 5_000, NOW]
    assert [m.context["ip"] for m in messages] == ["own", "shared", "shared"]
    assert [m.index for m in messages] == [0, 1, 2]
    assert served.memory.intakes[0].clamped == 1


async def test_a_single_message_is_corrected_by_its_own_sent_at() -> None:
    member = track(timestamp="2024-01-01T12:00:00Z", sentAt="2024-01-01T12:00:03Z")
    async with serving() as served:
        await served.post("/v1/track", member, basic())
    assert served.memory.messages[0].effective_at == NOW - 3_000


async def test_bad_members_never_fail_their_batch() -> None:
    members = [
        compact(track()),
        b'{"type":"track","userId":"a","event":"e","properties":{"x":NaN}}',
        b'{"type":"identify","userId":"a","traits":{"x":"\\ud800"}}',
        compact(track(userId=5)),
        compact(track(properties={"x": "y" * 1_000_000})),
        b'{"type":"identify","traits":' + b'{"a":' * 300 + b"1" + b"}" * 301,
        compact(track(messageId="last")),
    ]
    async with serving() as served:
        body = b'{"batch":[' + b",".join(members) + b"]}"
        assert is_success(await served.post("/v1/batch", body, basic()))
    assert [m.message_id for m in served.memory.messages] == ["m-1", "last"]
    assert [r.reason for r in served.memory.rejected] == [
        "number_not_finite",
        "text_not_unicode",
        "id_not_string",
        "too_large",
        "too_deep",
    ]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/batch", b"{"),
        ("/v1/batch", b""),
        ("/v1/batch", b"[]"),
        ("/v1/batch", b'{"batch":5}'),
        ("/v1/batch", b'{"batch":[{"a":}]}'),
        ("/v1/batch", b'{"batch":[],"context":{"a":NaN}}'),
        ("/v1/batch", b"\xff\xfe\x00"),
        ("/v1/track", b"{"),
        ("/v1/track", b""),
        ("/v1/track", b'{"userId":"a"} x'),
    ],
)
async def test_a_body_that_is_no_json_is_refused_and_serving_goes_on(
    path: str, body: bytes
) -> None:
    async with serving() as served:
        answer = await served.post(path, body, basic())
        assert answer.status_code == 400
        assert set(answer.json()) == {"code", "message"}
        assert is_success(await served.post("/v1/track", track(), basic()))
    assert len(served.memory.messages) == 1


async def test_more_than_2500_messages_are_no_reason_to_refuse() -> None:
    batch = {"batch": [track(messageId=str(n)) for n in range(6000)]}
    async with serving() as served:
        assert is_success(await served.post("/v1/batch", batch, basic()))
    assert len(served.memory.messages) == 6000


async def test_while_a_large_batch_is_validated_others_get_their_turn() -> None:
    rules = rules_of(IngestSettings(), 32_768)
    sieve = Sieve(Origin("site", NOW), rules, lambda: "made")
    turns = 0

    async def other() -> None:
        nonlocal turns
        while sieve.intake.received < 2000:
            turns += 1
            await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as group:
        group.start_soon(other)
        await sift(sieve, [compact(track())] * 2000)
    assert turns >= 8


async def test_what_is_too_large_is_refused_as_segment_does() -> None:
    big = compact({"batch": [track(properties={"x": "y" * 20_000})] * 40})
    async with serving(tracking_max_bytes=500_000) as served:
        for path, body in (
            ("/v1/batch", big),
            ("/v1/track", compact(track(properties={"x": "y" * 32_768}))),
            ("/v1/batch", compact({"batch": [{}] * 9000, "context": {"x": "y" * 30_000}})),
        ):
            assert is_problem(await served.post(path, body, basic()), 400, "payload_too_large")
        assert is_success(await served.post("/v1/track", track(), basic()))


async def test_a_batchs_context_counts_in_every_member() -> None:
    body = {"batch": [track()], "context": {"x": "y" * 33_000}}
    async with serving() as served:
        assert is_success(await served.post("/v1/batch", body, basic()))
    assert [r.reason for r in served.memory.rejected] == ["too_large"]


async def test_gzip_is_inflated_and_a_bomb_refused() -> None:
    packer = zlib.compressobj(wbits=31)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(200)) + packer.flush()
    packed = {"Content-Encoding": "gzip", **basic()}
    async with serving() as served:
        body = gzip.compress(compact({"batch": [track()]}))
        assert is_success(await served.post("/v1/batch", body, packed))
        assert is_problem(await served.post("/v1/batch", bomb, packed), 400, "payload_too_large")
        assert is_problem(await served.post("/v1/batch", body[:-5], packed), 400, "bad_gzip")
        assert is_success(await served.post("/v1/batch", body, packed))
    assert len(served.memory.messages) == 2


@pytest.mark.parametrize("content_type", ["text/plain", "application/json; charset=x", "nonsense"])
async def test_the_content_type_says_nothing(content_type: str) -> None:
    async with serving() as served:
        headers = {"Content-Type": content_type, **basic()}
        assert is_success(await served.post("/v1/t", track(), headers))


async def test_a_browser_on_another_site_may_send() -> None:
    preflight = {
        "Origin": "https://shop.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    async with serving() as served:
        answer = await served.client.options("/v1/t", headers=preflight)
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "POST" in answer.headers["access-control-allow-methods"]
        allowed = answer.headers["access-control-allow-headers"].lower().split(", ")
        assert "authorization" in allowed  # `*` alone does not cover it
        for headers in (basic(), basic("unknown")):
            answer = await served.post("/v1/t", track(), headers)
            assert answer.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD"])
async def test_other_methods_and_paths_are_refused_in_json_and_never_redirected(
    method: str,
) -> None:
    async with serving() as served:
        assert (await served.client.request(method, "/v1/batch")).status_code == 405
        for path in ("/", "/v1", "/v1/batch//", "/v2/batch", "/healthz/", "/v1/x"):
            answer = await served.client.request(method, path)
            assert answer.status_code in {404, 405}
            if method != "HEAD":
                assert set(answer.json()) == {"code", "message"}


@pytest.mark.parametrize(
    "data",
    [
        json.dumps(track(writeKey=KEY)),
        base64.b64encode(compact(track(writeKey=KEY))).decode(),
        base64.urlsafe_b64encode(compact(track(writeKey=KEY, event="\u00ff>?")))
        .decode()
        .rstrip("="),
    ],
)
async def test_a_pixel_is_a_message_and_an_image(data: str) -> None:
    async with serving() as served:
        answer = await served.client.get("/v1/pixel/track", params={"data": data})
        assert (answer.status_code, answer.content) == (200, PIXEL)
        assert answer.headers["content-type"] == "image/gif"
    assert [m.user_id for m in served.memory.messages] == ["ann"]


@pytest.mark.parametrize("query", ["", "?data=", "?data=%7B", "?data=###", "?" + "a=b&" * 50])
async def test_a_bad_pixel_is_an_image_all_the_same(query: str) -> None:
    async with serving() as served:
        answer = await served.client.get(f"/v1/pixel/track{query}")
        assert (answer.status_code, answer.content) == (200, PIXEL)
        assert (await served.client.get("/v1/pixel/nonsense")).status_code == 404
    assert served.memory.messages == []


async def test_backpressure_is_429_and_an_outage_503_with_a_time_to_wait() -> None:
    unsent = [1000]
    away = True

    async def save(_group: Sequence[Intake]) -> None:
        if away:
            raise StoreUnavailable("disk full", retry_after=9999)

    async with serving(save=save, unsent=lambda: unsent[0]) as served:
        answer = await served.post("/v1/track", track(), basic())
        assert is_problem(answer, 429, "too_many_requests")
        assert 1 <= int(answer.headers["retry-after"]) <= 300
        unsent[0] = 0
        answer = await served.post("/v1/track", track(), basic())
        assert is_problem(answer, 503, "unavailable")
        assert int(answer.headers["retry-after"]) == 300
        pixel = {"data": json.dumps(track(writeKey=KEY))}
        assert (await served.client.get("/v1/pixel/track", params=pixel)).status_code == 503
        away = False
        assert is_success(await served.post("/v1/track", track(), basic()))


async def test_a_store_that_hangs_is_answered_in_time_and_a_full_mailbox_at_once() -> None:
    release = anyio.Event()

    async def save(_group: Sequence[Intake]) -> None:
        await release.wait()

    statuses = []

    async with serving(save=save, request_timeout_seconds=1, waiting_requests=2) as served:

        async def request() -> None:
            answer = await served.post("/v1/track", track(), basic())
            assert int(answer.headers["retry-after"]) >= 1
            statuses.append(answer.status_code)

        async with anyio.create_task_group() as group:
            for _ in range(5):
                group.start_soon(request)
        release.set()
        assert is_success(await served.post("/v1/track", track(), basic()))
    assert sorted(statuses) == [429, 429, 503, 503, 503]


async def test_a_pixel_waits_no_longer_for_a_store_that_hangs() -> None:
    async def save(_group: Sequence[Intake]) -> None:
        await anyio.sleep(20)

    async with serving(save=save, request_timeout_seconds=0.1) as served:
        pixel = {"data": json.dumps(track(writeKey=KEY))}
        with anyio.fail_after(10):
            answer = await served.client.get("/v1/pixel/track", params=pixel)
        assert answer.status_code == 503


async def test_eighty_requests_at_once_are_few_commits() -> None:
    async with serving() as served, anyio.create_task_group() as group:
        for _ in range(80):
            group.start_soon(served.post, "/v1/track", track(), basic())
    assert len(served.memory.messages) == 80
    assert len(served.memory.groups) < 40


async def test_health_is_being_alive_and_readiness_is_told() -> None:
    reasons: list[str | None] = ["the store is away", None]
    async with serving(ready=lambda: reasons.pop(0)) as served:
        assert (await served.client.get("/healthz")).status_code == 200
        answer = await served.client.get("/readyz")
        assert is_problem(answer, 503, "not_ready")
        assert answer.json()["message"] == "the store is away"
        assert (await served.client.get("/readyz")).status_code == 200
