"""What the README says can be pasted, and its defaults are the real ones."""

import json
import re

import pytest

from daemon.sandbox.settings import SandboxSettings
from tests.sandbox.recorded import README
from tests.sandbox.world import World

CURL = re.compile(r"curl \$SANDBOX/(\w+) -d '(\{.*\})'")


@pytest.mark.parametrize(("route", "body"), CURL.findall(README.read_text()))
def test_every_example_of_the_readme_is_accepted(route: str, body: str) -> None:
    world = World()
    row = {"email": "ann@example.com", "userId": "7"}
    world.post("/api/lists/subscribe", {"listId": 1002, "subscribers": [row]})
    answer = world.ask("POST", f"/_sandbox/{route}", json.loads(body))
    assert answer.status_code == 200, answer.text


def test_the_examples_cover_the_routes_that_change_something() -> None:
    routes = {route for route, _ in CURL.findall(README.read_text())}
    assert routes == {"faults", "tamper", "settings"}


def test_the_defaults_in_the_readme_are_those_of_the_settings() -> None:
    text = README.read_text()
    defaults = SandboxSettings()
    for value in (defaults.api_key, defaults.profile_space, defaults.profile_token):
        assert f"`{value}`" in text
    seeds = [(s.id, s.name) for s in defaults.lists]
    seeds += [(s.id, s.name) for s in defaults.channels]
    seeds += [(s.id, s.name) for s in defaults.message_types]
    seeds += [(s.id, s.name) for s in defaults.campaigns]
    seeds += [(s.id, s.name) for s in defaults.journeys]
    for number, name in seeds:
        assert f"{number} {name}" in text
    assert f"`{defaults.project_id}`" in text


def test_every_setting_named_in_the_readme_exists() -> None:
    text = README.read_text()
    section = text[text.index("## What nobody could tell us") : text.index("Fixed for want")]
    named = set()
    for line in section.splitlines():
        cells = line.split("|")
        if len(cells) > 3:
            named |= set(re.findall(r"`(\w+)`", cells[2]))
    assert named
    assert named <= set(SandboxSettings.__struct_fields__)
