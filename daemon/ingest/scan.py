"""Finds the exact bytes of JSON values without building them.

The signature of a webhook's batch covers the bytes of its first element, which re-serialising would
change (segment.md §3.3). And where one member of a batch holds what no strict parser takes (`NaN`,
half a surrogate pair), the others must still be told apart. Both need only strings and brackets, so
a regular expression does the work; possessive repeats keep it linear, whatever it is fed.
"""

import re
from collections.abc import Iterator

from daemon.errors import RequestRefused

_BLANK = re.compile(rb"[ \t\n\r]*+")
_STRING = re.compile(rb'(?s)"(?:[^"\\]++|\\.)*+"')
# A string that never ends is taken whole too, so that its quotes are not each tried again.
_TOKEN = re.compile(rb'(?s)"(?:[^"\\]++|\\.)*+(?:"|\\?+\Z)|[\[\]{}]')
_SCALAR = re.compile(rb'[^ \t\n\r,:"\[\]{}]++')

_OPENING = frozenset(b"[{")
_CLOSING = frozenset(b"]}")


def malformed(what: str) -> RequestRefused:
    """The error for a body that is no JSON."""
    return RequestRefused(400, "malformed_json", f"the body is not valid JSON: {what}")


def skip_blank(raw: bytes, at: int) -> int:
    """Where the blanks that begin at `at` end."""
    match = _BLANK.match(raw, at)
    return match.end() if match else at


def value_end(raw: bytes, start: int, limit: int) -> int:
    """Where the value that begins at `start` ends; `limit` is as far as is looked.

    Only strings and brackets are looked at: what stands between the brackets is not checked.

    Raises:
        RequestRefused: no value begins there, or it doesn't end before `limit`.
    """
    if raw[start : start + 1] not in {b"[", b"{"}:
        pattern = _STRING if raw[start : start + 1] == b'"' else _SCALAR
        match = pattern.match(raw, start, limit)
        if match is None:
            raise malformed(f"a value is missing or not ended at byte {start}")
        return match.end()
    depth = 0
    for token in _TOKEN.finditer(raw, start, limit):
        mark = raw[token.start()]
        if mark in _OPENING:
            depth += 1
        elif mark in _CLOSING:
            depth -= 1
            if not depth:
                return token.end()
    raise malformed(f"the value at byte {start} does not end")


def elements(raw: bytes, start: int, limit: int) -> Iterator[tuple[int, int]]:
    """The byte ranges of the elements of the array that begins at `start`, one by one.

    Raises:
        RequestRefused: brackets, strings or commas don't fit.
    """
    at = skip_blank(raw, start + 1)
    if raw[at : at + 1] == b"]":
        return
    while True:
        end = value_end(raw, at, limit)
        yield at, end
        at = skip_blank(raw, end)
        if raw[at : at + 1] == b"]":
            return
        if raw[at : at + 1] != b",":
            raise malformed(f"a comma is missing at byte {at}")
        at = skip_blank(raw, at + 1)


def fields(raw: bytes, start: int, limit: int) -> Iterator[tuple[bytes, int, int]]:
    """The keys (as written, without quotes) and value ranges of the object at `start`.

    Raises:
        RequestRefused: no object begins there, or its marks don't fit.
    """
    at = skip_blank(raw, start + 1)
    if raw[start : start + 1] != b"{":
        raise malformed(f"no object begins at byte {start}")
    if raw[at : at + 1] == b"}":
        return
    while True:
        key = _STRING.match(raw, at, limit)
        colon = skip_blank(raw, key.end()) if key else at
        if key is None or raw[colon : colon + 1] != b":":
            raise malformed(f"a key is missing at byte {at}")
        value = skip_blank(raw, colon + 1)
        end = value_end(raw, value, limit)
        yield key[0][1:-1], value, end
        at = skip_blank(raw, end)
        if raw[at : at + 1] == b"}":
            return
        if raw[at : at + 1] != b",":
            raise malformed(f"a comma is missing at byte {at}")
        at = skip_blank(raw, at + 1)


def deeper_than(raw: bytes, most: int) -> bool:
    """Whether objects and arrays are nested more than `most` levels."""
    if raw.count(b"{") + raw.count(b"[") <= most:
        return False
    depth = 0
    for token in _TOKEN.finditer(raw):
        mark = raw[token.start()]
        if mark in _OPENING:
            depth += 1
            if depth > most:
                return True
        elif mark in _CLOSING:
            depth -= 1
    return False
