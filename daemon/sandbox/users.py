"""users/update and users/bulkUpdate (iterable.md §7)."""

from daemon.sandbox.answers import Answer, Call, envelope, json, refuse
from daemon.sandbox.decoding import decode
from daemon.sandbox.field_types import BadValue, Check
from daemon.sandbox.identity import Failure, find
from daemon.sandbox.ledger import APPLIED, CODE, NO_OP, SKIPPED
from daemon.sandbox.people import User
from daemon.sandbox.project import Project
from daemon.sandbox.requests import BulkUpdate, UserRow
from daemon.sandbox.writes import write_user

FAILED_USERS = tuple(
    f"{kind}{key}s"
    for kind in ("invalid", "notFound", "invalidData", "conflict", "forgotten")
    for key in ("Email", "UserId")
)


def update(project: Project, call: Call) -> Answer:
    """POST users/update."""
    row = decode(call.body, UserRow, call.path)
    check = project.check_user(create=row.createNewFields)
    user, email, user_id = find(
        project, row.email, row.userId, prefer_user_id=bool(row.preferUserId)
    )
    if row.dataFields:
        check.row(row.dataFields)
    written = write_user(
        project,
        user,
        email,
        user_id,
        row.dataFields,
        visible_at=call.now + project.lag_single.draw(),
        now=call.now,
        nested=bool(row.mergeNestedObjects),
    )
    check.lock()
    code = NO_OP if written is None else APPLIED
    project.ledger.one(call.now, call.path, "user", call.body, code=code)
    return envelope()


class BulkResult:
    """Gathers a bulk call's outcomes: a code for each row, and who failed."""

    def __init__(self) -> None:
        self.codes = bytearray()
        self.failed: dict[str, list[str]] = {}
        self.filtered: list[str] = []
        self.no_ops: dict[int, tuple[str | None, str | None]] = {}

    def fail(self, kind: str, value: str) -> None:
        """A row that was not applied."""
        self.codes.append(CODE[kind])
        self.failed.setdefault(f"{kind}s", []).append(value)

    def no_op(self, email: str | None, user_id: str | None) -> None:
        """A row that changed nothing."""
        self.no_ops[len(self.codes)] = (email, user_id)
        self.codes.append(NO_OP)

    def applied_after_all(self, place: int) -> None:
        """A row whose fields changed nothing, but something else of it did."""
        self.codes[place] = APPLIED
        self.no_ops.pop(place, None)

    def answer(self, created: list[str]) -> Answer:
        """The body of UserBulkUpdateListResponse."""
        failures = sum(map(len, self.failed.values()))
        return json(
            {
                "successCount": len(self.codes) - failures,
                "failCount": failures,
                "invalidEmails": self.failed.get("invalidEmails", []),
                "invalidUserIds": self.failed.get("invalidUserIds", []),
                "createdFields": created,
                "filteredOutFields": self.filtered,
                "noOpEmails": [e for e, _ in self.no_ops.values() if e is not None],
                "noOpUserIds": [u for e, u in self.no_ops.values() if e is None],
                "failedUpdates": {name: self.failed.get(name, []) for name in FAILED_USERS},
            }
        )


def bulk_rows(
    project: Project,
    rows: list[UserRow],
    now: int,
    *,
    create_fields: bool | None,
    existing_only: bool = False,
    source: str = "API",
    found_as: dict[str, str] | None = None,
) -> tuple[BulkResult, list[User | None], list[str]]:
    """Check every row, then apply each in order.

    Returns the outcomes, at each row's place its user (or None), and the new fields' names.
    """
    check = project.check_user(create=create_fields)
    result = BulkResult()
    bad = _check_rows(check, rows)
    created = check.lock()
    moments = project.lag_bulk.moments(now)
    chance, size = project.rng.random, len(moments)
    touched: list[User | None] = []
    for number, row in enumerate(rows):
        user = written = None
        try:
            user, email, user_id = find(
                project, row.email, row.userId, prefer_user_id=row.preferUserId is True
            )
            if number in bad:
                user = None
                result.fail(*_bad_data(email, user_id))
            elif existing_only and user is None:
                result.codes.append(SKIPPED)
            else:
                written = write_user(
                    project,
                    user,
                    email,
                    user_id,
                    row.dataFields,
                    visible_at=moments[int(chance() * size)],
                    now=now,
                    nested=row.mergeNestedObjects is True,
                    source=source,
                )
                if written is None:
                    result.no_op(None if row.email is None else email, row.userId)
                else:
                    result.codes.append(APPLIED)
                user = written or user
        except Failure as failure:
            user = None
            kind = failure.kind if found_as is None else found_as.get(failure.kind, failure.kind)
            result.fail(kind, failure.value)
        except BadValue:
            user = None
            result.fail(*_bad_data(email, user_id))
        touched.append(user)
    result.filtered = sorted(check.filtered)
    return result, touched, created


def _check_rows(check: Check, rows: list[UserRow]) -> set[int]:
    """The numbers of the rows with a value no field can hold; a clash of types refuses the call."""
    bad: set[int] = set()
    for number, row in enumerate(rows):
        if row.dataFields:
            try:
                check.row(row.dataFields)
            except BadValue:
                bad.add(number)
    return bad


def _bad_data(email: str | None, user_id: str | None) -> tuple[str, str]:
    if email is not None:
        return "invalidDataEmail", email
    return "invalidDataUserId", user_id or ""


AS_INVALID = {"notFoundEmail": "invalidEmail", "notFoundUserId": "invalidUserId"}


def bulk_update(project: Project, call: Call) -> Answer:
    """POST users/bulkUpdate: a wrong row fails alone, a clash of types fails the call."""
    request = decode(call.body, BulkUpdate, call.path)
    if not request.users:
        raise refuse("Emails invalid: ", "InvalidEmailAddressError")
    within_limit(project, len(request.users))
    result, _, created = bulk_rows(
        project,
        request.users,
        call.now,
        create_fields=request.createNewFields,
        existing_only=request.updateOnly is True and project.settings.update_only_feature,
        found_as=AS_INVALID,
    )
    project.ledger.bulk(call.now, call.path, "user", "users", call.body, bytes(result.codes))
    return result.answer(created)


def within_limit(project: Project, rows: int) -> None:
    """Refuse a call with too many rows (threshold UNCONFIRMED: a setting)."""
    limit = project.settings.item_limit
    if rows > limit:
        params = {"limit": limit, "requested": rows}
        raise refuse(f"Batch too large: {rows} items, at most {limit}", "BatchTooLarge", params)
