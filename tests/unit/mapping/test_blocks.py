"""Reading mapping blocks: every mistake is one line, with its place and what is allowed."""

from typing import Any

import pytest
import yaml

from daemon.domain.commands import SubscriptionTarget
from daemon.domain.identity import ProjectType
from daemon.errors import ConfigurationError
from daemon.mapping.actions.track_event import ACTION as TRACK_EVENT
from daemon.mapping.blocks import DEFAULT, DELIVERED, read
from daemon.mapping.catalog import Catalog, Need
from daemon.mapping.durations import milliseconds
from daemon.mapping.events import ROOTS
from daemon.mapping.project import ITERABLES_OWN
from tests.unit.mapping.making import CATALOG, mappings, message

GOOD: dict[str, dict[str, Any]] = {
    "update_user": {
        "name": "profiles",
        "action": "update_user",
        "subscribe": 'type = "identify"',
        "fields": {"*": "$.traits"},
    },
    "track_event": {
        "name": "events",
        "action": "track_event",
        "subscribe": 'type = "track"',
        "preset": "segment",
    },
    "subscribe_list": {
        "name": "churn",
        "action": "subscribe_list",
        "audience": "churn_risk",
        "list": "Churn risk",
    },
    "update_subscriptions": {
        "name": "opt-outs",
        "action": "update_subscriptions",
        "subscribe": 'event = "Unsubscribed"',
        "unsubscribe": {"channels": ["Marketing Email"]},
    },
}
REMOVED = object()


def problems(*blocks: object) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        read(blocks)
    return caught.value.problems


def changed(action: str, **keys: Any) -> dict[str, Any]:
    block = {**GOOD[action], **keys}
    return {key: value for key, value in block.items() if value is not REMOVED}


@pytest.mark.parametrize("block", GOOD.values(), ids=GOOD)
def test_a_right_block_of_each_action_is_read(block: dict[str, Any]) -> None:
    read([block])


def test_all_actions_can_stand_together_and_keep_their_order() -> None:
    published = read(list(GOOD.values())).publish(3, ProjectType.EMAIL, CATALOG)
    assert published.names() == ["profiles", "events", "churn", "opt-outs"]
    assert (published.version, published.project) == (3, ProjectType.EMAIL)


ON_FIRST_IDENTIFY: dict[object, Any] = {True: "first_identify"}  # YAML reads `on:` as true
ON_FIRST_IDENTIFY.update(GOOD["track_event"])
ACTIONS = ", ".join(DELIVERED)
PRESETS = ", ".join(preset.name for preset in TRACK_EVENT.presets)
FIELDS = ", ".join(field.name for field in TRACK_EVENT.fields)
KEPT = ", ".join(ROOTS)
MISTAKES: list[tuple[object, str]] = [
    ("update_user", "mappings[0]: must be a block with name, action and more"),
    (None, "mappings[0]: must be a block with name, action and more"),
    ([], "mappings[0]: must be a block with name, action and more"),
    ({}, f"mappings[0].action: is required; use one of {ACTIONS}"),
    (
        {"name": "x", "action": "update_users"},
        (
            f"mappings[0].action: 'update_users' is not available; use one of {ACTIONS}"
            "; did you mean update_user?"
        ),
    ),
    (
        {"name": "x", "action": "trigger_journey"},
        f"mappings[0].action: 'trigger_journey' is not available; use one of {ACTIONS}",
    ),
    (
        {"name": "x", "action": ["update_user"]},
        (
            f"mappings[0].action: ['update_user'] is not available; use one of {ACTIONS}"
            "; did you mean update_user?"
        ),
    ),
    (changed("update_user", name=REMOVED), "mappings[0].name: is required for update_user"),
    (changed("update_user", name=""), "mappings[0].name: must be text without a slash"),
    (changed("update_user", name="  "), "mappings[0].name: must be text without a slash"),
    (changed("update_user", name="a/b"), "mappings[0].name: must be text without a slash"),
    (changed("update_user", name=7), "mappings[0].name: must be text without a slash"),
    (
        changed("update_user", field={}),
        (
            "mappings[0].field: 'field' is not available;"
            " use one of action, fields, name, subscribe; did you mean fields?"
        ),
    ),
    (
        changed("update_user", preset="segment"),
        "mappings[0].preset: 'preset' is not available; use one of action, fields, name, subscribe",
    ),
    (
        ON_FIRST_IDENTIFY,
        (
            "mappings[0].True: True is not available;"
            " use one of name, action, preset, fields, dialect, subscribe, expires_after, omit"
        ),
    ),
    # update_user
    (
        changed("update_user", subscribe=REMOVED),
        "mappings[0].subscribe: is required for update_user",
    ),
    (changed("update_user", fields=REMOVED), "mappings[0].fields: is required for update_user"),
    (
        changed("update_user", subscribe=True),
        'mappings[0].subscribe: must be text, such as: type = "track"',
    ),
    (
        changed("update_user", subscribe="type = identify"),
        (
            "mappings[0].subscribe: at character 8: expected text in quotes, a number, true, false"
            ' or null, found `identify`; text stands in quotes, as in "identify"'
        ),
    ),
    (
        changed("update_user", subscribe='type = "track"'),
        'mappings[0].subscribe: update_user takes `type = "identify"` only',
    ),
    (
        changed("update_user", subscribe='type in ["identify", "group"]'),
        'mappings[0].subscribe: update_user takes `type = "identify"` only',
    ),
    (
        changed("update_user", subscribe="traits.vip = true"),
        'mappings[0].subscribe: update_user takes `type = "identify"` only',
    ),
    (
        changed("update_user", subscribe='type = "identify" and traits.vip = true'),
        'mappings[0].subscribe: update_user takes `type = "identify"` only',
    ),
    (
        changed("update_user", fields=None),
        "mappings[0].fields: must be a block of `field: $.path` lines",
    ),
    (
        changed("update_user", fields=["plan"]),
        "mappings[0].fields: must be a block of `field: $.path` lines",
    ),
    (
        changed("update_user", fields={"plan": "pro"}),
        "mappings[0].fields.plan: must be a path such as $.traits.plan",
    ),
    (
        changed("update_user", fields={"at": {"@date": "$.traits.at"}}),
        "mappings[0].fields.at: must be a path such as $.traits.plan",
    ),
    (
        changed("update_user", fields={"plan": "$.properties.plan"}),
        "mappings[0].fields.plan: must be a path into $.traits",
    ),
    (
        changed("update_user", fields={"plan": "$.traits"}),
        "mappings[0].fields.plan: must be a path into $.traits",
    ),
    (
        changed("update_user", fields={"plan": "$.traits..x"}),
        "mappings[0].fields.plan: must be a path into $.traits",
    ),
    (
        changed("update_user", fields={"*": "$.context"}),
        "mappings[0].fields.*: can only be $.traits",
    ),
    (
        changed("update_user", fields={"address.city": "$.traits.city"}),
        "mappings[0].fields.address.city: is no field of yours to write",
    ),
    (
        changed("update_user", fields={"emailListIds": "$.traits.lists"}),
        "mappings[0].fields.emailListIds: is no field of yours to write",
    ),
    # track_event
    (
        changed("track_event", subscribe=REMOVED),
        "mappings[0].subscribe: is required for track_event",
    ),
    (
        changed("track_event", subscribe='event == "A"'),
        (
            "mappings[0].subscribe: at character 7: expected `=`, `!=`, `<`, `<=`, `>`, `>=`"
            " or `in`, found `==`; write `=`"
        ),
    ),
    (
        changed("track_event", preset="segments"),
        (
            f"mappings[0].preset: 'segments' is not available; use one of {PRESETS}"
            "; did you mean segment?"
        ),
    ),
    (
        changed("track_event", preset=REMOVED),
        f"mappings[0].fields.eventName: is required, or a preset: {PRESETS}",
    ),
    (
        changed("track_event", preset=REMOVED, fields={"dataFields.a": "$.properties.a"}),
        f"mappings[0].fields.eventName: is required, or a preset: {PRESETS}",
    ),
    (
        changed("track_event", fields={"plan": "$.traits.plan"}),
        f"mappings[0].fields.plan: 'plan' is not available; use one of {FIELDS}",
    ),
    (
        changed("track_event", fields={"datafields.a": "$.traits.plan"}),
        (
            f"mappings[0].fields.datafields.a: 'datafields.a' is not available; use one of {FIELDS}"
            "; did you mean dataFields.*?"
        ),
    ),
    (
        changed("track_event", fields={"eventName.a": "$.event"}),
        (
            f"mappings[0].fields.eventName.a: 'eventName.a' is not available; use one of {FIELDS}"
            "; did you mean eventName?"
        ),
    ),
    (
        changed("track_event", fields={"userId": "$.properties.buyer"}),
        "mappings[0].fields.userId: says who it is, which the profile does",
    ),
    (
        changed("track_event", fields={"dataFields.a": "$.profile.traits.plan"}),
        (
            "mappings[0].fields.dataFields.a: $.profile is no part of a message that is kept;"
            f" these are: {KEPT}"
        ),
    ),
    (
        changed("track_event", fields={"dataFields.a": "at {{ sentAt }}"}),
        (
            "mappings[0].fields.dataFields.a: $.sentAt is no part of a message that is kept;"
            f" these are: {KEPT}"
        ),
    ),
    (
        changed("track_event", fields={"dataFields.a": {"@path": "$.traits.a", "@json": 1}}),
        ("mappings[0].fields.dataFields.a: must hold one directive, not @json, @path"),
    ),
    (
        changed("track_event", expires_after="0s"),
        "mappings[0].expires_after: must be a length of time such as 90s, 30m, 2h or 14d",
    ),
    (
        changed("track_event", dialect="sql"),
        (
            "mappings[0].dialect: 'sql' is not available; use one of fql, segment-trigger"
            "; did you mean fql?"
        ),
    ),
    (
        changed("track_event", dialect="segment-trigger", subscribe="lowercase(event) = 1"),
        "mappings[0].subscribe: at character 11: Segment refuses it: no value follows `event`",
    ),
    (
        changed("track_event", expires_after="2 hours"),
        "mappings[0].expires_after: must be a length of time such as 90s, 30m, 2h or 14d",
    ),
    (
        changed("track_event", expires_after=120),
        "mappings[0].expires_after: must be a length of time such as 90s, 30m, 2h or 14d",
    ),
    # subscribe_list
    (
        changed("subscribe_list", audience=REMOVED),
        "mappings[0].audience: is required for subscribe_list",
    ),
    (changed("subscribe_list", list=REMOVED), "mappings[0].list: is required for subscribe_list"),
    (
        changed("subscribe_list", audience="*"),
        "mappings[0].audience: must be the key of one audience",
    ),
    (
        changed("subscribe_list", audience=""),
        "mappings[0].audience: must be the key of one audience",
    ),
    (
        changed("subscribe_list", audience=["a"]),
        "mappings[0].audience: must be the key of one audience",
    ),
    (changed("subscribe_list", list=""), "mappings[0].list: must be a name or an id"),
    (changed("subscribe_list", list=True), "mappings[0].list: must be a name or an id"),
    (changed("subscribe_list", list=["VIP"]), "mappings[0].list: must be a name or an id"),
    (changed("subscribe_list", list=47.11), "mappings[0].list: must be a name or an id"),
    (changed("subscribe_list", create="yes"), "mappings[0].create: must be true or false"),
    (
        changed("subscribe_list", tag="segmentAudiences"),
        "mappings[0].tag: 'tag' is not available; use one of action, audience, create, list, name",
    ),
    # update_subscriptions
    (
        changed("update_subscriptions", unsubscribe=REMOVED),
        "mappings[0].unsubscribe: is required for update_subscriptions",
    ),
    (
        changed("update_subscriptions", unsubscribe={}),
        "mappings[0].unsubscribe: must hold channels or message_types, as lists",
    ),
    (
        changed("update_subscriptions", unsubscribe=["Marketing Email"]),
        "mappings[0].unsubscribe: must hold channels or message_types, as lists",
    ),
    (
        changed("update_subscriptions", unsubscribe={"channel": [11]}),
        "mappings[0].unsubscribe: must hold channels or message_types, as lists",
    ),
    (
        changed("update_subscriptions", unsubscribe={"channels": []}),
        "mappings[0].unsubscribe: must name at least one channel or message type",
    ),
    (
        changed("update_subscriptions", unsubscribe={"channels": [11, ""]}),
        "mappings[0].unsubscribe.channels: must be a name or an id",
    ),
    (
        changed("update_subscriptions", opt_in='event = "Subscribed'),
        'mappings[0].opt_in: at character 9: the text that begins with " is not closed',
    ),
    (
        changed("update_subscriptions", opt_in=None),
        'mappings[0].opt_in: must be text, such as: type = "track"',
    ),
]


@pytest.mark.parametrize(("block", "problem"), MISTAKES)
def test_a_mistake_is_one_line_with_its_place(block: object, problem: str) -> None:
    assert problems(block) == [problem]


@pytest.mark.parametrize("field", sorted(ITERABLES_OWN))
def test_iterables_own_fields_can_not_be_mapped(field: str) -> None:
    assert problems(changed("update_user", fields={field: "$.traits.x"})) == [
        f"mappings[0].fields.{field}: is no field of yours to write"
    ]


def test_several_mistakes_are_all_told_at_once() -> None:
    found = problems(
        changed("update_user", fields={"a": "b", "c": "$.traits.d", "e": 1}, subscribe="type"),
        "nothing",
        changed("track_event", name=REMOVED, presets="segment"),
        changed("track_event", expires_after="soon", subscribe="and"),
    )
    assert [line.split(":")[0] for line in found] == [
        "mappings[0].subscribe",
        "mappings[0].fields.a",
        "mappings[0].fields.e",
        "mappings[1]",
        "mappings[2].name",
        "mappings[2].presets",
        "mappings[3].subscribe",
        "mappings[3].expires_after",
    ]
    assert not any("\n" in line for line in found)


def test_a_dialect_without_a_condition_is_a_mistake() -> None:
    assert problems(changed("track_event", dialect="segment-trigger", subscribe=REMOVED)) == [
        "mappings[0].dialect: is about `subscribe`, and there is none",
        "mappings[0].subscribe: is required for track_event",
    ]


def test_two_blocks_can_not_have_one_name() -> None:
    assert problems(GOOD["update_user"], changed("track_event", name="profiles")) == [
        "mappings[1].name: 'profiles' is already the name of mappings[0]"
    ]


WITH_NEEDS = """
- {name: vip, action: subscribe_list, audience: vip, list: VIP, create: true}
- {name: by id, action: subscribe_list, audience: other, list: 99}
- name: opt-outs
  action: update_subscriptions
  subscribe: event = "Unsubscribed"
  unsubscribe: {channels: [Marketing Email, 77], message_types: Newsletter}
"""


def test_needs_name_what_iterable_must_have() -> None:
    assert read(yaml.safe_load(WITH_NEEDS)).needs() == [
        Need("emailList", "VIP", "mappings[0].list", create=True),
        Need("emailList", 99, "mappings[1].list", create=False),
        Need("messageChannel", "Marketing Email", "mappings[2].unsubscribe"),
        Need("messageChannel", 77, "mappings[2].unsubscribe"),
        Need("messageType", "Newsletter", "mappings[2].unsubscribe"),
    ]


def test_publishing_puts_ids_for_names() -> None:
    published = mappings(WITH_NEEDS)
    assert [(one.audience, one.list_id) for one in published.lists] == [
        ("vip", 4711),
        ("other", 99),
    ]
    assert published.subscriptions[0].targets == (
        SubscriptionTarget("messageChannel", 11),
        SubscriptionTarget("messageChannel", 77),
        SubscriptionTarget("messageType", 21),
    )


def test_publishing_refuses_every_name_nobody_knows() -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(yaml.safe_load(WITH_NEEDS)).publish(1, ProjectType.HYBRID, Catalog())
    assert caught.value.problems == [
        "mappings[0].list: Iterable has no list called 'VIP'",
        "mappings[2].unsubscribe: Iterable has no channel called 'Marketing Email'",
        "mappings[2].unsubscribe: Iterable has no message type called 'Newsletter'",
    ]


def test_two_audiences_can_not_both_say_who_is_on_a_list() -> None:
    blocks = read(
        [
            changed("subscribe_list", name="a", list="VIP"),
            changed("subscribe_list", name="b", list=99),
            changed("subscribe_list", name="c", list=4711),
        ]
    )
    with pytest.raises(ConfigurationError) as caught:
        blocks.publish(1, ProjectType.HYBRID, CATALOG)
    assert caught.value.problems == ["mappings[2].list: 4711 is the list of mappings[0]"]


def test_a_name_of_one_kind_is_not_looked_up_among_another() -> None:
    catalog = Catalog(lists={"VIP": 1, "Marketing Email": 2, "Newsletter": 3})
    with pytest.raises(ConfigurationError) as caught:
        read(yaml.safe_load(WITH_NEEDS)).publish(1, ProjectType.HYBRID, catalog)
    assert len(caught.value.problems) == 2


def test_a_catalog_tells_names_of_ids_for_people() -> None:
    assert CATALOG.name("emailList", 4711) == "VIP"
    assert CATALOG.name("messageChannel", 12) == "Marketing SMS"
    assert CATALOG.name("messageType", 21) == "Newsletter"
    assert CATALOG.name("messageType", 11) is None


def test_opt_in_and_expiry_are_none_unless_said() -> None:
    published = mappings(
        WITH_NEEDS + "- {name: e, action: track_event, preset: segment, "
        "subscribe: 'type = \"track\"'}\n"
    )
    assert published.subscriptions[0].opts_in is None
    assert published.events[0].expires_after is None


def test_the_default_is_profiles_and_events() -> None:
    published = read(DEFAULT).publish(1, ProjectType.HYBRID, Catalog())
    (profiles,), (events,) = published.users, published.events
    assert (profiles.name, profiles.everything, profiles.fields) == ("profiles", True, {})
    assert (events.name, events.types) == ("events", frozenset({"track"}))
    assert events.matches(message("track"))
    assert not events.matches(message("page"))
    assert not published.lists
    assert not published.subscriptions


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("15s", 15_000),
        ("90 s", 90_000),
        ("30m", 1_800_000),
        ("2h", 7_200_000),
        ("14d", 1_209_600_000),
        (" 1d ", 86_400_000),
        ("0s", 0),
        ("", None),
        ("15", None),
        ("s", None),
        ("-1h", None),
        ("1.5h", None),
        ("1w", None),
        ("1h30m", None),
        ("2H", None),
        ("\u0661h", None),
    ],
)
def test_a_length_of_time_is_a_number_and_a_unit(text: str, length: int | None) -> None:
    assert milliseconds(text) == length
