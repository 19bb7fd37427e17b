"""The first element's exact bytes, whatever surrounds and fills it."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.errors import RequestRefused
from daemon.ingest.scan import deeper_than, elements, fields, value_end

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
BLANKS = st.text(" \t\r\n", max_size=3)


def depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


@given(st.lists(st.tuples(JSON, BLANKS, BLANKS), min_size=1, max_size=4), st.booleans(), BLANKS)
def test_elements_are_found_byte_for_byte(
    parts: list[tuple[Any, str, str]], ascii_only: bool, edge: str
) -> None:
    texts = [json.dumps(value, ensure_ascii=ascii_only) for value, _, _ in parts]
    raw = (
        edge
        + "["
        + ",".join(
            before + text + after for text, (_, before, after) in zip(texts, parts, strict=True)
        )
        + "]"
    ).encode("utf-8", "surrogatepass")
    found = [raw[at:end] for at, end in elements(raw, len(edge), len(raw))]
    assert found == [text.encode("utf-8", "surrogatepass") for text in texts]


@given(st.dictionaries(st.text(), JSON, max_size=4), st.sampled_from([None, 1]))
def test_fields_are_found_byte_for_byte(value: dict[str, Any], indent: int | None) -> None:
    raw = json.dumps(value, indent=indent).encode()
    found = {
        json.loads(b'"' + key + b'"'): raw[at:end] for key, at, end in fields(raw, 0, len(raw))
    }
    assert {key: json.loads(part) for key, part in found.items()} == value


@given(JSON, st.integers(0, 6))
def test_depth_is_what_a_recursive_count_says(value: Any, most: int) -> None:
    assert deeper_than(json.dumps(value).encode(), most) == (depth(value) > most)


def test_brackets_in_strings_are_no_depth() -> None:
    assert not deeper_than(json.dumps({"a": "[{" * 50 + '"' + "\\"}).encode(), 1)


@pytest.mark.parametrize(
    "raw",
    [
        b"[",
        b'["a',
        b'["a\\"]',
        b"[{]",
        b"[1 2]",
        b"[1,,2]",
        b"[,1]",
        b"[1,]",
        b"[}",
        b'[{"a":"b]',
    ],
)
def test_an_array_that_does_not_fit_is_refused(raw: bytes) -> None:
    with pytest.raises(RequestRefused) as refused:
        list(elements(raw, 0, len(raw)))
    assert refused.value.status == 400


@pytest.mark.parametrize("raw", [b"[]", b"{", b'{"a"}', b'{"a":1 "b":2}', b"{a:1}", b'{"a":1,}'])
def test_an_object_that_does_not_fit_is_refused(raw: bytes) -> None:
    with pytest.raises(RequestRefused):
        list(fields(raw, 0, len(raw)))


def test_no_further_than_the_limit_is_looked() -> None:
    raw = b'[{"a":"' + b"x" * 1000 + b'"}]'
    assert value_end(raw, 1, len(raw)) == len(raw) - 1
    with pytest.raises(RequestRefused):
        value_end(raw, 1, 500)


@pytest.mark.parametrize(
    "hostile",
    [
        b'[{"' + b'\\"' * 200_000,
        b'["' + b'\\"' * 500_000,
        b'["' + b"\\\\" * 500_000,
        b"[" + b'"' * 500_001,
        b"[" * 500_000,
    ],
    ids=["escaped quotes in an object", "escaped quotes", "backslashes", "quotes", "brackets"],
)
def test_hostile_bytes_take_linear_time(hostile: bytes) -> None:
    began = time.process_time()
    with pytest.raises(RequestRefused):
        list(elements(hostile, 0, len(hostile)))
    assert time.process_time() - began < 5  # quadratic would be hours
