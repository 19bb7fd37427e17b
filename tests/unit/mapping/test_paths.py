from typing import Any

import pytest

from daemon.mapping.paths import MISSING, walk

SAMPLE: dict[str, Any] = {
    "plan": "pro",
    "gone": None,
    "address": {"city": "Berlin"},
    "items": [{"sku": "s1"}, {"sku": "s2"}],
    "list": [],
    "a b": 1,
}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("plan", "pro"),
        ("address.city", "Berlin"),
        ("address", {"city": "Berlin"}),
        ("gone", None),
        ("a b", 1),
        ("items.0.sku", "s1"),
        ("items.1.sku", "s2"),
        ("list", []),
        ("other", MISSING),
        ("gone.deeper", MISSING),
        ("plan.deeper", MISSING),
        ("plan.0", MISSING),
        ("items.2.sku", MISSING),
        ("items.-1.sku", MISSING),
        ("items.sku", MISSING),
        ("items.²", MISSING),
    ],
)
def test_a_path_leads_to_its_value_or_nowhere(path: str, value: Any) -> None:
    found = walk(SAMPLE, path.split("."))
    assert found is value if value is MISSING else found == value


def test_no_names_lead_to_the_value_itself() -> None:
    assert walk({"a": 1}, []) == {"a": 1}
