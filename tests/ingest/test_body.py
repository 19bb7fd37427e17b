"""Bodies are bounded: bytes, inflated bytes, bytes in hand."""

import gzip
import tracemalloc
import zlib
from collections.abc import Iterable

import pytest
from starlette.types import Message, Receive

from daemon.errors import MailboxFull, RequestRefused
from daemon.ingest.body import ClientGone, Room, decoded, read_body

pytestmark = pytest.mark.anyio


def sends(*messages: Message) -> Receive:
    following = iter(messages)

    async def receive() -> Message:
        return next(following)

    return receive


def chunks(parts: Iterable[bytes]) -> list[Message]:
    return [{"type": "http.request", "body": part, "more_body": True} for part in parts]


LAST: Message = {"type": "http.request", "body": b"", "more_body": False}


def inflate(body: bytes, limit: int, encoding: bytes = b"gzip") -> bytes:
    with Room(1 << 30).share() as share:
        return decoded(body, encoding, share, limit, 413)


async def test_chunks_are_joined_and_given_back() -> None:
    room = Room(100)
    with room.share() as share:
        body = await read_body(sends(*chunks([b"a", b"bc"]), LAST), share, 10, 413)
        assert (body, room.used) == (b"abc", 3)
    assert room.used == 0


@pytest.mark.parametrize("size", [11, 30, 200])
async def test_a_body_over_its_limit_is_refused_and_not_kept(size: int) -> None:
    room = Room(1000)
    with room.share() as share, pytest.raises(RequestRefused) as refused:
        await read_body(sends(*chunks([b"x"] * size), LAST), share, 10, 413)
    assert refused.value.status == 413
    assert (share.held, room.used) == (10, 0)


async def test_a_single_chunk_over_the_limit_is_refused() -> None:
    with Room(1000).share() as share, pytest.raises(RequestRefused):
        await read_body(sends({"type": "http.request", "body": b"x" * 11}), share, 10, 413)


async def test_a_client_that_hangs_up_is_noticed() -> None:
    gone: Message = {"type": "http.disconnect"}
    for messages in ([gone], [*chunks([b"a"]), gone]):
        with Room(100).share() as share, pytest.raises(ClientGone):
            await read_body(sends(*messages), share, 10, 413)


async def test_all_requests_together_are_bounded() -> None:
    room = Room(15)
    with room.share() as one:
        await read_body(sends(*chunks([b"x" * 10]), LAST), one, 10, 413)
        with room.share() as other, pytest.raises(MailboxFull):
            await read_body(sends(*chunks([b"x" * 10]), LAST), other, 10, 413)
        assert room.used == 10
    assert room.used == 0


def test_gzip_is_inflated() -> None:
    assert inflate(gzip.compress(b"abc"), 3) == b"abc"
    assert inflate(gzip.compress(b"abc") + gzip.compress(b"def"), 6, b" GZIP ") == b"abcdef"
    assert inflate(b"abc", 3, b"identity") == b"abc"


def test_a_gzip_bomb_is_stopped_while_inflating() -> None:
    packer = zlib.compressobj(wbits=31)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(512)) + packer.flush()
    assert len(bomb) < 1 << 20
    tracemalloc.start()
    try:
        with pytest.raises(RequestRefused) as refused:
            inflate(bomb, 1 << 20)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert refused.value.code == "payload_too_large"
    assert peak < 16 << 20


@pytest.mark.parametrize("bad", [b"no gzip", gzip.compress(b"abc" * 100)[:-9], b"\x1f\x8b", b"{}"])
def test_damaged_gzip_is_refused(bad: bytes) -> None:
    with pytest.raises(RequestRefused) as refused:
        inflate(bad, 1000)
    assert (refused.value.status, refused.value.code) == (400, "bad_gzip")


def test_other_encodings_are_refused() -> None:
    with pytest.raises(RequestRefused) as refused:
        inflate(b"abc", 1000, b"br")
    assert refused.value.status == 415
