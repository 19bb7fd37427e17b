"""The sandbox's own account of every row it applied or refused, independent of whoever called.

One entry a call: the request's bytes and one byte a row for what became of it. Rows are spelled out
only when somebody reads them, so keeping the account costs a bulk call next to nothing.
"""

from bisect import bisect_right
from collections.abc import Iterator
from typing import Any, Literal

import msgspec
from msgspec import Struct

By = Literal["api", "person"]
RESULTS = (
    "applied",
    "noOp",
    "invalidEmail",
    "invalidUserId",
    "notFoundEmail",
    "notFoundUserId",
    "invalidDataEmail",
    "invalidDataUserId",
    "conflictEmail",
    "conflictUserId",
    "forgottenEmail",
    "forgottenUserId",
    "disallowedEventName",
    "skipped",
    "scheduled",
    "optedOut",
    "repeated",
)
CODE = {name: number for number, name in enumerate(RESULTS)}
APPLIED, NO_OP, SKIPPED = CODE["applied"], CODE["noOp"], CODE["skipped"]
ACCEPTED = (APPLIED, NO_OP, CODE["scheduled"])
ROWS = ("users", "events", "subscribers", "updateSubscriptionsRequests")


class Entry(Struct, gc=False, eq=False):
    """One call: its rows are numbered from `first`; `body` is JSON, with the rows under `key`.

    `more` is a JSON object whose names each row shows beside its own.
    """

    first: int
    at: int
    path: str
    kind: str
    by: str
    key: str | None
    body: bytes
    results: bytes
    more: bytes = b""


class Ledger:
    """All entries, in the order they were applied."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._next = 1
        self._applied = 0

    def totals(self) -> tuple[int, int]:
        """How many rows were applied (or changed nothing), and how many failed."""
        return self._applied, self._next - 1 - self._applied

    def _keep(self, entry: Entry) -> None:
        self._entries.append(entry)
        self._next += len(entry.results)
        self._applied += sum(map(entry.results.count, ACCEPTED))

    def bulk(self, at: int, path: str, kind: str, key: str, body: bytes, results: bytes) -> None:
        """Note a bulk call; `results` holds a CODE for each row under `key` of `body`."""
        if results:
            self._keep(Entry(self._next, at, path, kind, "api", key, body, results))

    def one(
        self,
        at: int,
        path: str,
        kind: str,
        body: bytes,
        *,
        code: int = APPLIED,
        by: By = "api",
        more: bytes = b"",
    ) -> None:
        """Note a single row; `body` is its payload, `more` what else is known of it."""
        self._keep(Entry(self._next, at, path, kind, by, None, body, bytes((code,)), more))

    def rows(
        self,
        *,
        kind: str | None = None,
        email: str | None = None,
        user_id: str | None = None,
        after: int = 0,
    ) -> Iterator[dict[str, Any]]:
        """The rows numbered above `after`, spelled out, oldest first."""
        start = max(0, bisect_right(self._entries, after, key=lambda e: e.first) - 1)
        for position in range(start, len(self._entries)):
            entry = self._entries[position]
            if kind is not None and entry.kind != kind:
                continue
            for row in spell_out(entry):
                if row["seq"] <= after:
                    continue
                if email is not None and (row["email"] or "").lower() != email.lower():
                    continue
                if user_id is not None and row["userId"] != user_id:
                    continue
                yield row


def spell_out(entry: Entry) -> Iterator[dict[str, Any]]:
    """One entry's rows as the admin route shows them."""
    body: dict[str, Any] = msgspec.json.decode(entry.body) if entry.body else {}
    more: dict[str, Any] = msgspec.json.decode(entry.more) if entry.more else {}
    shared = {k: v for k, v in body.items() if k not in ROWS}
    items = body[entry.key] if entry.key is not None else [{}]
    for offset, (item, code) in enumerate(zip(items, entry.results, strict=True)):
        payload = {**shared, **item}
        user = payload.get("user") if isinstance(payload.get("user"), dict) else None
        who = user or payload
        yield {
            "seq": entry.first + offset,
            "at": entry.at,
            "path": entry.path,
            "kind": entry.kind,
            "by": entry.by,
            "email": first_of(who, "email", "currentEmail", "recipientEmail"),
            "userId": first_of(who, "userId", "currentUserId", "recipientUserId"),
            "payload": payload,
            "result": RESULTS[code],
            **more,
        }


def first_of(payload: dict[str, Any], *names: str) -> str | None:
    """The first of these names that holds a string."""
    return next((v for n in names if isinstance(v := payload.get(n), str)), None)
