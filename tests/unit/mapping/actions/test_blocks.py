"""Blocks are read by what actions declare; every mistake is one line, with its place."""

from pathlib import Path
from typing import Any

import pytest

from daemon.domain.identity import ProjectType
from daemon.errors import ConfigurationError
from daemon.mapping.catalog import Catalog, Need
from daemon.mapping.registry.blocks import read_blocks
from daemon.settings import read_document

CATALOG = Catalog(
    lists={"VIP": 4711}, channels={"Marketing Email": 11}, message_types={"Newsletter": 21}
)
RECIPES = read_document(
    (Path(__file__).parent / "recipes.yaml").read_text(encoding="utf-8"), "recipes.yaml"
).value["mappings"]
JOURNEY: dict[str, Any] = {
    "name": "welcome",
    "action": "trigger_journey",
    "on": "first_identify",
    "journey": 5,
}
EVENT: dict[str, Any] = {
    "name": "events",
    "action": "track_event",
    "subscribe": 'type = "track"',
    "preset": "segment",
}
LIST: dict[str, Any] = {
    "name": "vip",
    "action": "subscribe_list",
    "audience": "vip",
    "list": "VIP",
}
OPT_OUT: dict[str, Any] = {
    "name": "opt-outs",
    "action": "update_subscriptions",
    "subscribe": 'event = "Unsubscribed"',
    "unsubscribe": {"channels": ["Marketing Email"], "message_types": "Newsletter"},
    "opt_in": 'event = "Subscribed"',
}
USER: dict[str, Any] = {
    "name": "profiles",
    "action": "update_user",
    "subscribe": 'type = "identify"',
    "fields": {"*": "$.traits"},
}


def problems(*blocks: object) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        read_blocks(blocks)
    return caught.value.problems


def test_the_six_recipes_are_read_and_say_what_iterable_must_have() -> None:
    blocks = read_blocks(RECIPES)
    assert [block.action.name for block in blocks] == [
        "track_event",
        "update_user",
        "subscribe_list",
        "update_subscriptions",
        "trigger_journey",
        "trigger_journey",
    ]
    assert [need for block in blocks for need in block.needs()] == [
        Need("emailList", "Segment: churn risk", "mappings[2].list", create=True),
        Need("messageChannel", "Marketing Email", "mappings[3].unsubscribe.channels"),
        Need("messageChannel", "Marketing SMS", "mappings[3].unsubscribe.channels"),
        Need("messageChannel", "Marketing Push", "mappings[3].unsubscribe.channels"),
    ]
    assert blocks[0].options["expires_after"] == 7_200_000


@pytest.mark.parametrize(
    ("block", "problem"),
    [
        ("text", "mappings[0]: must be a block with name, action and more"),
        ({"name": "x"}, "mappings[0].action: is required; use one of subscribe_list, "),
        ({"name": "x", "action": "trak"}, "mappings[0].action: 'trak' is not available; use one"),
        ({"name": "x", "action": []}, "mappings[0].action: [] is not available"),
        (EVENT | {"name": "a/b"}, "mappings[0].name: must be text without a slash"),
        ({**EVENT, "nme": 1}, "mappings[0].nme: 'nme' is not available; use one of name, action"),
        (EVENT | {"preset": "segmnt"}, "mappings[0].preset: 'segmnt' is not available; use one"),
        (LIST | {"preset": 5}, "mappings[0].preset: 5 is not available; use one of segment"),
        (JOURNEY | {"preset": "x"}, "mappings[0].preset: trigger_journey has no presets"),
        (EVENT | {"subscribe": "type ="}, "mappings[0].subscribe: at character 7"),
        (EVENT | {"subscribe": 5}, 'mappings[0].subscribe: must be text, such as: type = "track"'),
        (EVENT | {"expires_after": "soon"}, "mappings[0].expires_after: must be a length of time"),
        (EVENT | {"expires_after": "0h"}, "mappings[0].expires_after: must be a length of time"),
        (EVENT | {"fields": []}, "mappings[0].fields: must be a block of `field: $.path` lines"),
        (
            EVENT | {"fields": {"plan": "$.traits.plan"}},
            "mappings[0].fields.plan: 'plan' is not available; use one of email, userId, eventName",
        ),
        (
            EVENT | {"fields": {"dataFields..x": 1}},
            "mappings[0].fields.dataFields..x: 'dataFields..x' is not available",
        ),
        (EVENT | {"fields": {"email": "$.x"}}, "mappings[0].fields.email: says who it is, which"),
        (USER | {"fields": {"userId": 1}}, "mappings[0].fields.userId: says who it is, which"),
        (USER | {"fields": {"emailListIds": 1}}, "mappings[0].fields.emailListIds: is Iterable's"),
        (USER | {"fields": {"a.b": 1}}, "mappings[0].fields.a.b: has a dot: write the object it"),
        (USER | {"nulls": "drop"}, "mappings[0].nulls: 'drop' is not available; use one of remove"),
        (USER | {"omit": "ssn"}, "mappings[0].omit: must be a list of names"),
        (LIST | {"list": 0}, "mappings[0].list: must be a name or an id"),
        (LIST | {"list": True}, "mappings[0].list: must be a name or an id"),
        (LIST | {"create": "yes"}, "mappings[0].create: must be true or false"),
        (
            LIST | {"audience": "a.b"},
            'mappings[0].audience: must be the key of an audience, or "*"',
        ),
        (
            LIST | {"subscribe": 'type = "track"'},
            "mappings[0]: must have one of audience and subscribe, and only one",
        ),
        (LIST | {"refresh": {"from": "profiles_sync"}}, "mappings[0].refresh.every: is required"),
        (OPT_OUT | {"unsubscribe": {}}, "mappings[0].unsubscribe: must be a block with `channels`"),
        (
            OPT_OUT | {"unsubscribe": {"channels": []}},
            "mappings[0].unsubscribe.channels: must name at least one",
        ),
        (
            OPT_OUT | {"unsubscribe": {"chanels": [1]}},
            "mappings[0].unsubscribe.chanels: 'chanels' is not available; use one of channels",
        ),
        (JOURNEY | {"journey": "Welcome"}, "mappings[0].journey: must be an id, a whole number"),
        (JOURNEY | {"on": "always"}, "mappings[0].on: must be `first_identify`, or a block with"),
        (JOURNEY | {"on": {"inactive": "A"}}, "mappings[0].on.for: is required"),
        (
            JOURNEY | {"on": {"falling": "A", "by": "half", "window": "7d"}},
            "mappings[0].on.by: must be a share such as 50%",
        ),
        (JOURNEY | {"at_most": "lots"}, "mappings[0].at_most: must be a rate such as 2000/h"),
        (
            {key: value for key, value in EVENT.items() if key != "preset"},
            "mappings[0].fields.eventName: is required, or a preset: segment, Associated Entity",
        ),
        (
            {"name": "m", "action": "update_email", "subscribe": 'type = "track"'},
            "mappings[0].fields.newEmail: is required",
        ),
    ],
)
def test_a_mistake_is_told_where_it_is(block: object, problem: str) -> None:
    found = problems(block)
    assert found[0].startswith(problem)
    assert len(found) == 1


@pytest.mark.parametrize("block", [USER, EVENT, LIST, OPT_OUT, JOURNEY])
def test_what_is_required_is_told_if_it_is_missing(block: dict[str, Any]) -> None:
    read_blocks([block])
    found = problems({"name": "x", "action": block["action"]})
    assert found
    assert all("required" in problem or "only one" in problem for problem in found)


def test_all_mistakes_are_told_at_once_and_names_are_given_once() -> None:
    found = problems(EVENT | {"expires_after": 5}, EVENT, {**USER, "subscribe": "x"})
    assert [problem.partition(":")[0] for problem in found] == [
        "mappings[0].expires_after",
        "mappings[1].name",
        "mappings[2].subscribe",
    ]
    assert "'events' is already the name of mappings[0]" in found[1]


def test_names_become_ids_or_are_told_to_be_unknown() -> None:
    [vip, opt_outs] = read_blocks([LIST, OPT_OUT])
    assert vip.ready(CATALOG).options["list"] == 4711
    assert opt_outs.ready(CATALOG).options["unsubscribe"] == {
        "channels": [11],
        "message_types": [21],
    }
    with pytest.raises(ConfigurationError) as unknown:
        opt_outs.ready(Catalog(channels={"Marketing Email": 11}))
    assert unknown.value.problems == [
        "mappings[1].unsubscribe.message_types: Iterable has no messageType called 'Newsletter'"
    ]


def performed(block: dict[str, Any], message: dict[str, Any]) -> list[Any] | None:
    [read] = read_blocks([block])
    outcome = read.ready(CATALOG).perform(message, ProjectType.HYBRID)
    if outcome is None:
        return None
    return [(request.path, request.json) for request in outcome.requests]


def test_the_first_condition_that_matches_says_what_is_done() -> None:
    both = OPT_OUT | {"opt_in": 'event = "Subscribed" or event = "Unsubscribed"'}
    message = {"type": "track", "userId": "u1", "event": "Unsubscribed"}
    body = {"usersByUserId": ["u1"]}
    assert performed(both, message) == [
        ("/api/subscriptions/messageChannel/11?action=unsubscribe", body),
        ("/api/subscriptions/messageType/21?action=unsubscribe", body),
    ]
    assert performed(both, message | {"event": "Subscribed"}) == [
        ("/api/subscriptions/messageChannel/11?action=subscribe", body),
        ("/api/subscriptions/messageType/21?action=subscribe", body),
    ]
    assert performed(both, message | {"event": "Something"}) is None


def engage(key: str, *, member: Any, kind: str = "audience") -> dict[str, Any]:
    return {
        "type": "identify",
        "userId": "u1",
        "traits": {key: member},
        "context": {"personas": {"computation_class": kind, "computation_key": key}},
    }


def test_an_audience_chooses_its_own_messages_and_their_value() -> None:
    row = {"listId": 4711, "subscribers": [{"userId": "u1"}]}
    gone = ("/api/lists/unsubscribe", {**row, "channelUnsubscribe": False})
    assert performed(LIST, engage("vip", member=True)) == [("/api/lists/subscribe", row)]
    assert performed(LIST, engage("vip", member="false")) == [gone]
    assert performed(LIST, engage("other", member=True)) is None
    assert performed(LIST, engage("vip", member=True, kind="trait")) is None
    every = LIST | {"audience": "*"}
    assert performed(every, engage("other", member=False)) == [gone]
    assert performed(every, {"type": "identify", "userId": "u1", "traits": {"vip": True}}) is None


def test_a_list_can_be_joined_for_another_reason() -> None:
    joined = {**LIST, "subscribe": 'event = "Joined"'}
    del joined["audience"]
    message = {"type": "track", "userId": "u1", "event": "Joined"}
    row = {"listId": 4711, "subscribers": [{"userId": "u1"}]}
    assert performed(joined, message) == [("/api/lists/subscribe", row)]


def test_fields_go_over_the_preset_and_the_preset_over_defaults() -> None:
    own = {"eventName": "Mine", "dataFields.plan": "$.traits.plan", "campaignId": None}
    message = {
        "type": "track",
        "userId": "u1",
        "event": "Theirs",
        "messageId": "m1",
        "traits": {"plan": "pro"},
        "properties": {"campaignId": 5, "a": 1, "b": 2},
    }
    [(_, row)] = performed(EVENT | {"fields": own, "omit": ["b"]}, message) or []
    assert row == {
        "userId": "u1",
        "eventName": "Mine",
        "id": "m1",
        "dataFields": {"campaignId": 5, "a": 1, "plan": "pro"},
    }


def test_a_silence_is_told_by_no_message() -> None:
    quiet = JOURNEY | {"on": {"inactive": "Logged In", "for": "14d"}}
    assert performed(quiet, {"type": "track", "userId": "u1", "event": "Logged In"}) is None
    assert performed(JOURNEY, {"type": "identify", "userId": "u1"}) == [
        ("/api/workflows/triggerWorkflow", {"workflowId": 5, "userId": "u1"})
    ]
