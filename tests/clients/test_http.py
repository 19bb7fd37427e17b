"""The one HTTP foundation: what it bounds, what it sends, what it makes of every failure."""

import asyncio
import gzip
import shutil
import ssl
from importlib import metadata
from pathlib import Path

import anyio
import pytest

from daemon.clients.http import NOT_SENT, Answer, Http, open_http
from daemon.errors import Unreachable
from tests.clients.served import Canned, response

pytestmark = pytest.mark.anyio


async def _get(http: Http, url: str, *, most: int = 10_000, seconds: float = 5.0) -> Answer:
    return await http.request("GET", url, what="GET x", max_bytes=most, seconds=seconds)


async def test_an_answer_comes_with_status_body_and_lower_case_headers() -> None:
    async with Canned(response(b"hi", "418 Teapot", "X-Odd: Yes")) as server, open_http() as http:
        answer = await _get(http, server.base_url)
    assert (answer.status, answer.body, answer.headers["x-odd"]) == (418, b"hi", "Yes")


async def test_we_say_who_we_are() -> None:
    async with Canned(response(b"")) as server, open_http() as http:
        await _get(http, server.base_url)
    expected = f"user-agent: segue/{metadata.version('segue')}"
    assert expected.encode() in server.requests[0].lower()


async def test_an_answer_over_its_bound_is_not_read_to_its_end() -> None:
    async with Canned(response(b"x" * 10_001)) as server, open_http() as http:
        with pytest.raises(Unreachable, match="longer than 10000 bytes") as caught:
            await _get(http, server.base_url)
    assert caught.value.code == "AnswerTooLong"


async def test_a_compressed_bomb_is_bounded_by_what_it_unpacks_to() -> None:
    bomb = gzip.compress(b"\0" * 20_000_000)
    answer = response(bomb, "200 OK", "Content-Encoding: gzip")
    async with Canned(answer) as server, open_http() as http:
        with pytest.raises(Unreachable, match="longer than 1000000 bytes"):
            await _get(http, server.base_url, most=1_000_000)


async def test_a_compressed_answer_is_unpacked() -> None:
    answer = response(gzip.compress(b"plain"), "200 OK", "Content-Encoding: gzip")
    async with Canned(answer) as server, open_http() as http:
        assert (await _get(http, server.base_url)).body == b"plain"


async def test_redirects_are_not_followed() -> None:
    moved = response(b"", "302 Found", "Location: http://127.0.0.1:1/")
    async with Canned(moved) as server, open_http() as http:
        assert (await _get(http, server.base_url)).status == 302


async def test_cookies_are_not_kept() -> None:
    async with Canned(response(b"", "200 OK", "Set-Cookie: a=b")) as server, open_http() as http:
        await _get(http, server.base_url)
        await _get(http, server.base_url)
    assert b"cookie" not in server.requests[1].lower()


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(response(b"half", length=100), id="body cut short"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Le", id="headers cut short"),
        pytest.param(b"", id="closed without a word"),
        pytest.param(b"SMTP ready\r\n\r\n", id="not HTTP"),
        pytest.param(response(b"not gzip", "200 OK", "Content-Encoding: gzip"), id="broken gzip"),
    ],
)
async def test_an_answer_that_cannot_be_read_may_have_been_applied(answer: bytes) -> None:
    async with Canned(answer) as server, open_http() as http:
        with pytest.raises(Unreachable) as caught:
            await _get(http, f"{server.base_url}/api/ann@example.com")
    assert caught.value.code != NOT_SENT
    assert "ann" not in str(caught.value)


async def test_a_refused_connection_was_certainly_not_sent() -> None:
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(anyio.abc.SocketAttribute.local_port)
    await listener.aclose()
    async with open_http() as http:
        with pytest.raises(Unreachable, match=r"GET x: no answer from 127\.0\.0\.1") as caught:
            await _get(http, f"http://127.0.0.1:{port}/")
    assert caught.value.code == NOT_SENT


async def test_an_address_that_is_none_is_unreachable() -> None:
    async with open_http() as http:
        with pytest.raises(Unreachable):
            await _get(http, "http://[::1")
        with pytest.raises(Unreachable):
            await _get(http, "gopher://127.0.0.1/")


async def test_a_silent_server_is_given_up_after_the_time_allowed() -> None:
    async with Canned(b"", linger=True) as server, open_http() as http:
        with pytest.raises(Unreachable, match="timed out") as caught:
            await _get(http, server.base_url, seconds=0.2)
    assert caught.value.code != NOT_SENT


async def test_a_trickling_answer_is_given_up_too() -> None:
    async with Canned(response(b"a", length=9), linger=True) as server, open_http() as http:
        with pytest.raises(Unreachable, match="timed out"):
            await _get(http, server.base_url, seconds=0.2)


async def test_a_stream_gives_chunks_and_translates_what_breaks_it() -> None:
    async with Canned(response(b"part", length=100)) as server, open_http() as http:
        request = http.stream("GET", server.base_url, what="GET x", max_bytes=100, seconds=2)
        async with request as stream:
            assert stream.status == 200
            with pytest.raises(Unreachable):
                _ = [chunk async for chunk in stream.chunks]


async def test_a_stream_that_falls_silent_is_given_up() -> None:
    async with Canned(response(b"part", length=100), linger=True) as server, open_http() as http:
        request = http.stream("GET", server.base_url, what="GET x", max_bytes=100, seconds=0.2)
        async with request as stream:
            with pytest.raises(Unreachable, match="timed out"):
                _ = [chunk async for chunk in stream.chunks]


async def test_a_cancelled_call_stays_cancelled() -> None:
    async with Canned(b"", linger=True) as server, open_http() as http:
        with anyio.move_on_after(0.1) as scope:
            await _get(http, server.base_url)
    assert scope.cancelled_caught


async def test_a_certificate_nobody_vouches_for_is_not_accepted(tmp_path: Path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed, so no certificate can be made")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"]
    made += ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    await anyio.run_process([*made, "-keyout", str(key), "-out", str(certificate)])
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    served = await asyncio.start_server(_hello, "127.0.0.1", 0, ssl=context)
    port = served.sockets[0].getsockname()[1]
    async with served, open_http() as http:
        with pytest.raises(Unreachable, match="ertificate") as caught:
            await _get(http, f"https://127.0.0.1:{port}/")
    assert caught.value.code == NOT_SENT


async def _hello(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(response(b"hello"))
    await writer.drain()
    writer.close()
