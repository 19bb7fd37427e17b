"""The Profile API client against the sandbox and against odd answers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import msgspec
import pytest
from pydantic import SecretStr

from daemon.clients.http import open_http
from daemon.clients.segment.profile_api import ExternalId, ProfileApi
from daemon.errors import (
    EndpointMissing,
    Refused,
    ServerFailed,
    ServiceError,
    Throttled,
    Unauthorized,
    Unreachable,
)
from daemon.sandbox.settings import RateRule
from tests.clients.served import Canned, response, sandbox, settings

pytestmark = pytest.mark.anyio

ANN = {
    "segment_id": "use_1",
    "external_ids": [
        {"id": "u/1+ä %", "type": "user_id"},
        {"id": "ann@x.io", "type": "email"},
        *({"id": f"anon-{n}", "type": "anonymous_id"} for n in range(150)),
    ],
    "traits": {**{f"trait_{n:03}": n for n in range(450)}, "vip": True, "churn": False},
    "audiences": ["vip", "churn"],
}


@asynccontextmanager
async def profiles(
    base_url: str, token: str = "sandbox-profile-token"
) -> AsyncIterator[ProfileApi]:
    async with open_http() as http:
        yield ProfileApi(
            http, base_url=base_url, space="sandbox-space", token=SecretStr(token), seconds=5.0
        )


async def test_all_traits_are_read_over_their_pages() -> None:
    async with sandbox() as box, profiles(box.base_url) as api:
        await box.profiles([ANN])
        assert await api.traits("email", "ann@x.io") == ANN["traits"]


async def test_identifiers_are_looked_up_lower_cased_and_encoded() -> None:
    async with sandbox() as box, profiles(box.base_url) as api:
        await box.profiles([ANN])
        found = await api.external_ids("user_id", "U/1+Ä %")
    assert found is not None
    assert len(found) == 152
    assert found[1] == ExternalId("email", "ann@x.io")


async def test_audiences_are_the_traits_of_that_class() -> None:
    async with sandbox() as box, profiles(box.base_url) as api:
        await box.profiles([ANN])
        assert await api.audiences("email", "Ann@X.io") == {"vip": True, "churn": False}


async def test_somebody_segment_does_not_know_is_none() -> None:
    async with sandbox() as box, profiles(box.base_url) as api:
        assert await api.traits("user_id", "nobody") is None
        assert await api.external_ids("user_id", "nobody") is None
        assert await api.audiences("user_id", "nobody", repair=True) is None


async def test_a_wrong_token_is_told_apart_and_not_shown() -> None:
    async with sandbox() as box, profiles(box.base_url, "wrong-token") as api:
        with pytest.raises(Unauthorized, match="authentication_error") as caught:
            await api.traits("email", "ann@x.io")
    assert "ann" not in str(caught.value)
    assert "wrong-token" not in repr(caught.value)


async def test_a_429_pauses_all_reads() -> None:
    chosen = settings(limits=True, limit_overrides={"GET profiles": RateRule(1, 1000, 1)})
    async with sandbox(chosen) as box, profiles(box.base_url) as api:
        await api.traits("email", "ann@x.io")
        with pytest.raises(Throttled):
            await api.traits("email", "ann@x.io")
        with anyio.move_on_after(0.3) as scope:
            await api.traits("email", "ann@x.io")
    assert scope.cancelled_caught


def _error(code: str) -> bytes:
    return msgspec.json.encode({"error": {"code": code, "message": "secret"}})


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        ("400 Bad Request", _error("validation_error"), Refused),
        ("401 Unauthorized", b"", Unauthorized),
        ("403 Forbidden", b"<html>", Unauthorized),
        ("404 Not Found", b"<html>no such page</html>", EndpointMissing),
        ("302 Found", b"", Refused),
        ("429 Too Many Requests", b"slow down", Throttled),
        ("500 Oops", _error("internal"), ServerFailed),
        ("503 Unavailable", b"[" * 50_000, ServerFailed),
        ("200 OK", b"<html>", Unreachable),
        ("200 OK", b'{"traits": []}', Unreachable),
    ],
)
async def test_each_answer_is_the_error_it_stands_for(
    status: str, body: bytes, kind: type[ServiceError]
) -> None:
    async with Canned(response(body, status)) as server, profiles(server.base_url) as api:
        with pytest.raises(ServiceError) as caught:
            await api.traits("email", "ann@x.io")
    assert type(caught.value) is kind
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(("hint", "seconds"), [("7", 7.0), ("soon", None), ("-1", None)])
async def test_a_hint_how_long_to_wait_is_used_if_it_is_one(
    hint: str, seconds: float | None
) -> None:
    slow = response(b"", "429 Too Many Requests", f"Retry-After: {hint}")
    async with Canned(slow) as server, profiles(server.base_url) as api:
        with pytest.raises(Throttled) as caught:
            await api.traits("email", "ann@x.io")
    assert caught.value.retry_after == seconds


@pytest.mark.parametrize(
    "cursor", [{"has_more": True, "next": ""}, {"has_more": True, "next": "same"}]
)
@pytest.mark.parametrize("resource", ["traits", "external_ids"])
async def test_pages_without_an_end_are_no_answer(cursor: dict[str, Any], resource: str) -> None:
    body = msgspec.json.encode({"traits": {"a": 1}, "data": [], "cursor": cursor})
    async with Canned(response(body)) as server, profiles(server.base_url) as api:
        with pytest.raises(Unreachable, match="no end"):
            await getattr(api, resource)("email", "ann@x.io")


async def test_a_page_without_a_cursor_is_the_last() -> None:
    body = msgspec.json.encode({"traits": {"plan": "pro"}})
    async with Canned(response(body)) as server, profiles(server.base_url) as api:
        assert await api.traits("email", "ann@x.io") == {"plan": "pro"}
    assert b"limit=200" in server.requests[0]
