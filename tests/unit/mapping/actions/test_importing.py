"""Segment's subscriptions, however they are wrapped, become blocks that decide and send alike."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.domain.identity import ProjectType
from daemon.errors import ConfigurationError
from daemon.mapping.catalog import Catalog
from daemon.mapping.directives import (
    Compiled,
    MappingFailed,
    MappingInvalid,
    compile_field,
    compile_mapping,
)
from daemon.mapping.importing import Imported, import_subscriptions
from daemon.mapping.importing.values import shorter
from daemon.mapping.registry.blocks import read_blocks
from daemon.mapping.registry.evaluating import answer

EMAIL = {
    "@if": {
        "exists": {"@path": "$.properties.email"},
        "then": {"@path": "$.properties.email"},
        "else": {"@path": "$.context.traits.email"},
    }
}
TRACK_MAPPING: dict[str, Any] = {
    "email": EMAIL,
    "userId": {"@path": "$.userId"},
    "eventName": {"@path": "$.event"},
    "dataFields": {"@path": "$.properties"},
    "id": {"@path": "$.messageId"},
    "createdAt": {"@path": "$.timestamp"},
    "campaignId": {"@path": "$.properties.campaignId"},
    "templateId": {"@path": "$.properties.templateId"},
    "enable_batching": True,
    "batch_size": 1001,
}
USER_MAPPING: dict[str, Any] = {
    "email": {"@path": "$.traits.email"},
    "userId": {"@path": "$.userId"},
    "dataFields": {"@path": "$.traits"},
    "phoneNumber": {"@path": "$.traits.phone"},
    "mergeNestedObjects": False,
}
ITEMS = {
    "@arrayPath": [
        "$.properties.products",
        {"id": {"@path": "product_id"}, "name": {"@path": "name"}},
    ]
}


def subscription(**more: Any) -> dict[str, Any]:
    return {
        "name": "Track Calls",
        "enabled": True,
        "partnerAction": "trackEvent",
        "subscribe": 'type = "track"',
        "mapping": TRACK_MAPPING,
        **more,
    }


def imported(*subscriptions: Any) -> Imported:
    return import_subscriptions({"data": {"subscriptions": list(subscriptions)}})


def test_the_defaults_become_the_presets() -> None:
    found = imported(
        subscription(),
        subscription(
            name="Identify Calls",
            partnerAction="updateUser",
            subscribe='type = "identify"',
            mapping=USER_MAPPING,
        ),
    )
    assert found.blocks == [
        {
            "name": "Track Calls",
            "subscribe": 'type = "track"',
            "action": "track_event",
            "preset": "segment",
        },
        {
            "name": "Identify Calls",
            "subscribe": 'type = "identify"',
            "action": "update_user",
            "preset": "segment",
        },
    ]
    assert found.differs == []
    assert found.off == []


@pytest.mark.parametrize(
    "wrapped",
    [
        [subscription()],
        subscription(),
        {"resources": [{"values": {**subscription(), "settings": json.dumps(TRACK_MAPPING)}}]},
        {
            "name": "Track Calls",
            "trigger": 'type = "track"',
            "actionSlug": "trackEvent",
            "settings": TRACK_MAPPING,
        },
        {
            "name": "Track Calls",
            "trigger": 'type = "track"',
            "action": "actions-iterable-track-event",
            "settings": json.dumps(TRACK_MAPPING),
        },
    ],
)
def test_the_wrapping_does_not_matter(wrapped: Any) -> None:
    found = import_subscriptions(wrapped)
    assert found.blocks == imported(subscription()).blocks
    assert found.differs == []


def test_an_action_nobody_names_is_guessed_and_said() -> None:
    nameless = {"trigger": 'type = "track"', "action_id": "x1"}
    found = import_subscriptions(
        [
            {**nameless, "settings": TRACK_MAPPING},
            {**nameless, "settings": USER_MAPPING},
            {**nameless, "settings": {"items": ITEMS, "user": {"userId": "u1"}}},
            {**nameless, "settings": {"items": ITEMS, "total": {"@path": "$.properties.total"}}},
        ]
    )
    assert [block["action"] for block in found.blocks] == [
        "track_event",
        "update_user",
        "update_cart",
        "track_purchase",
    ]
    assert [block["name"] for block in found.blocks] == [f"import {n}" for n in (1, 2, 3, 4)]
    guesses = [line for line in found.differs if "names no action" in line]
    assert len(guesses) == 4


def test_what_is_mapped_otherwise_is_kept_under_its_name() -> None:
    mapping = {
        **TRACK_MAPPING,
        "eventName": {"@template": "{{event}} (web)"},
        "dataFields": {"plan": {"@path": "$.context.traits.plan"}},
        "campaignId": "$.literal",
    }
    [block] = imported(subscription(mapping=mapping)).blocks
    assert block["preset"] == "segment"
    assert block["fields"] == {
        "eventName": {"@template": "{{event}} (web)"},
        "dataFields": {"plan": {"@path": "$.context.traits.plan"}},
        "campaignId": {"@literal": "$.literal"},
    }


def test_a_field_somebody_emptied_does_not_come_back_with_the_preset() -> None:
    mapping = {key: TRACK_MAPPING[key] for key in ("userId", "eventName", "dataFields")}
    [block] = imported(subscription(mapping=mapping)).blocks
    assert "preset" not in block
    assert block["fields"] == {"eventName": "$.event", "dataFields": "$.properties"}


def test_all_traits_are_a_star_and_names_stand_alone_or_in_the_users_object() -> None:
    mapping = {"dataFields": {"@path": "$.traits"}, "user": 5}
    [block] = imported(subscription(partnerAction="updateUser", mapping=mapping)).blocks
    assert block["fields"] == {"*": "$.traits"}
    cart = {"items": ITEMS, "user": {"userId": {"@path": "$.userId"}, "dataFields": {"a": 1}}}
    [block] = imported(subscription(partnerAction="updateCart", mapping=cart)).blocks
    assert block["fields"] == {"items": ITEMS, "user.dataFields": {"a": 1}}


def test_an_order_leaves_its_products_out_of_its_data_with_or_without_the_preset() -> None:
    mapping = {"items": ITEMS, "total": 1, "dataFields": {"@path": "$.properties"}}
    [block] = imported(subscription(partnerAction="trackPurchase", mapping=mapping)).blocks
    assert block["omit"] == ["products"]


def test_what_differs_is_said() -> None:
    found = imported(
        subscription(
            subscribe='type = "track" or event = "A" and event = "B"',
            mapping={**TRACK_MAPPING, "email": {"@path": "$.properties.friend"}, "colour": "red"},
        ),
        subscription(name="Lists", partnerAction="syncAudience"),
        subscription(name="Track Calls", enabled=False),
        subscription(name="Single quotes", subscribe="type = 'track'"),
    )
    text = "\n".join(found.differs)
    assert "Track Calls: field email is left out: who it is says the profile" in text
    assert "Track Calls: field colour is left out: track_event has none of that name" in text
    assert "Track Calls: trigger at character" in text
    assert "Lists: action 'syncAudience' is left out; name the audience" in text
    assert "Single quotes: what the trigger probably means is" in text
    assert [block["name"] for block in found.blocks] == ["Track Calls", "Single quotes"]
    assert [block["name"] for block in found.off] == ["Track Calls 2"]
    read_blocks([*found.blocks, *found.off])


def test_an_export_without_subscriptions_says_what_was_looked_for() -> None:
    documents: list[Any] = [{}, [], 5, {"trigger": 'type = "track"'}, {"settings": {}}]
    for document in documents:
        with pytest.raises(ConfigurationError, match="holds no subscription"):
            import_subscriptions(document)


def test_the_block_sends_what_the_mapping_sent() -> None:
    event = {
        "type": "track",
        "event": "Signed Up",
        "userId": "u1",
        "messageId": "m1",
        "timestamp": "2026-01-01T00:00:00Z",
        "properties": {"campaignId": 5, "plan": "pro"},
    }
    mapping = {name: TRACK_MAPPING[name] for name in TRACK_MAPPING if "batch" not in name}
    mapping["eventName"] = {"@template": "{{event}}!"}
    [block] = read_blocks(imported(subscription(mapping=mapping)).blocks)
    outcome = block.ready(Catalog()).perform(event, ProjectType.HYBRID)
    assert outcome is not None
    question = {
        "action": "track_event",
        "event": event,
        "mapping": mapping,
        "settings": {"project": "hybrid"},
    }
    assert [request.json for request in outcome.requests] == [
        request["json"] for request in answer(question)["requests"]
    ]


TEXT = st.sampled_from(["$.x", "$.y.z", "x", "{{x}}", "{{ y.z }}!", "a"])
PATHS = st.builds(lambda path: {"@path": path}, TEXT)
VALUES = st.recursive(
    TEXT | PATHS | st.builds(lambda text: {"@template": text}, TEXT) | st.integers() | st.none(),
    lambda inner: (
        st.dictionaries(st.sampled_from(["a", "value", "mode", "pattern"]), inner, max_size=2)
        | st.lists(inner, max_size=2)
        | st.builds(
            lambda it, then: {"@if": {"exists": it, "then": then, "else": it}}, PATHS, inner
        )
        | st.builds(lambda it: {"@literal": it}, inner)
        | st.builds(lambda shape: {"@arrayPath": ["$.list", {"a": shape}]}, inner)
        | st.builds(lambda it: {"@case": {"operator": "upper", "value": it}}, TEXT | PATHS)
        | st.builds(lambda it: {"@json": {"mode": "encode", "value": it}}, inner)
        | st.builds(lambda it: {"@merge": {"direction": "left", "objects": [{"c": it}]}}, inner)
        | st.builds(lambda it: {"@excludeWhenNull": {"d": it}}, inner)
    ),
    max_leaves=6,
)


def evaluated(compile_it: Callable[[Any, str], Compiled], mapping: Any) -> Any:
    """What comes of it, or where it ends."""
    try:
        return compile_it(mapping, "it").evaluate(
            {"x": 1, "y": {"z": "two"}, "list": [{"x": 2, "y": {"z": 3}}, {}]}
        )
    except (MappingInvalid, MappingFailed) as wrong:
        return type(wrong)


@given(VALUES)
@settings(max_examples=200, deadline=None)
def test_a_value_means_here_what_it_meant_there(mapping: Any) -> None:
    there = evaluated(compile_mapping, mapping)
    assert evaluated(compile_field, shorter(mapping)) == there
