"""Calls and answers for tests, short to write."""

from typing import Any

import msgspec

from daemon.clients.http import Answer
from daemon.clients.iterable.bodies import row_size
from daemon.domain.commands import Call, CallKey, Command, Endpoint, Verdict


def command(email: str | None = None, user_id: str | None = None, **row: Any) -> Command:
    """A command whose row names the user by whatever identifiers it has."""
    named = {"email": email, "userId": user_id, **row}
    body = {name: value for name, value in named.items() if value is not None}
    return Command("u:1", 0, email, user_id, body, row_size(body))


def call(endpoint: Endpoint, *commands: Command, **key: Any) -> Call:
    return Call(CallKey(endpoint, **key), list(commands))


def people(endpoint: Endpoint, *emails: str, **key: Any) -> Call:
    return call(endpoint, *(command(email) for email in emails), **key)


def answer(status: int, body: Any = b"", **headers: str) -> Answer:
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return Answer(status, raw, {name.replace("_", "-"): text for name, text in headers.items()})


def envelope(code: str, msg: str = "", params: Any = None) -> dict[str, Any]:
    return {"msg": msg, "code": code, "params": params}


def bulk(success: int, fail: int, **more: Any) -> dict[str, Any]:
    return {"successCount": success, "failCount": fail, **more}


def verdicts(outcome: Any) -> dict[int, Verdict]:
    return {row.index: row.verdict for row in outcome.failed}
