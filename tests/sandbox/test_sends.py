"""Messages to single users and journeys, each counted in the ledger (iterable.md §10, §11)."""

from typing import Any

import pytest

from daemon.sandbox.settings import LagSettings
from tests.sandbox.world import World

ANN, BOB = "ann@example.com", "bob@example.com"
WELCOME, RECEIPT, DIGEST = 4001, 4002, 4003
HOUR = 3_600_000


def send(world: World, campaign: int = WELCOME, medium: str = "email", **more: Any) -> Any:
    body = {"recipientEmail": ANN, "campaignId": campaign, **more}
    return world.post(f"/api/{medium}/target", body)


def results(world: World, kind: str = "send") -> list[str]:
    return [r["result"] for r in world.ledger(f"?kind={kind}")]


def exported(world: World, kind: str) -> list[str]:
    query = f"dataTypeName={kind}&range=All"
    return world.ask("GET", f"/api/export/data.json?{query}").text.splitlines()


@pytest.mark.parametrize("medium", ["email", "push", "sms", "inApp"])
def test_a_message_is_sent_at_once_and_every_call_is_one_more(medium: str) -> None:
    world = World()
    for _ in range(2):
        answer = send(world, medium=medium)
        assert answer["msg"] == f"Campaign 4001 - Sent triggered message to: {ANN}"
    sent = world.get(f"/api/users/getSentMessages?email={ANN}")["messages"]
    assert len({m["messageId"] for m in sent}) == 2
    assert len(world.ledger("?kind=send")) == 2


def test_a_message_can_be_scheduled_and_cancelled_until_it_is_sent() -> None:
    world = World()
    body = {"recipientEmail": ANN, "campaignId": 4001, "sendAt": "2023-11-15 00:00:00"}
    answer = world.post("/api/email/target", body)
    assert answer["msg"].startswith("Campaign 4001 - Scheduled triggered message for: 2023-11-15T")
    number = answer["params"]["scheduledMessageId"]
    assert world.get(f"/api/users/getSentMessages?email={ANN}") == {"messages": []}
    cancelled = world.post("/api/email/cancel", {"scheduledMessageId": number})
    assert f"scheduledMessageId: {number} from project: 10216" in cancelled["msg"]
    world.post("/api/email/cancel", {"scheduledMessageId": number}, 400)
    world.post("/api/email/target", body)
    world.now += 86_400_000
    assert len(world.get(f"/api/users/getSentMessages?email={ANN}")["messages"]) == 1
    late = world.post("/api/email/cancel", {"email": ANN, "campaignId": 4001}, 400)
    assert "No scheduled messages found" in late["msg"]


@pytest.mark.parametrize(
    ("path", "words"), [("email", "Invalid campaignId"), ("inApp", "Invalid Campaign Id")]
)
def test_an_unknown_campaign_is_refused_in_two_wordings(path: str, words: str) -> None:
    body = {"recipientEmail": ANN, "campaignId": 42}
    answer = World().post(f"/api/{path}/target", body, 400)
    assert (answer["msg"], answer["params"]) == (words, {"campaignId": "42"})


@pytest.mark.parametrize(
    ("choices", "campaign", "result"),
    [
        ({}, WELCOME, "applied"),
        ({"unsubscribedMessageTypeIds": [3001]}, WELCOME, "optedOut"),
        ({"unsubscribedChannelIds": [2001]}, WELCOME, "optedOut"),
        ({"unsubscribedChannelIds": [2001]}, RECEIPT, "applied"),
        ({"unsubscribedMessageTypeIds": [3001]}, RECEIPT, "applied"),
        ({}, DIGEST, "optedOut"),
        ({"subscribedMessageTypeIds": [3002]}, DIGEST, "applied"),
        (
            {
                "subscribedMessageTypeIds": [3002],
                "unsubscribedChannelIds": [2001],
                "validateChannelAlignment": False,
            },
            DIGEST,
            "optedOut",
        ),
    ],
)
def test_who_has_opted_out_is_answered_alike_and_not_sent(
    choices: dict[str, Any], campaign: int, result: str
) -> None:
    world = World()
    world.post("/api/users/updateSubscriptions", {"email": ANN, **choices})
    assert "Sent triggered message to" in send(world, campaign)["msg"]
    assert results(world) == [result]
    sent = world.get(f"/api/users/getSentMessages?email={ANN}")["messages"]
    assert len(sent) == len(exported(world, "emailSend")) == (result == "applied")
    assert len(exported(world, "emailSendSkip")) == (result != "applied")


def test_without_the_opt_in_feature_an_opt_in_type_is_sent_like_any_other() -> None:
    world = World(opt_in_feature=False)
    send(world, DIGEST)
    assert results(world) == ["applied"]


def test_a_send_goes_by_what_reads_show_and_tells_whether_the_user_had_settled() -> None:
    world = World(lag_single=LagSettings("fixed", fixed_ms=1000))
    send(world)
    world.post("/api/users/updateSubscriptions", {"email": ANN, "unsubscribedChannelIds": [2001]})
    send(world)
    world.now += 1000
    send(world)
    rows = world.ledger("?kind=send")
    assert [(r["result"], r["settled"]) for r in rows] == [
        ("applied", None),
        ("applied", False),
        ("optedOut", True),
    ]
    assert len({r["messageId"] for r in rows}) == 3


def test_a_repeat_within_18_hours_is_skipped_only_where_repeats_are_not_allowed() -> None:
    world = World()
    send(world)
    send(world)
    send(world, allowRepeatMarketingSends=False)
    send(world, RECEIPT, allowRepeatMarketingSends=False)
    world.now += 18 * HOUR
    send(world, allowRepeatMarketingSends=False)
    assert results(world) == ["applied", "applied", "repeated", "applied", "applied"]
    (skipped,) = exported(world, "emailSendSkip")
    assert '"reason":"DuplicateMarketingMessage"' in skipped


def test_a_scheduled_send_and_its_cancellation_name_each_other_in_the_ledger() -> None:
    world = World()
    number = send(world, sendAt="2023-11-15 00:00:00 +0000")["params"]["scheduledMessageId"]
    world.post("/api/email/cancel", {"email": ANN, "campaignId": WELCOME})
    (sent,), (cancelled,) = world.ledger("?kind=send"), world.ledger("?kind=cancel")
    assert (sent["result"], sent["scheduledMessageId"]) == ("scheduled", number)
    assert cancelled["scheduledMessageIds"] == [number]
    counts = world.get("/_sandbox/counts")["endpoints"]["POST /api/email/target"]
    assert (counts["applied"], counts["failed"]) == (1, 0)


def test_a_message_is_scheduled_for_at_most_365_days_ahead() -> None:
    world = World()
    body = {"recipientEmail": ANN, "campaignId": WELCOME}
    world.post("/api/email/target", body | {"sendAt": "2024-11-13 22:13:20"})
    world.post("/api/email/target", body | {"sendAt": "2024-11-13 22:13:21"}, 400)
    world.post("/api/email/target", body | {"sendAt": "2001-01-01 00:00:00"})
    assert results(world) == ["scheduled", "applied"]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", 3),
        ("&campaignIds=4002", 1),
        ("&campaignIds=4001,4002", 3),
        ("&messageMedium=SMS", 1),
        ("&startDateTime=2023-11-14 22:13:21", 1),
        ("&endDateTime=2023-11-14 22:13:21", 2),
    ],
)
def test_sent_messages_are_chosen_by_campaign_medium_and_time(query: str, count: int) -> None:
    world = World()
    send(world)
    send(world, RECEIPT)
    world.now += 1000
    send(world, medium="sms")
    found = world.get(f"/api/users/getSentMessages?email={ANN}{query}")["messages"]
    assert len(found) == count
    wrong = f"/api/users/getSentMessages?email={ANN}&startDateTime=now"
    assert world.ask("GET", wrong).status_code == 400


def test_a_journey_is_triggered_for_a_user_or_a_list_and_only_noted() -> None:
    world = World()
    path = "/api/workflows/triggerWorkflow"
    world.post(path, {"workflowId": 5001, "email": ANN, "dataFields": {"a": 1}})
    world.post(path, {"workflowId": 5001, "listId": 1001})
    assert [r["payload"].get("listId") for r in world.ledger("?kind=journey")] == [None, 1001]
    neither = world.post(path, {"workflowId": 5001}, 400)
    assert neither["code"] == "GenericError"
    world.post(path, {"workflowId": 1, "email": ANN}, 400)


def test_a_list_enters_a_journey_member_by_member() -> None:
    world = World()
    members = [{"email": ANN}, {"email": BOB}]
    world.post("/api/lists/subscribe", {"listId": 1001, "subscribers": members})
    trigger = {"workflowId": 5002, "listId": 1001}
    world.post("/api/workflows/triggerWorkflow", trigger)
    rows = world.ledger("?kind=journey")
    assert [(r["email"], r["result"]) for r in rows] == [(ANN, "applied"), (BOB, "applied")]
    assert all(trigger.items() <= r["payload"].items() for r in rows)
    assert world.ledger(f"?kind=journey&email={BOB}") == rows[1:]


@pytest.mark.parametrize(("answer", "status", "kept"), [("accept", 200, 1), ("refuse", 400, 0)])
def test_a_journey_for_nobody_is_never_an_enrolment(answer: str, status: int, kept: int) -> None:
    world = World(journey_of_unknown=answer)
    world.post("/api/workflows/triggerWorkflow", {"workflowId": 5001, "email": ANN}, status)
    assert results(world, "journey") == ["notFoundEmail"] * kept


def test_an_enrolment_tells_whether_the_user_had_settled() -> None:
    world = World(lag_single=LagSettings("fixed", fixed_ms=1000))
    world.post("/api/users/update", {"email": ANN})
    for _ in range(2):
        world.post("/api/workflows/triggerWorkflow", {"workflowId": 5001, "email": ANN})
        world.now += 1000
    assert [r["settled"] for r in world.ledger("?kind=journey")] == [False, True]
