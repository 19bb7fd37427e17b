"""Segment's Webhooks destinations, through real sockets."""

from typing import Any

import pytest

from tests.ingest.serving import NOW, SECRET, compact, serving, signed, source, track

pytestmark = pytest.mark.anyio

PATH = "/v1/webhook/site"


async def test_a_signed_message_is_taken() -> None:
    member = track(
        timestamp="2024-01-01T12:00:00Z", sentAt="2024-01-01T13:00:00Z", receivedAt="2024-01-01"
    )
    async with serving() as served:
        for path in (PATH, PATH + "/"):
            answer = await served.post(path, member, signed(compact(member)))
            assert (answer.status_code, answer.content) == (200, b'{"success": true}')
    message = served.memory.messages[0]
    # Segment has corrected `timestamp` already; the receipt is ours.
    assert (message.effective_at, message.received_at) == (1_704_110_400_000, NOW)


@pytest.mark.parametrize(
    "first",
    [
        compact(track(event="Größe \u2028 \U0001f600")),
        b'{ "type":"track",\t"userId" : "ann", "event":"a\\"]\\\\", "properties":{"n":1.0}}',
        b'{"type":"track","userId":"ann","event":"\\ud83d\\ude00"}',
    ],
)
@pytest.mark.parametrize("body", [b"[%s]", b" [ %s , %s ]\n", b"[\r\n%s,%s]"])
async def test_a_batch_is_signed_by_its_first_element(first: bytes, body: bytes) -> None:
    second = compact(track(messageId="m-2", event="Second"))
    raw = body.replace(b"%s", first, 1).replace(b"%s", second)
    async with serving() as served:
        assert (await served.post(PATH, raw, signed(first))).status_code == 200
        assert (await served.post(PATH, raw, signed(raw + b" "))).status_code == 401
    assert len(served.memory.messages) == 1 + body.count(b",")


@pytest.mark.parametrize("key", ["json", "body"])
async def test_an_extensible_webhooks_members_are_unwrapped(key: str) -> None:
    members = [{key: track(messageId=f"m-{n}")} for n in range(3)]
    async with serving() as served:
        headers = signed(compact(track(messageId="m-0")))
        assert (await served.post(PATH, members, headers)).status_code == 200
    assert [m.message_id for m in served.memory.messages] == ["m-0", "m-1", "m-2"]


@pytest.mark.parametrize(
    "headers", [{}, {"X-Signature": ""}, {"X-Signature": "0" * 40}, signed(compact(track()), "x")]
)
@pytest.mark.parametrize("wrap", [False, True])
async def test_without_a_right_signature_nothing_is_taken(headers: Any, *, wrap: bool) -> None:
    async with serving(accept_unsigned=True) as served:
        answer = await served.post(PATH, [track()] if wrap else track(), headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "bad_signature")
    assert served.memory.intakes == []


async def test_two_secrets_serve_while_one_is_rotated() -> None:
    both = {"site": source(None, SECRET, "next")}
    async with serving(sources=both) as served:
        for secret, status in ((SECRET, 200), ("next", 200), ("other", 401)):
            answer = await served.post(PATH, track(), signed(compact(track()), secret))
            assert answer.status_code == status


@pytest.mark.parametrize(("accept", "status"), [(False, 401), (True, 200)])
async def test_a_source_without_a_secret_is_open_only_on_request(
    *, accept: bool, status: int
) -> None:
    async with serving(accept_unsigned=accept) as served:
        answer = await served.post("/v1/webhook/app", track())
        assert answer.status_code == status


async def test_an_unknown_source_is_not_found() -> None:
    async with serving() as served:
        answer = await served.post("/v1/webhook/other", track(), signed(compact(track())))
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        assert (await served.client.get(PATH)).status_code == 405


async def test_bad_members_are_kept_as_rejected_and_the_others_go_on() -> None:
    first = compact(track())
    bad = [
        b"5",
        b'{"type":"identify","userId":"a","traits":{"x":NaN}}',
        compact(track(properties={"x": "y" * 300_000})),
        b'{"type":"delete","userId":"ann"}',
    ]
    async with serving() as served:
        body = b"[" + b",".join([first, *bad]) + b"]"
        assert (await served.post(PATH, body, signed(first))).status_code == 200
    assert [m.type for m in served.memory.messages] == ["track", "delete"]
    assert [r.reason for r in served.memory.rejected] == [
        "not_an_object",
        "number_not_finite",
        "too_large",
    ]


async def test_a_webhook_message_may_be_larger_than_an_sdks() -> None:
    member = track(properties={"x": "y" * 100_000})
    async with serving() as served:
        assert (await served.post(PATH, member, signed(compact(member)))).status_code == 200
    assert len(served.memory.messages) == 1


async def test_requests_are_bounded_in_bytes_and_in_messages() -> None:
    first = compact(track())
    async with serving(webhook_max_bytes=1 << 20, webhook_max_messages=50) as served:
        many = await served.post(PATH, [track()] * 51, signed(first))
        assert (many.status_code, many.json()["code"]) == (413, "too_many_messages")
        large = await served.post(PATH, b"[" + first + b" " * (1 << 20) + b"]", signed(first))
        assert (large.status_code, large.json()["code"]) == (413, "payload_too_large")
        assert (await served.post(PATH, [track()] * 50, signed(first))).status_code == 200


@pytest.mark.parametrize("body", [b"", b"{", b"[{]", b"[", b"nonsense"])
async def test_what_is_no_json_is_refused(body: bytes) -> None:
    async with serving() as served:
        answer = await served.post(PATH, body, signed(body))
        assert answer.status_code in {400, 401}
        assert set(answer.json()) == {"code", "message"}
        assert (await served.client.get("/healthz")).status_code == 200
