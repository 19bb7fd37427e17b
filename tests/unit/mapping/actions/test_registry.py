"""The registry is complete: whatever an action declares can be used and is documented."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import daemon.mapping.actions
from daemon.mapping import reference
from daemon.mapping.actions import ACTIONS
from daemon.mapping.catalog import Catalog
from daemon.mapping.declarations.action import Action, Kind
from daemon.mapping.declarations.field import Field
from daemon.mapping.registry.blocks import filled, read_blocks
from daemon.mapping.registry.defaults import default_blocks, sets
from daemon.mapping.registry.fields import defaults_of

SOURCE = re.compile(r"(iterable|segment)\.md §\d+(\.\d+)*")
FOLDER = Path(str(daemon.mapping.actions.__file__)).parent
every_action = pytest.mark.parametrize("action", ACTIONS.values(), ids=ACTIONS)


def test_every_file_is_an_action_and_no_action_is_anywhere_else() -> None:
    files = {path.stem for path in FOLDER.glob("*.py")} - {"__init__"}
    assert set(ACTIONS) == files
    assert len(files) == 15


def test_what_keeps_state_is_told_first() -> None:
    kinds = [action.kind for action in ACTIONS.values()]
    assert kinds == sorted(kinds, key=lambda kind: kind is Kind.EVENT)
    state = {action.name for action in ACTIONS.values() if action.kind is Kind.STATE}
    assert state == {
        "update_user",
        "subscribe_list",
        "unsubscribe_list",
        "update_subscriptions",
    }


@every_action
def test_an_action_says_what_it_does_and_where_its_facts_are_from(action: Action) -> None:
    assert action.about.endswith(".")
    assert action.routes
    for route in action.routes:
        assert route.path.startswith("/api/")
        assert SOURCE.match(route.source)
        assert bool(route.bulk) == bool(route.rows)
    for field in _all_fields(action.fields):
        assert field.about, field.name
        assert SOURCE.match(field.source), field.name
    for preset in action.presets:
        assert preset.about.endswith(".")
        assert SOURCE.match(preset.source)
    for key in action.keys:
        assert key.about.endswith(".")
        assert key.shape.words


def _all_fields(fields: tuple[Field, ...]) -> Iterator[Field]:
    for field in fields:
        yield field
        yield from _all_fields(field.of)


@every_action
def test_names_are_given_once(action: Action) -> None:
    for names in (
        [field.name for field in action.fields],
        [key.name for key in action.keys],
        [preset.name for preset in action.presets],
    ):
        assert len(names) == len(set(names))


@every_action
def test_what_defaults_and_presets_map_is_in_the_table(action: Action) -> None:
    filled(action, defaults_of(action))
    for preset in action.presets:
        filled(action, preset.fields)
        for name, value in preset.keys.items():
            key, problems = action.key(name), list[str]()
            assert key is not None
            key.shape.read(value, name, problems)
            assert not problems


@pytest.mark.parametrize("of", sets())
def test_a_set_of_mappings_can_be_read_on_and_off(of: str) -> None:
    on = default_blocks(of)
    everything = default_blocks(of, everything=True)
    for block in read_blocks(everything):
        block.ready(Catalog())
    assert [block for block in everything if block in on] == on


def test_pages_screens_and_groups_are_off_until_they_are_written() -> None:
    on = {block["name"] for block in default_blocks()}
    assert on == {"profiles", "events", "carts", "purchases"}
    off = {block["name"] for block in default_blocks(everything=True)} - on
    assert off == {"pages", "screens", "groups"}
    assert "pages" in {block["name"] for block in default_blocks("segment-classic")}


def test_another_set_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="did you mean segment-classic"):
        default_blocks("segment-clasic")


ONE_OF_EACH: dict[str, dict[str, Any]] = {
    "identify": {"type": "identify", "userId": "u1", "traits": {"a": 1}},
    "signup": {"type": "track", "userId": "u1", "event": "Signed Up"},
    "order": {
        "type": "track",
        "userId": "u1",
        "event": "Order Completed",
        "properties": {"total": 1, "products": []},
    },
    "cart": {
        "type": "track",
        "userId": "u1",
        "event": "Cart Updated",
        "properties": {"products": []},
    },
    "added": {
        "type": "track",
        "userId": "u1",
        "event": "Product Added",
        "properties": {"products": []},
    },
    "one added": {"type": "track", "userId": "u1", "event": "Product Added", "properties": {}},
    "page": {"type": "page", "userId": "u1", "name": "Home"},
    "screen": {"type": "screen", "userId": "u1", "name": "Home"},
}


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        (
            "segment",
            {
                "identify": "users/update",
                "signup": "events/track",
                "order": "commerce/trackPurchase",
                "cart": "commerce/updateCart",
                "added": "events/track",
                "one added": "events/track",
                "page": "",
                "screen": "",
            },
        ),
        (
            "segment-classic",
            {
                "identify": "users/update",
                "signup": "events/track",
                "order": "commerce/trackPurchase",
                "cart": "events/track",
                "added": "commerce/updateCart",
                "one added": "events/track",
                "page": "events/track",
                "screen": "",
            },
        ),
    ],
)
def test_a_set_takes_each_call_once_as_segments_destination_does(
    of: str, expected: dict[str, str]
) -> None:
    blocks = [block.ready(Catalog()) for block in read_blocks(default_blocks(of))]
    found = {}
    for name, message in ONE_OF_EACH.items():
        outcomes = [block.perform(message, None) for block in blocks]
        paths = [request.path for each in outcomes if each for request in each.requests]
        found[name] = " ".join(path.removeprefix("/api/") for path in paths)
    assert found == expected


def test_the_reference_in_the_readme_is_up_to_date() -> None:
    page = (FOLDER.parent / "README.md").read_text(encoding="utf-8")
    assert reference.placed(page) == page, "run: python -m daemon.mapping.reference"


@every_action
def test_the_reference_names_every_field_key_and_preset(action: Action) -> None:
    section = reference.reference().partition(f"#### {action.name}\n")[2].partition("\n#### ")[0]
    for field in _all_fields(action.fields):
        assert f"{field.name}`" in section
    for name in (*(key.name for key in action.keys), *(each.name for each in action.presets)):
        assert f"| `{name}` |" in section


def test_a_page_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="reference"):
        reference.placed("# Mappings\n")
