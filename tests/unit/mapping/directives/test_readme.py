"""The page about directives is true: each example, each option, each bound.

Its blocks say `yml`: what says `yaml` in a README is a whole configuration, and run as one.
"""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import daemon.mapping.directives
from daemon.mapping.directives import bounds, compile_field
from daemon.mapping.directives.language import OWN, SEGMENTS
from daemon.mapping.directives.liquid import _TAGS
from daemon.mapping.directives.patterns import _PARTS
from daemon.mapping.paths import MISSING
from tests.unit.mapping.directives.evaluating import exact

FOLDER = Path(str(daemon.mapping.directives.__file__)).parent
README = (FOLDER / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```yml\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
EXAMPLES: list[dict[str, Any]] = [one for text in BLOCKS for one in yaml.safe_load(text)]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: str(example["field"]))
def test_every_example_gives_what_it_says(example: dict[str, Any]) -> None:
    assert set(example) <= {"field", "event", "gives"}
    found = compile_field(example["field"], "f").evaluate(example["event"])
    assert exact(found) == exact(example.get("gives", MISSING))


def test_every_directive_and_option_is_shown() -> None:
    shown = [example["field"] for example in EXAMPLES if isinstance(example["field"], dict)]
    for name in SEGMENTS:
        assert any(name in field for field in shown), name
    for name, (_, options) in OWN.items():
        used = {key for field in shown if name in field for key in field} - {name}
        assert used <= options
        row = next(line for line in README.splitlines() if line.startswith("|") and name in line)
        assert all(f"`{option}`" in row for option in options - {"default", "on_error"}), name
    assert {key for field in shown for key in field if not key.startswith("@")} >= {
        option for _, options in OWN.values() for option in options
    }


def test_every_bound_stands_there() -> None:
    table = README.partition("## Bounds")[2].partition("##")[0]
    for name, value in vars(bounds).items():
        if isinstance(value, int) and name not in ("EXACT", "SEPARATOR_LENGTH"):
            assert f"{value:,}" in table, name


def test_every_date_letter_and_tag_stands_there() -> None:
    for letters in _PARTS:
        assert f"`{letters}`" in README
    tags = README.partition("has the tags `")[2].partition("`")[0].split()
    ours = {tag.name for tag in _TAGS} - {"content", "illegal", "#"} | {"echo", "raw"}
    assert set(tags) == ours


def test_every_module_stands_there() -> None:
    table = README.partition("## In this folder")[2]
    for module in FOLDER.glob("*.py"):
        assert module.stem == "__init__" or f"`{module.stem}`" in table, module.stem
