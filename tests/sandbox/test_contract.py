"""The sandbox's answers against Iterable's own published contract."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest

from daemon.sandbox.routes import TABLE
from tests.sandbox.world import World

CONTRACT = Path(__file__).parents[3] / "shared" / "reference" / "iterable-swagger.json"
pytestmark = pytest.mark.skipif(not CONTRACT.exists(), reason=f"no contract at {CONTRACT}")
ANN, BOB = "ann@example.com", "bob@example.com"
WHO = {"email": ANN}
ITEM = {"id": "i", "name": "n", "price": 1.0, "quantity": 1}
DEVICE = {"token": "t", "platform": "GCM", "applicationName": "a"}
ONE_TYPE = "/api/subscriptions/messageType/3001"
CALLS: list[tuple[str, str, Any]] = [
    ("POST", "/api/users/update", {**WHO, "dataFields": {"a": 1}}),
    ("POST", "/api/users/bulkUpdate", {"users": [WHO, {"email": "bad@"}]}),
    ("POST", "/api/users/bulkUpdate", {"users": []}),
    ("POST", "/api/users/updateEmail", {"currentEmail": BOB, "newEmail": "c@example.com"}),
    ("POST", "/api/users/merge", {"sourceEmail": BOB, "destinationEmail": ANN}),
    ("POST", "/api/users/updateSubscriptions", {**WHO, "emailListIds": [1001]}),
    ("POST", "/api/users/bulkUpdateSubscriptions", {"updateSubscriptionsRequests": [WHO]}),
    ("POST", "/api/users/registerDeviceToken", {**WHO, "device": DEVICE}),
    ("POST", "/api/users/registerBrowserToken", {**WHO, "browserToken": "b"}),
    ("POST", "/api/users/disableDevice", {"token": "t"}),
    ("POST", "/api/users/forget", {"email": "gone@example.com"}),
    ("POST", "/api/users/unforget", {"email": "gone@example.com"}),
    ("GET", "/api/users/forgotten", None),
    ("GET", "/api/users/getFields", None),
    ("GET", f"/api/users/{ANN}", None),
    ("GET", "/api/users/nobody@example.com", None),
    ("GET", f"/api/users/getByEmail?email={ANN}", None),
    ("GET", "/api/users/byUserId/1", None),
    ("GET", "/api/users/byUserId?userId=1", None),
    ("GET", f"/api/users/getSentMessages?email={ANN}", None),
    ("DELETE", f"/api/users/{BOB}", None),
    ("DELETE", "/api/users/byUserId/1", None),
    ("POST", "/api/events/track", {**WHO, "eventName": "e"}),
    ("POST", "/api/events/trackBulk", {"events": [{**WHO, "eventName": "e"}]}),
    ("POST", "/api/events/trackPushOpen", {**WHO, "campaignId": 1, "messageId": "m"}),
    ("GET", f"/api/events/{ANN}", None),
    ("GET", "/api/events/byUserId/1", None),
    ("POST", "/api/commerce/trackPurchase", {"user": WHO, "items": [ITEM], "total": 1.0}),
    ("POST", "/api/commerce/updateCart", {"user": WHO, "items": [ITEM]}),
    ("GET", "/api/lists", None),
    ("POST", "/api/lists", {"name": "n"}),
    ("POST", "/api/lists/subscribe", {"listId": 1001, "subscribers": [WHO]}),
    ("POST", "/api/lists/unsubscribe", {"listId": 1001, "subscribers": [WHO]}),
    ("DELETE", "/api/lists/1002", None),
    ("GET", "/api/channels", None),
    ("GET", "/api/messageTypes", None),
    ("GET", "/api/webhooks", None),
    ("PUT", f"{ONE_TYPE}?action=subscribe", {"users": [ANN]}),
    ("PATCH", f"{ONE_TYPE}/user/{ANN}", None),
    ("DELETE", f"{ONE_TYPE}/user/{ANN}", None),
    ("PATCH", f"{ONE_TYPE}/byUserId/1", None),
    ("DELETE", f"{ONE_TYPE}/byUserId/1", None),
    ("POST", "/api/email/target", {"recipientEmail": ANN, "campaignId": 4001}),
    ("POST", "/api/email/cancel", {"scheduledMessageId": 1}),
    ("POST", "/api/workflows/triggerWorkflow", {**WHO, "workflowId": 5001}),
    ("POST", "/api/export/start", {"dataTypeName": "user", "outputFormat": "text/csv"}),
    ("GET", "/api/export/jobs", None),
]


@cache
def contract() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(CONTRACT.read_text())
    return loaded


def operation(whole: dict[str, Any], method: str, path: str) -> dict[str, Any]:
    """The contract's operation a call belongs to."""
    bare = path.partition("?")[0]
    for exact in (True, False):
        for pattern, operations in whole["paths"].items():
            shape = re.sub(r"\{[^}]+\}", "[^/]+", pattern)
            if ("{" not in pattern) == exact and re.fullmatch(shape, bare):
                found: dict[str, Any] | None = operations.get(method.lower())
                if found is not None:
                    return found
    raise LookupError(f"{method} {path} is not in the contract")


def schema(whole: dict[str, Any], method: str, answer: httpx.Response, path: str) -> Any:
    """What the contract says of this answer; errors are envelopes where it says nothing."""
    answers = operation(whole, method, path)["responses"]
    said = answers.get(str(answer.status_code), {}).get("schema")
    if said is None and answer.status_code >= 400:
        second = "error" in answer.json()
        name = "ErrorHttpResponse" if second else "IterableApiResponse"
        said = {"$ref": f"#/definitions/{name}"}
    return said


def nullable(value: Any) -> Any:
    """Without null parts: the recorded answers have them though the contract doesn't say so."""
    if isinstance(value, dict):
        return {k: nullable(v) for k, v in value.items() if v is not None}
    return [nullable(v) for v in value] if isinstance(value, list) else value


@pytest.mark.parametrize(("method", "path", "body"), CALLS)
def test_the_answer_is_what_the_contract_says(method: str, path: str, body: Any) -> None:
    world = World()
    rows = [{**WHO, "userId": "1", "dataFields": {"a": 1}}, {"email": BOB}]
    world.post("/api/users/bulkUpdate", {"users": rows})
    answer = world.ask(method, path, body)
    whole = contract()
    said = schema(whole, method, answer, path)
    assert answer.status_code in (200, 202, 400)
    if said is not None:
        document = nullable(answer.json())
        said = {**said, "definitions": whole["definitions"]}
        jsonschema.Draft4Validator(said).validate(document)


def test_every_route_is_in_the_contract_and_nearly_every_one_is_checked_here() -> None:
    whole = contract()
    names = [n.split(" ", 1) for n in TABLE if "/api/" in n]
    for method, path in names:
        sample = path.replace("{email}", ANN).replace("{group}", "messageType")
        assert operation(whole, method, re.sub(r"\{\w+\}", "1", sample))
    assert len(CALLS) >= len(names) * 0.7
