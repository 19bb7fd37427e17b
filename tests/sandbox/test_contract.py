"""The sandbox's answers against Iterable's own published contract."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest

from daemon.sandbox.exports import DATA_TYPES
from daemon.sandbox.routes import TABLE, Routes
from tests.sandbox.world import World

CONTRACT = Path(__file__).parents[3] / "shared" / "reference" / "iterable-swagger.json"
pytestmark = pytest.mark.skipif(not CONTRACT.exists(), reason=f"no contract at {CONTRACT}")
ANN, BOB = "ann@example.com", "bob@example.com"
WHO = {"email": ANN}
ITEM = {"id": "i", "name": "n", "price": 1.0, "quantity": 1}
DEVICE = {"token": "t", "platform": "GCM", "applicationName": "a"}
SEND = {"recipientEmail": ANN, "campaignId": 4001}
MEDIA = ("email", "push", "sms", "inApp")
JOB = 100_001
SEVENS = b'{"users":7,"events":7,"email":7,"recipientEmail":7,"sourceEmail":7}'
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
    ("GET", "/api/users/forgottenUserIds", None),
    ("POST", "/api/auth/jwts/invalidate", WHO),
    ("GET", "/api/users/getFields", None),
    ("GET", f"/api/users/{ANN}", None),
    ("GET", "/api/users/nobody@example.com", None),
    ("GET", f"/api/users/getByEmail?email={ANN}", None),
    ("GET", "/api/users/byUserId/1", None),
    ("GET", "/api/users/byUserId/missing", None),
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
    ("GET", "/api/lists/getUsers?listId=1001", None),
    ("GET", "/api/lists/previewUsers?listId=1001", None),
    ("GET", "/api/lists/1001/size", None),
    ("GET", "/api/channels", None),
    ("GET", "/api/messageTypes", None),
    ("GET", "/api/webhooks", None),
    ("GET", "/api/campaigns", None),
    ("GET", "/api/templates", None),
    ("GET", "/api/journeys", None),
    ("PUT", f"{ONE_TYPE}?action=subscribe", {"users": [ANN]}),
    ("PATCH", f"{ONE_TYPE}/user/{ANN}", None),
    ("DELETE", f"{ONE_TYPE}/user/{ANN}", None),
    ("PATCH", f"{ONE_TYPE}/byUserId/1", None),
    ("DELETE", f"{ONE_TYPE}/byUserId/1", None),
    ("POST", "/api/subscriptions/subscribeToDoubleOptIn", {**WHO, "messageTypeIds": [3003]}),
    *(("POST", f"/api/{medium}/target", SEND) for medium in MEDIA),
    *(("POST", f"/api/{medium}/cancel", {"scheduledMessageId": 1}) for medium in MEDIA),
    ("POST", "/api/workflows/triggerWorkflow", {**WHO, "workflowId": 5001}),
    ("POST", "/api/export/start", {"dataTypeName": "user", "outputFormat": "text/csv"}),
    ("GET", "/api/export/jobs", None),
    ("GET", "/api/export/data.json?dataTypeName=user&range=All", None),
    ("GET", "/api/export/data.csv?dataTypeName=user&range=All", None),
    ("GET", f"/api/export/userEvents?email={ANN}", None),
    ("GET", f"/api/export/{JOB}/files", None),
    ("DELETE", f"/api/export/{JOB}", None),
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


SECOND = {"type": "object", "required": ["error", "message", "code", "data"]}


def schema(whole: dict[str, Any], method: str, answer: httpx.Response, path: str) -> Any:
    """What the contract says of this answer; errors are envelopes where it says nothing.

    Of the second envelope only the names are held: the contract types its parts by the service's
    own classes, which no recorded answer does.
    """
    if answer.status_code >= 400 and "error" in answer.json():
        return SECOND
    answers = operation(whole, method, path)["responses"]
    said = answers.get(str(answer.status_code), answers.get("default", {})).get("schema")
    if said is None and answer.status_code >= 400:
        said = {"$ref": "#/definitions/IterableApiResponse"}
    return said


def nullable(value: Any) -> Any:
    """Without null parts: the recorded answers have them though the contract doesn't say so."""
    if isinstance(value, dict):
        return {k: nullable(v) for k, v in value.items() if v is not None}
    return [nullable(v) for v in value] if isinstance(value, list) else value


@pytest.mark.parametrize(("method", "path", "body"), CALLS)
def test_the_answer_is_what_the_contract_says(method: str, path: str, body: Any) -> None:
    world = World(export_states="documented")
    rows = [{**WHO, "userId": "1", "dataFields": {"a": 1}}, {"email": BOB}]
    world.post("/api/users/bulkUpdate", {"users": rows})
    if str(JOB) in path:
        start = {"dataTypeName": "user", "outputFormat": "text/csv"}
        assert world.post("/api/export/start", start) == {"jobId": JOB}
    answer = world.ask(method, path, body)
    assert answer.status_code in (200, 202, 400)
    validate(method, answer, path)


def validate(method: str, answer: httpx.Response, path: str) -> None:
    """Raise ValidationError where an answer is not what the contract says."""
    whole = contract()
    said = schema(whole, method, answer, path)
    if said is not None:
        text = said == {"type": "string"}
        document = answer.text if text else nullable(answer.json())
        said = {**said, "definitions": whole["definitions"]}
        jsonschema.Draft4Validator(said).validate(document)


@pytest.mark.parametrize("name", [n for n in TABLE if n.startswith(("POST", "PUT"))])
def test_a_body_of_another_kind_is_refused_as_the_contract_says(name: str) -> None:
    method, path = name.split(" ", 1)
    path = path.replace("{group}", "messageType").replace("{id}", "3001")
    for body in (b"", b"{", b"[]", b"null", SEVENS):
        answer = World().ask(method, f"{path}?action=subscribe", body)
        assert answer.status_code == 400, body
        assert answer.json()["code"] in ("BadJsonBody", "error.request.invalidJson")
        validate(method, answer, path)


def test_the_exports_know_the_contracts_data_types() -> None:
    asked = contract()["definitions"]["StartExportRequest"]["properties"]["dataTypeName"]
    assert set(asked["enum"]) == DATA_TYPES


def test_every_route_is_in_the_contract_and_checked_here() -> None:
    whole, routes = contract(), Routes(TABLE)
    checked = [routes.find(method, path.partition("?")[0]) for method, path, _ in CALLS]
    names = {found[0].name for found in checked if found is not None}
    assert names == {n for n in TABLE if "/api/" in n}
    for name in names:
        method, path = name.split(" ", 1)
        sample = path.replace("{email}", ANN).replace("{group}", "messageType")
        assert operation(whole, method, re.sub(r"\{\w+\}", "1", sample))
