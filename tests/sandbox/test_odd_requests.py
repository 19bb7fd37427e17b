"""No request, however odd, makes the sandbox fail: it answers 4xx and keeps serving."""

import json
from random import Random
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.types import Message

from daemon.sandbox.routes import TABLE
from tests.sandbox.test_contract import CALLS
from tests.sandbox.world import World

DEEP: Any = 1
for _ in range(300):
    DEEP = {"n": DEEP}
WHO = {"email": "a@x.io", "userId": "1"}
DEVICE = {"token": "x" * 40_000, "platform": "GCM", "applicationName": "a"}
ITEM = {"id": "i", "name": "n", "price": 1, "quantity": 10**30}
ODD: tuple[bytes, ...] = (
    b"",
    b"\x00",
    b"null",
    b"[[]]",
    b'"text"',
    b"{",
    b'{"email":"\\ud800"}',
    b'{"users":[null],"events":[null],"subscribers":[null],"listId":1001}',
    b'{"email":NaN}',
    b'{"listId":1e400,"subscribers":[]}',
    b"[" * 5000,
    json.dumps({**WHO, "dataFields": DEEP, "eventName": "e"}).encode(),
    json.dumps({**WHO, "dataFields": {"": 1, "a.b": 2, "\x00": "\x00"}}).encode(),
    json.dumps({**WHO, "dataFields": {"big": 10**30, "at": "9999-12-31 23:59:59"}}).encode(),
    json.dumps({**WHO, "dataFields": {"mixed": [1, "x", None, {"a": []}]}}).encode(),
    json.dumps({**WHO, "eventName": "e", "createdAt": 10**18}).encode(),
    json.dumps({**WHO, "eventName": "e", "createdAt": -(10**12)}).encode(),
    json.dumps({"user": WHO, "items": [], "total": 1, "dataFields": {"total": DEEP}}).encode(),
    json.dumps({"email": "x" * 100_000}).encode(),
    json.dumps({**WHO, "eventName": "e", "createdAt": 1e306}).encode(),
    json.dumps({**WHO, "eventName": "e", "createdAt": -1e306}).encode(),
    json.dumps({**WHO, "dataFields": {"emailListIds": 1001, "userListIds": 5}}).encode(),
    json.dumps({"users": [{**WHO, "dataFields": {"emailListIds": 1001}}]}).encode(),
    json.dumps({**WHO, "device": DEVICE, "browserToken": "x" * 40_000}).encode(),
    json.dumps({"user": WHO, "items": [ITEM | {"name": "x" * 40_000}], "total": 1}).encode(),
)
WRITES = [n.split(" ", 1) for n in TABLE if n.split(" ", 1)[0] in ("POST", "PUT")]
READS = [n.split(" ", 1)[1] for n in TABLE if n.startswith("GET")]
PARTS = st.sampled_from(
    ["", "%00", "foo@", "a@x.io", "-1", "9" * 40, "9" * 5000, "²", "%2F", "ü", "..", "1001"]
)
QUERIES = st.sampled_from(
    [
        "",
        "?limit=-1",
        "?size=x",
        "?range=All&dataTypeName=user",
        "?listId=%FF",
        "?email=%00&userId=",
        "?limit=²&size=²&listId=²&expires=²&page=²",
        "?dataTypeName=user&range=All&delimiter=ab",
        "?email=foo@&dataTypeName=user&startDateTime=9999-99-99",
        "?sort=nonsense&campaignIds=x&jobState=x&startAfter=x",
    ]
)


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_no_odd_body_breaks_a_write(method: str, path: str) -> None:
    world = World()
    real = path.replace("{group}", "messageChannel").replace("{id}", "2001")
    for body in ODD:
        answer = world.ask(method, f"{real}?action=subscribe", body)
        assert answer.status_code < 500, (body[:60], answer.text)
    world.post("/api/users/update", {"email": "after@x.io"})
    for path_read in ("/api/users/a@x.io", "/api/events/a@x.io"):
        assert world.ask("GET", path_read).status_code == 200
    export = "/api/export/data.json?range=All&dataTypeName="
    for kind in ("user", "customEvent", "purchase"):
        assert world.ask("GET", export + kind).status_code == 200
    assert world.ask("GET", "/_sandbox/ledger").status_code == 200


@pytest.mark.parametrize("number", ["²", "٣", "9" * 5000, "-1", "1e3", "0x1"])
@pytest.mark.parametrize(
    "path",
    [
        "/api/lists/{}/size",
        "/api/lists/getUsers?listId={}",
        "/api/lists/previewUsers?listId=1001&size={}",
        "/api/export/{}/files",
        "/_export/1/{}",
        "/api/events/a@x.io?limit={}",
        "/api/users/getSentMessages?email=a@x.io&limit={}",
        "/api/campaigns?page={}",
    ],
)
def test_what_only_looks_like_a_number_is_refused(path: str, number: str) -> None:
    assert World().ask("GET", path.format(number)).status_code in (400, 403, 404)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(READS), PARTS, QUERIES)
def test_no_odd_path_or_query_breaks_a_read(path: str, part: str, query: str) -> None:
    world = World()
    for name in ("{email}", "{userId}", "{listId}", "{jobId}", "{number}"):
        path = path.replace(name, part)
    assert world.ask("GET", path + query).status_code < 500


STRANGE: tuple[Any, ...] = (
    *(None, True, 0, -1, 2**70, 1e300, "", "a@x.io", "foo@", "x" * 40_000, "\u0000", "ü"),
    *("2020-08-19", [], [1], [None], [[1]], {}, {"a": None}, [{"a": 1}, {"a": "x"}], 1001, 3002),
)
NAMES = (
    *("email", "userId", "dataFields", "id", "createdAt", "emailListIds", "userListIds"),
    *("unsubscribedChannelIds", "subscribedMessageTypeIds", "devices", "shoppingCartItems"),
    *("signupDate", "phoneNumber", "home_geo_location", "b.c", "", "sendAt", "delimiter"),
    *("mergeNestedObjects", "preferUserId", "createNewFields", "arrayMerge", "dedupeBy"),
)


def bent(value: Any, rng: Random) -> Any:
    """A body with some parts lost, some strange, some added."""
    if rng.random() < 0.08:
        return rng.choice(STRANGE)
    if isinstance(value, list):
        return [bent(v, rng) for v in value]
    if not isinstance(value, dict):
        return value
    kept = {k: bent(v, rng) for k, v in value.items() if rng.random() > 0.05}
    return kept | ({rng.choice(NAMES): rng.choice(STRANGE)} if rng.random() < 0.4 else {})


async def statuses(world: World, calls: list[tuple[str, str, bytes]]) -> list[tuple[int, bytes]]:
    """The answers' statuses, asked at the ASGI door itself: thousands in a second."""
    found = []
    for method, address, body in calls:
        path, _, query = address.partition("?")
        request = {"type": "http.request", "body": body, "more_body": False}
        sent: list[Message] = []
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": query.encode(),
            "scheme": "http",
            "headers": [(b"api-key", b"sandbox-api-key")],
        }

        async def receive(request: Message = request) -> Message:
            return request

        async def send(message: Message, sent: list[Message] = sent) -> None:
            sent.append(message)

        await world.app(scope, receive, send)
        found.append((sent[0]["status"], body))
    return found


@pytest.mark.parametrize("kind", ["email", "userId", "hybrid"])
def test_no_bent_body_of_any_call_breaks_it(kind: str) -> None:
    rng = Random(kind)
    row = {**WHO, "dataFields": {"a": 1, "at": "2020-08-19", "home": {"x": [1]}}}
    many = [("POST", "/api/users/bulkUpdate", {"users": [row, row]}), *CALLS]
    calls = []
    for _ in range(2000):
        method, path, body = rng.choice(many)
        content = b"" if body is None else json.dumps(bent(body, rng)).encode()
        calls.append((method, path, content))
    answers = anyio.run(statuses, World(project_type=kind), calls)
    broken = [(status, body) for status, body in answers if status >= 500]
    assert [body for _, body in broken if b'"token": ""' not in body] == []
    assert sum(1 for status, _ in answers if status < 300) > 500
