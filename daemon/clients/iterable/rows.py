"""Which rows of a bulk call failed, out of the body of a 200 (iterable.md §7, §8, §17).

Iterable names failed rows by identifier only, e-mails lower-cased. The count it gives beside them
must fit; where it doesn't, or names nobody of the call, every row that isn't accounted for is
uncertain: better to read a user back than to believe.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from daemon.domain.commands import Call, CallOutcome, Endpoint, RowOutcome, Verdict

_ARRAYS: tuple[tuple[str, Verdict, str], ...] = (
    ("forgotten", Verdict.FORGOTTEN, "the user was forgotten"),
    ("conflict", Verdict.CONFLICT, "the identifiers belong to different users"),
    ("notFound", Verdict.NOT_FOUND, "there is no such user"),
    ("invalidData", Verdict.BAD_DATA, "Iterable refused the content of the row"),
    ("invalid", Verdict.INVALID, "the identifier is malformed"),
)
"""(array in failedUpdates without Emails/UserIds, verdict, reason); the first that fits counts."""

_SETTLED_BY_UNSUBSCRIBE = frozenset({Verdict.NOT_FOUND, Verdict.FORGOTTEN})
_UNREADABLE = "Iterable's answer could not be read"
_UNACCOUNTED = "Iterable's answer doesn't say which rows failed"


class _Body(msgspec.Struct):
    """UserBulkUpdateListResponse, BulkTrackResponse and BulkUpdateSubscriptionsResponse in one."""

    successCount: int  # noqa: N815
    failCount: int  # noqa: N815
    failedUpdates: dict[str, Any] | None = None  # noqa: N815
    invalidEmails: list[Any] | None = None  # noqa: N815
    invalidUserIds: list[Any] | None = None  # noqa: N815
    validEmailFailures: list[Any] | None = None  # noqa: N815
    validUserIdFailures: list[Any] | None = None  # noqa: N815
    noOpEmails: list[Any] | None = None  # noqa: N815
    noOpUserIds: list[Any] | None = None  # noqa: N815
    disallowedEventNames: list[Any] | None = None  # noqa: N815
    filteredOutFields: list[Any] | None = None  # noqa: N815


_decoder = msgspec.json.Decoder(_Body)


def read_json(body: bytes) -> Any:
    """What a body says, None where it isn't JSON (or nests deeper than anything meant well)."""
    try:
        return msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return None


def bulk_outcomes(call: Call, status: int, body: bytes) -> CallOutcome:
    """The outcome of each row of a bulk call that was answered with a 200 and `body`."""
    try:
        said = _decoder.decode(body)
    except (ValueError, RecursionError):
        return CallOutcome(status, uncertain(range(len(call.commands)), _UNREADABLE))
    rows = _Rows(call)
    for kind, identifiers, verdict, reason in _named(said, call.key.endpoint):
        rows.mark(kind, identifiers, verdict, reason)
    rows.skip(said.disallowedEventNames or ())
    failed = list(rows.outcomes.values())
    if not rows.account_for(said):
        rest = (index for index in range(len(call.commands)) if index not in rows.outcomes)
        failed += uncertain(rest, _UNACCOUNTED)
    if call.key.endpoint is Endpoint.LIST_UNSUBSCRIBE:
        failed = [row for row in failed if row.verdict not in _SETTLED_BY_UNSUBSCRIBE]
    failed.sort(key=lambda row: row.index)
    return CallOutcome(status, failed, tuple(str(name) for name in said.filteredOutFields or ()))


def uncertain(rows: Iterable[int], reason: str = _UNREADABLE) -> list[RowOutcome]:
    """Rows of which nothing is known: they may have been applied."""
    return [RowOutcome(index, Verdict.UNCERTAIN, reason) for index in rows]


def _named(said: _Body, endpoint: Endpoint) -> Iterable[tuple[str, Sequence[Any], Verdict, str]]:
    updates = said.failedUpdates or {}
    for array, verdict, reason in _ARRAYS:
        for kind in ("Emails", "UserIds"):
            yield kind, _list(updates.get(array + kind)), verdict, reason
    failed_inside = "Iterable failed internally"
    yield "Emails", said.validEmailFailures or (), Verdict.RETRY, failed_inside
    yield "UserIds", said.validUserIdFailures or (), Verdict.RETRY, failed_inside
    # deprecated, and less exact: they count only for rows nothing above has named
    yield "Emails", said.invalidEmails or (), Verdict.INVALID, "the e-mail address is malformed"
    unknown = endpoint is Endpoint.TRACK_BULK
    yield (
        "UserIds",
        said.invalidUserIds or (),
        Verdict.NOT_FOUND if unknown else Verdict.INVALID,
        "there is no such user" if unknown else "the userId is malformed",
    )


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


class _Rows:
    """The rows of a call by their identifiers, and what was said of them."""

    def __init__(self, call: Call) -> None:
        self.outcomes: dict[int, RowOutcome] = {}
        self._call = call
        self._strangers = False
        self._skipped: set[int] = set()
        self._by: dict[str, dict[str, list[int]]] | None = None

    def mark(self, kind: str, identifiers: Sequence[Any], verdict: Verdict, reason: str) -> None:
        """Note a verdict for the rows of some identifiers; the first one said of a row counts."""
        for identifier in identifiers:
            name = str(identifier).strip().lower() if kind == "Emails" else str(identifier)
            rows = self._index()[kind].get(name)
            if rows is None:
                self._strangers = True
                continue
            for index in rows:
                self.outcomes.setdefault(index, RowOutcome(index, verdict, reason))

    def skip(self, event_names: Sequence[Any]) -> None:
        """Note the rows Iterable took and did not store."""
        names = {str(name) for name in event_names}
        if not names:
            return
        for index, command in enumerate(self._call.commands):
            if index not in self.outcomes and command.row.get("eventName") in names:
                reason = "the project doesn't allow this event name"
                self.outcomes[index] = RowOutcome(index, Verdict.SKIPPED, reason)
                self._skipped.add(index)

    def account_for(self, said: _Body) -> bool:
        """Whether what was named fits the counts, so that the other rows were accepted.

        Whether rows with a disallowed event name count as failed is not known (iterable.md §8), nor
        whether several rows of one user count once.
        """
        commands = self._call.commands
        failed = [index for index in self.outcomes if index not in self._skipped]
        unnoticed = len(said.noOpEmails or ()) + len(said.noOpUserIds or ()) + len(self._skipped)
        counted = said.successCount + said.failCount
        each_row_counted = counted == len(commands)
        fewest = len(failed) if each_row_counted else len({self._user(at) for at in failed})
        by_row = each_row_counted or self._call.key.endpoint is Endpoint.TRACK_BULK
        expected = len(commands) if by_row else len({self._user(at) for at in range(len(commands))})
        return (
            not self._strangers
            and fewest <= said.failCount <= len(failed) + len(self._skipped)
            and counted + unnoticed >= expected
        )

    def _user(self, index: int) -> tuple[str | None, str | None]:
        command = self._call.commands[index]
        return command.email and command.email.lower(), command.user_id

    def _index(self) -> dict[str, dict[str, list[int]]]:
        if self._by is None:
            emails: dict[str, list[int]] = defaultdict(list)
            user_ids: dict[str, list[int]] = defaultdict(list)
            for index, command in enumerate(self._call.commands):
                fields = command.row.get("dataFields")
                written = fields if isinstance(fields, dict) else {}
                for email in _names(command.email, written.get("email")):
                    emails[email.strip().lower()].append(index)
                for user_id in _names(command.user_id, written.get("userId")):
                    user_ids[user_id].append(index)
            self._by = {"Emails": emails, "UserIds": user_ids}
        return self._by


def _names(*identifiers: Any) -> set[str]:
    return {name for name in identifiers if isinstance(name, str) and name}
