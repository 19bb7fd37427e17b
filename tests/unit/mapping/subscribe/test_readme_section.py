"""What the mapping reference says of `subscribe` is so."""

import re
from pathlib import Path

import pytest

import daemon.mapping
from daemon.domain.messages import SEGMENT_TYPES
from daemon.mapping.subscribe import SubscribeError, convert, parse
from daemon.mapping.subscribe.cursor import MAX_NESTING
from daemon.mapping.subscribe.functions import FUNCTIONS, TYPE_NAMES
from daemon.mapping.subscribe.globs import LONGEST
from daemon.mapping.subscribe.parser import MAX_LIST
from daemon.mapping.subscribe.tokens import MAX_BYTES

README = (Path(str(daemon.mapping.__file__)).parent / "README.md").read_text(encoding="utf-8")
SECTION = README.split("\n## `subscribe`\n")[1].split("\n## ")[0]


@pytest.mark.parametrize("example", re.findall(r"^    (\S.*)$", SECTION, re.MULTILINE))
def test_every_example_can_be_read(example: str) -> None:
    assert parse(example).operands


@pytest.mark.parametrize(
    "mistake",
    [
        'event == "A"',
        'event = "A" AND type = "track"',
        'type = "trak"',
        'lowercase(event) = "Abc"',
        'length(event) = "3"',
        '"a" = "a"',
    ],
)
def test_every_mistake_that_is_shown_is_refused(mistake: str) -> None:
    shown = "AND" if " AND " in mistake else mistake
    assert f"`{shown}`" in SECTION
    with pytest.raises(SubscribeError):
        parse(mistake)


@pytest.mark.parametrize("name", [*FUNCTIONS, *TYPE_NAMES.values()])
def test_every_function_and_kind_is_named(name: str) -> None:
    assert f"`{name}(" in SECTION or f'`"{name}"`' in SECTION


def test_bounds_and_types_are_told() -> None:
    flowing = " ".join(SECTION.split())
    assert f"at most {MAX_BYTES:,} bytes, a list {MAX_LIST:,} values" in flowing
    assert f"a pattern {LONGEST:,} characters" in flowing
    assert f"nest {MAX_NESTING} deep" in flowing
    *most, last = sorted(SEGMENT_TYPES)
    assert f"`type` is one of {', '.join(most)}, {last}." in flowing


def test_what_is_said_of_triggers_is_so() -> None:
    assert convert("event = 'a' or name = \"b\" and userId != null").text == (
        'event = "\'a\'" and name = "b" and userId != null'
    )
    for refused in ("type && event", 'anonymousId = "a"', 'lowercase(event) = "a"', "((type = a))"):
        assert convert(refused).text == "false"
    assert convert('match(event, "a*b")').text == r'match(event, "*\*b")'
    assert convert("properties.n != 5").text in " ".join(SECTION.split())
    assert convert("properties.n != 5").warnings == ()
