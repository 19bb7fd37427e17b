"""Every block of the mapping reference works as it stands there."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import daemon.mapping
from daemon.domain.identity import ProjectType
from daemon.mapping.actions.track_event import ACTION as TRACK_EVENT
from daemon.mapping.blocks import _KEYS, DEFAULT, read
from daemon.mapping.catalog import Catalog
from daemon.mapping.events import ROOTS
from daemon.mapping.project import ITERABLES_OWN

README = (Path(str(daemon.mapping.__file__)).parent / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```yaml\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


EVENT_WORDS = [
    *(field.name for field in TRACK_EVENT.fields if "*" not in field.name),
    *(key.name for key in TRACK_EVENT.keys),
]


def loaded(text: str) -> list[dict[str, Any]]:
    document = yaml.safe_load(text)
    assert list(document) == ["mappings"]
    found: list[dict[str, Any]] = document["mappings"]
    return found


@pytest.mark.parametrize("text", BLOCKS)
def test_every_block_can_be_published(text: str) -> None:
    blocks = read(loaded(text))
    groups: dict[str, dict[str, int]] = {"emailList": {}, "messageChannel": {}, "messageType": {}}
    for number, need in enumerate(blocks.needs()):
        groups[need.group][str(need.reference)] = number + 1
    lists, channels, types = groups.values()
    blocks.publish(1, ProjectType.HYBRID, Catalog(lists, channels, types))


def test_blocks_were_found_and_show_every_action_and_key() -> None:
    shown = [block for text in BLOCKS for block in loaded(text)]
    for action, (required, further) in _KEYS.items():
        keys = {key for block in shown if block["action"] == action for key in block}
        assert keys == {"name", "action", *required, *further}


def test_the_default_stands_there_word_for_word() -> None:
    assert DEFAULT in [loaded(text) for text in BLOCKS]


@pytest.mark.parametrize("word", [*ROOTS, *EVENT_WORDS, *sorted(ITERABLES_OWN)])
def test_every_word_that_may_be_needed_is_named(word: str) -> None:
    assert f"`{word}`" in README
