"""The JSON Schema takes what the block reader takes, and sees what is wrong."""

import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import daemon.mapping
from daemon.mapping.actions import ACTIONS
from daemon.mapping.registry.defaults import default_blocks, sets
from daemon.mapping.registry.schema import mappings_schema
from daemon.settings import read_document
from tests.unit.mapping.actions.test_blocks import (
    EVENT,
    JOURNEY,
    LIST,
    OPT_OUT,
    RECIPES,
    USER,
)

README = Path(str(daemon.mapping.__file__)).parent / "README.md"
SCHEMA = Draft202012Validator(mappings_schema())
SHOWN = re.findall(
    r"^```yaml\n(.*?)^```", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
)


def mistakes(*blocks: Any) -> list[str]:
    return [
        f"{'.'.join(map(str, error.path))}: {error.message}"
        for error in SCHEMA.iter_errors({"mappings": list(blocks)})
    ]


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(mappings_schema())


@pytest.mark.parametrize("text", SHOWN)
def test_it_takes_what_the_readme_shows(text: str) -> None:
    assert mistakes(*read_document(text, "README").value["mappings"]) == []


def test_it_takes_the_recipes_and_the_sets() -> None:
    assert mistakes(*RECIPES) == []
    for of in sets():
        assert mistakes(*default_blocks(of, everything=True)) == []


def test_it_leaves_the_rest_of_a_configuration_alone() -> None:
    assert not list(SCHEMA.iter_errors({"project": {"type": "email"}, "mappings": []}))


@pytest.mark.parametrize(
    "block",
    [
        {"action": "track_event"},
        {"name": "x"},
        EVENT | {"action": "trak"},
        EVENT | {"nme": 1},
        EVENT | {"name": "a/b"},
        EVENT | {"preset": "segmnt"},
        EVENT | {"expires_after": "soon"},
        EVENT | {"subscribe": 5},
        EVENT | {"fields": {"plan": "$.traits.plan"}},
        EVENT | {"fields": []},
        EVENT | {"fields": {"email": "$.x"}},
        USER | {"nulls": "drop"},
        LIST | {"list": 0},
        LIST | {"create": "yes"},
        LIST | {"subscribe": 'type = "track"'},
        LIST | {"refresh": {"from": "csv"}},
        OPT_OUT | {"unsubscribe": {}},
        OPT_OUT | {"unsubscribe": {"channels": []}},
        JOURNEY | {"journey": "Welcome"},
        JOURNEY | {"on": "always"},
        JOURNEY | {"on": {"inactive": "A"}},
        JOURNEY | {"at_most": "lots"},
    ],
)
def test_it_sees_what_is_wrong(block: dict[str, Any]) -> None:
    assert mistakes(block)


def test_it_tells_editors_what_things_are() -> None:
    for action in ACTIONS.values():
        block = mappings_schema()["$defs"][action.name]
        described = {"name", "action", "fields", *(key.name for key in action.keys)}
        described |= {"dialect"} if action.key("subscribe") else set()
        described |= {"preset"} if action.presets else set()
        assert set(block["properties"]) == described
        assert all("description" in each for each in block["properties"].values())
        fields = block["properties"]["fields"]["properties"]
        assert all(each["description"] for each in fields.values())
