"""Takes a request's body apart: its members' exact bytes, and what they share. Pure.

The quick way lets the decoder find the members without building them. It fails as a whole where one
member holds what JSON can't, or is nested without end; then the members are told apart by their
brackets, so that only the bad one is rejected.
"""

import re
from typing import Any

import msgspec

from daemon.errors import RequestRefused
from daemon.ingest.scan import elements, fields, malformed, skip_blank, value_end

# Below this number of commas even a body of nothing but commas makes few objects.
_FEW_COMMAS = 500_000
_WRAPPED = re.compile(rb'\s*\{\s*"(?:json|body)"\s*:\s*(?=\{)')


class Envelope(msgspec.Struct, rename="camel", gc=False):
    """A Tracking API body: what its members share, and the members where it is a batch."""

    batch: list[msgspec.Raw] | None = None
    write_key: Any = None
    sent_at: Any = None
    context: msgspec.Raw = msgspec.Raw()


class Single(msgspec.Struct, rename="camel", gc=False):
    """What is needed of a single message's body before it is validated."""

    write_key: Any = None
    sent_at: Any = None


_envelope = msgspec.json.Decoder(Envelope)
_single = msgspec.json.Decoder(Single)
_array = msgspec.json.Decoder(list[msgspec.Raw])
_NOT_STRICT = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def read_envelope(body: bytes) -> Envelope:
    """A batch's envelope (segment.md §1.6).

    Raises:
        RequestRefused: it is no JSON, or no object with an array `batch`.
    """
    try:
        if body.count(b",") > _FEW_COMMAS:
            return _envelope_by_marks(body)
        envelope = _envelope.decode(body)
    except msgspec.ValidationError:
        raise _no_batch() from None
    except _NOT_STRICT:
        return _envelope_by_marks(body)
    if envelope.batch is None:
        raise _no_batch()
    return envelope


def read_single(body: bytes) -> Single:
    """What a single message says about its sender. Never raises for what validation will find."""
    try:
        return _single.decode(body)
    except msgspec.ValidationError:
        return Single()
    except _NOT_STRICT:
        marks = _marks(body)
        return Single(_scalar(marks.get(b"writeKey")), _scalar(marks.get(b"sentAt")))


def read_array(body: bytes, most: int) -> list[msgspec.Raw]:
    """The elements of a webhook's array.

    Raises:
        RequestRefused: it is no JSON, or has more than `most` elements.
    """
    try:
        found = None if body.count(b",") > _FEW_COMMAS else _array.decode(body)
    except _NOT_STRICT:
        found = None
    if found is None:
        found = _elements(body, skip_blank(body, 0), most)
    if len(found) > most:
        raise RequestRefused(413, "too_many_messages", f"at most {most} messages a request")
    return found


def unwrapped(member: bytes) -> bytes:
    """What an Extensible Webhook wraps as `{"json": {…}}` or `{"body": {…}}` (segment.md §3.4)."""
    match = _WRAPPED.match(member)
    if match is None:
        return member
    end = value_end(member, match.end(), len(member))
    return member[match.end() : end] if member[end:].strip() == b"}" else member


def _envelope_by_marks(body: bytes) -> Envelope:
    marks = _marks(body)
    batch = marks.get(b"batch", b"")
    if not batch.startswith(b"["):
        raise _no_batch()
    return Envelope(
        _elements(batch, 0, len(batch)),
        _scalar(marks.get(b"writeKey")),
        _scalar(marks.get(b"sentAt")),
        msgspec.Raw(marks.get(b"context", b"")),
    )


def _marks(body: bytes) -> dict[bytes, bytes]:
    start = skip_blank(body, 0)
    found = {key: body[at:end] for key, at, end in fields(body, start, len(body))}
    _ends(body, value_end(body, start, len(body)))
    return found


def _elements(body: bytes, start: int, most: int) -> list[msgspec.Raw]:
    found: list[msgspec.Raw] = []
    at = start
    for first, end in elements(body, start, len(body)):
        found.append(msgspec.Raw(body[first:end]))
        at = end
        if len(found) > most:
            return found
    closing = skip_blank(body, at if found else start + 1)
    _ends(body, closing + 1)
    return found


def _ends(body: bytes, at: int) -> None:
    if skip_blank(body, at) != len(body):
        raise malformed(f"something follows at byte {at}")


def _scalar(raw: bytes | None) -> Any:
    if raw is None or raw[:1] in {b"{", b"["}:
        return None
    try:
        return msgspec.json.decode(raw)
    except _NOT_STRICT:
        return None


def _no_batch() -> RequestRefused:
    return RequestRefused(400, "bad_request", "the body is not an object with an array `batch`")
