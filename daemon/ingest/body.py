"""Reads a request's body within bounds: of bytes, inflated bytes, and what all requests hold."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.types import Receive

from daemon.errors import MailboxFull, RequestRefused

_DISCARDED = 8  # times the limit: so much of what is too large is read before it is refused


class ClientGone(Exception):
    """The client hung up before its request was complete."""


class Room:
    """How many bytes of requests may be in hand at once, from the first byte to the answer."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.used = 0

    @contextmanager
    def share(self) -> Iterator["Share"]:
        """What one request takes; given back at the end."""
        share = Share(self)
        try:
            yield share
        finally:
            self.used -= share.held

    def claim(self, size: int) -> None:
        """Raises MailboxFull where there is no room for `size` bytes more."""
        if self.used + size > self._limit:
            raise MailboxFull("too many bytes are waiting to be stored", retry_after=2)
        self.used += size


class Share:
    """The bytes one request holds."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self.held = 0

    def grow(self, size: int) -> None:
        """Raises MailboxFull where there is no room for `size` bytes more."""
        self._room.claim(size)
        self.held += size


def too_large(limit: int, status: int) -> RequestRefused:
    return RequestRefused(
        status, "payload_too_large", f"Exceed payload limit: at most {limit} bytes a request"
    )


async def read_body(receive: Receive, share: Share, limit: int, status: int) -> bytes:
    """The whole body.

    A body over `limit` is read on and thrown away for a while, so that its sender hears the answer
    instead of a broken connection.

    Raises:
        RequestRefused: with `status`, it is longer than `limit`.
        MailboxFull: too much is in hand already.
        ClientGone: the client hung up.
    """
    message = await receive()
    first: bytes = message.get("body", b"")
    if message["type"] == "http.request" and not message.get("more_body") and len(first) <= limit:
        share.grow(len(first))
        return first
    chunks, size = [], 0
    while True:
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunk = message.get("body", b"")
        size += len(chunk)
        if size <= limit:
            share.grow(len(chunk))
            chunks.append(chunk)
        if not message.get("more_body") or size > limit * _DISCARDED:
            break
        message = await receive()
    if size > limit:
        raise too_large(limit, status)
    return b"".join(chunks)


def decoded(body: bytes, encoding: bytes, share: Share, limit: int, status: int) -> bytes:
    """The body without its content encoding; the inflated size is bounded while inflating.

    Raises:
        RequestRefused: an encoding other than gzip, damaged gzip, or more than `limit` bytes.
        MailboxFull: too much is in hand already.
    """
    encoding = encoding.strip().lower()
    if encoding in {b"", b"identity"}:
        return body
    if encoding not in {b"gzip", b"x-gzip"}:
        raise RequestRefused(415, "unsupported_encoding", "Content-Encoding may only be gzip")
    try:
        inflated = _inflate(body, limit)
    except zlib.error:
        inflated = None
    if inflated is None:
        raise RequestRefused(400, "bad_gzip", "the body is not valid gzip")
    if len(inflated) > limit:
        raise too_large(limit, status)
    share.grow(len(inflated))
    return inflated


def _inflate(body: bytes, limit: int) -> bytes | None:
    """At most `limit` + 1 bytes; None where the stream is cut short."""
    whole = bytearray()
    rest = body
    while rest:
        stream = zlib.decompressobj(wbits=31)
        whole += stream.decompress(rest, limit + 1 - len(whole))
        if len(whole) > limit:
            break
        if not stream.eof:
            return None
        rest = stream.unused_data
    return bytes(whole)
