"""Whatever Segment sends, an action gives requests or says which fields are in the way."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from daemon.domain.identity import ProjectType
from daemon.errors import ConfigurationError
from daemon.mapping.actions import ACTIONS
from daemon.mapping.declarations.action import Action
from daemon.mapping.declarations.problems import ActionFailed
from daemon.mapping.registry.blocks import filled
from daemon.mapping.registry.fields import defaults_of
from daemon.mapping.registry.performing import Outcome, perform

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(
        ["", " ", "ann@example.com", "2026-01-01T00:00:00Z", "1", "true", "ios", "u1", "{{x}}"]
    )
)
NAMES = st.sampled_from(
    [
        "email",
        "phone",
        "userId",
        "products",
        "product_id",
        "name",
        "price",
        "quantity",
        "total",
        "order_id",
        "campaignId",
        "traits",
        "personas",
        "computation_key",
        "external_audience_id",
        "device",
        "app",
        "token",
        "type",
        "namespace",
        "vip",
        "emailListIds",
        "a.b",
    ]
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | st.text(max_size=3), inner),
    max_leaves=12,
)
OBJECT = st.dictionaries(NAMES | st.text(max_size=3), JSON, max_size=6)
EVENTS = st.fixed_dictionaries(
    {},
    optional={
        "type": JSON,
        "event": JSON,
        "name": JSON,
        "userId": JSON,
        "previousId": JSON,
        "groupId": JSON,
        "messageId": JSON,
        "timestamp": JSON,
        "traits": OBJECT | JSON,
        "properties": OBJECT | JSON,
        "context": OBJECT | JSON,
    },
)
PRESETS = [(action, preset) for action in ACTIONS.values() for preset in (*action.presets, None)]
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "nulls": st.sampled_from(["keep", "remove"]),
        "empty": st.sampled_from(["keep", "remove"]),
        "omit": st.lists(NAMES, max_size=2),
    },
)


@given(
    st.sampled_from(PRESETS),
    EVENTS,
    st.dictionaries(st.integers(0, 30), JSON, max_size=4),
    OPTIONS,
    st.sampled_from([None, *ProjectType]),
)
@settings(max_examples=300, deadline=None)
def test_only_its_own_error_is_raised_and_requests_are_json(
    chosen: tuple[Action, Any],
    event: dict[str, Any],
    literals: dict[int, Any],
    options: dict[str, Any],
    project: ProjectType | None,
) -> None:
    action, preset = chosen
    names = [field.name for field in action.fields if not field.is_wildcard]
    mapped = {
        names[number]: {"@literal": value}
        for number, value in literals.items()
        if number < len(names)
    }
    try:
        fields = filled(action, mapped)
    except ConfigurationError:
        reject()  # a literal in which a key begins with @
    if preset is not None:
        fields = fields.over(filled(action, preset.fields))
    fields = fields.over(filled(action, defaults_of(action)))
    before = json.dumps(event)
    try:
        outcome = perform(action, fields, event, options, project)
    except ActionFailed:
        outcome = Outcome([], [])
    assert json.dumps(event) == before, "the message is nobody's to change"
    check(action, outcome)


def check(action: Action, outcome: Outcome) -> None:
    routes = {(route.method, route.path.split("{")[0]) for route in action.routes}
    routes |= {(route.method, route.bulk) for route in action.routes}
    for request in outcome.requests:
        assert any(
            request.method == method and request.path.startswith(path) for method, path in routes
        )
        assert msgspec.json.decode(msgspec.json.encode(request.json)) == request.json


@pytest.mark.parametrize("action", ACTIONS.values(), ids=ACTIONS)
@pytest.mark.parametrize("project", [None, *ProjectType])
def test_nobody_is_never_addressed(action: Action, project: ProjectType | None) -> None:
    fields = filled(action, defaults_of(action))
    with pytest.raises(ActionFailed):
        perform(action, fields, {"type": "track", "anonymousId": "a1"}, {}, project)
