from typing import Any

import pytest

from daemon.mapping.paths import MISSING, ROOTS, getter, walk
from tests.unit.mapping.making import message

SAMPLE = message(
    "track",
    mid="m7",
    user="u1",
    anonymous="a1",
    event="Order Completed",
    traits={"plan": "pro", "gone": None, "address": {"city": "Berlin"}},
    properties={"items": [{"sku": "s1"}, {"sku": "s2"}], "total": 0, "a b": 1, "": 2},
    context={"page": {"path": "/"}, "list": []},
)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("type", "track"),
        ("$.type", "track"),
        ("$.event", "Order Completed"),
        ("userId", "u1"),
        ("$.anonymousId", "a1"),
        ("messageId", "m7"),
        ("$.traits.plan", "pro"),
        ("traits.address.city", "Berlin"),
        ("traits.address", {"city": "Berlin"}),
        ("traits.gone", None),
        ("properties.total", 0),
        ("properties.a b", 1),
        ("properties.items.0.sku", "s1"),
        ("properties.items.1.sku", "s2"),
        ("context.page.path", "/"),
        ("context.list", []),
        ("name", MISSING),
        ("category", MISSING),
        ("groupId", MISSING),
        ("traits.other", MISSING),
        ("traits.gone.deeper", MISSING),
        ("traits.plan.deeper", MISSING),
        ("traits.plan.0", MISSING),
        ("properties.items.2.sku", MISSING),
        ("properties.items.-1.sku", MISSING),
        ("properties.items.sku", MISSING),
        ("properties.items.²", MISSING),
    ],
)
def test_a_path_leads_to_its_value_or_nowhere(path: str, value: Any) -> None:
    find = getter(path)
    assert find is not None
    found = find(SAMPLE)
    assert found is value if value is MISSING else found == value


@pytest.mark.parametrize(
    "path",
    [
        "",
        "$",
        "$.",
        "plan",
        "email",
        "$.profile.plan",
        "type.x",
        "userId.x",
        "traits.",
        "traits..a",
    ],
)
def test_a_path_that_begins_nowhere_is_none(path: str) -> None:
    assert getter(path) is None


@pytest.mark.parametrize("root", ROOTS)
def test_every_root_that_is_offered_can_be_used(root: str) -> None:
    assert getter(root) is not None
    assert getter("$." + root) is not None


def test_a_whole_object_is_a_path_too() -> None:
    find = getter("$.traits")
    assert find is not None
    assert find(SAMPLE) == SAMPLE.traits


def test_no_names_lead_to_the_value_itself() -> None:
    assert walk({"a": 1}, []) == {"a": 1}
