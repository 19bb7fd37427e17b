from typing import Any

import pytest

from daemon.errors import ConfigurationError
from daemon.settings import read_document

VALUES: list[tuple[str, Any]] = [
    ("on", "on"),
    ("yes", "yes"),
    ("NO", "NO"),
    ("true", True),
    ("False", False),
    ("null", None),
    ("~", None),
    ("", None),
    ("12", 12),
    ("-3", -3),
    ("010", 10),
    ("12:30", "12:30"),
    ("0x10", "0x10"),
    ("1_000", "1_000"),
    ("1.5", 1.5),
    ("1e3", 1000.0),
    (".inf", ".inf"),
    ("2026-11-20", "2026-11-20"),
    ("2026-11-20T10:00:00Z", "2026-11-20T10:00:00Z"),
    ("99999999999999999999", "99999999999999999999"),
    ("$.traits.plan", "$.traits.plan"),
    ('type = "track"', 'type = "track"'),
    ("'12'", "12"),
]


@pytest.mark.parametrize(("text", "value"), VALUES, ids=[repr(v[0]) for v in VALUES])
def test_a_plain_value_is_what_it_looks_like(text: str, value: Any) -> None:
    got = read_document(f"a: {text}\n", "f").value["a"]
    assert (got, type(got)) == (value, type(value))


def test_keys_are_words_also_when_yaml_1_1_would_make_them_truths() -> None:
    assert read_document("on: first_identify\nno: x\n", "f").value == {
        "on": "first_identify",
        "no": "x",
    }


def test_lines_are_remembered_for_keys_and_items() -> None:
    text = "a:\n  b: 1\n  c:\n  - x: 2\n  - y\n"
    assert read_document(text, "f").lines == {
        ("a",): 1,
        ("a", "b"): 2,
        ("a", "c"): 3,
        ("a", "c", 0): 4,
        ("a", "c", 0, "x"): 4,
        ("a", "c", 1): 5,
    }


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("a: 1\nb: 2\na: 3\n", ["f:3:1: key 'a' is given twice"]),
        ("a: {x: 1, x: 2}\nb:\n  y: 1\n  y: 1\n", None),
        ("a: [1, 2\n", ["f:2:1: expected ',' or ']', but got '<stream end>'"]),
        ("a: 1\n\tb: 2\n", ["f:2:1: found character '\\t' that cannot start any token"]),
        ("a: !!python/object/apply:os.system [x]\n", None),
        ("a: *nobody\n", ["f:1:4: found undefined alias 'nobody'"]),
        ("? [1, 2]\n: x\n? {a: b}\n: y\n", None),
        ("a: 1\n---\nb: 2\n", None),
        ("a: \x00\n", None),
        ("a: &x {b: *x}\n", "fine"),
        ("{" * 2000, None),
        ("#" * ((1 << 20) + 1), ["f: longer than 1048576 characters"]),
        ("", "fine"),
    ],
    ids=[
        "twice",
        "twice, twice",
        "unclosed",
        "tab",
        "python tag",
        "alias",
        "odd keys",
        "two documents",
        "NUL",
        "recursive",
        "deep",
        "long",
        "empty",
    ],
)
def test_bad_yaml_gives_lines_with_their_place(text: str, problems: list[str] | str | None) -> None:
    if problems == "fine":
        read_document(text, "f")
        return
    with pytest.raises(ConfigurationError) as caught:
        read_document(text, "f")
    assert all("\n" not in line and line.startswith("f:") for line in caught.value.problems)
    if problems is not None:
        assert caught.value.problems == problems


def test_a_bomb_of_aliases_costs_nothing() -> None:
    levels = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [{f'*a{n - 1}, ' * 9}]" for n in range(1, 40)]
    assert len(read_document("\n".join(levels), "f").lines) < 1000
