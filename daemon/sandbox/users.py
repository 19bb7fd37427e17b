"""users/update, users/bulkUpdate, reading, deleting, and getFields (iterable.md §7)."""

from typing import Any

from daemon.sandbox.answers import TEXT, Answer, Call, envelope, invalid_email, json, refuse
from daemon.sandbox.dates import shown_any
from daemon.sandbox.field_types import BadValue, Check
from daemon.sandbox.identity import Failure, email_ok, find, refusal
from daemon.sandbox.ledger import APPLIED, CODE, NO_OP
from daemon.sandbox.people import User, Version, decode_fields
from daemon.sandbox.project import Project
from daemon.sandbox.requests import BulkUpdate, UserRow, decode
from daemon.sandbox.writes import remove_user, write_user

FAILED_USERS = tuple(
    f"{kind}{key}s"
    for kind in ("invalid", "notFound", "invalidData", "conflict", "forgotten")
    for key in ("Email", "UserId")
)
REGIONS = {"+55": "BR", "+44": "GB", "+49": "DE", "+33": "FR", "+1": "US"}


def update(project: Project, call: Call) -> Answer:
    """POST users/update."""
    row = decode(call.body, UserRow, call.path)
    check = project.check_user(create=row.createNewFields)
    try:
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
    except Failure as failure:
        raise refusal(project, failure) from failure
    except BadValue as bad:
        raise refuse(f"Invalid value for field {bad}") from bad
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
        user = None
        try:
            user, email, user_id = find(
                project, row.email, row.userId, prefer_user_id=row.preferUserId is True
            )
            if number in bad:
                raise _bad_data(email, user_id)
            if existing_only and user is None:
                result.codes.append(CODE["skipped"])
                touched.append(None)
                continue
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
        except Failure as failure:
            kind = failure.kind if found_as is None else found_as.get(failure.kind, failure.kind)
            result.fail(kind, failure.value.lower() if kind.endswith("Email") else failure.value)
            touched.append(None)
            continue
        touched.append(written or user)
        if written is None:
            result.no_op(None if row.email is None else email, row.userId)
        else:
            result.codes.append(APPLIED)
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


def _bad_data(email: str | None, user_id: str | None) -> Failure:
    if email is not None:
        return Failure("invalidDataEmail", email)
    return Failure("invalidDataUserId", user_id or "")


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


def profile(project: Project, version: Version) -> dict[str, Any]:
    """A version as GET user returns it, managed fields included (iterable.md §6.5)."""
    fields = decode_fields(version.data)
    internal: dict[str, Any] = {
        "documentCreatedAt": shown_any(version.created_at),
        "documentUpdatedAt": shown_any(version.visible_at),
    }
    phone = fields.get("phoneNumber")
    if isinstance(phone, str):
        region = next((r for prefix, r in REGIONS.items() if phone.startswith(prefix)), None)
        if region is not None:
            internal["regionCode"] = region
    user: dict[str, Any] = {}
    if version.email is not None:
        user["email"] = fields["email"] = version.email
        internal["emailDomain"] = version.email.rpartition("@")[2]
    fields["profileUpdatedAt"] = shown_any(version.updated_at)
    if version.choices is not None:
        fields[project.list_field] = list(version.choices.lists)
        fields["unsubscribedChannelIds"] = list(version.choices.off_channels)
        fields["unsubscribedMessageTypeIds"] = list(version.choices.off_types)
        fields["subscribedMessageTypeIds"] = list(version.choices.on_types)
    user["dataFields"] = fields
    if version.user_id is not None:
        user["userId"] = fields["userId"] = version.user_id
    fields["itblInternal"] = internal
    return user


def get_by_email(project: Project, call: Call) -> Answer:
    """GET users/{email} and users/getByEmail: a miss is 200 `{}`."""
    email = call.args.get("email", call.query.get("email", ""))
    if not email_ok(email):
        raise invalid_email(email)
    found = project.people.seen_by_email(email.lower(), call.now)
    return json({} if found is None else {"user": profile(project, found[1])})


def get_by_user_id(project: Project, call: Call) -> Answer:
    """GET users/byUserId: a miss is an error whose form is a setting (iterable.md §20.6)."""
    user_id = call.args.get("userId", call.query.get("userId", ""))
    found = project.people.seen_by_user_id(user_id, call.now)
    if found is not None:
        return json({"user": profile(project, found[1])})
    match project.settings.user_id_miss:
        case "json":
            message = "No user with that id exists!"
            code = "error.users.noUserWithIdExists"
            args = {"args": [user_id]}
            body = {"error": "BadRequest", "message": message, "code": code, "data": args}
            return json(body, 400)
        case "text":
            return Answer(b"No user with that id exists!", 400, TEXT)
        case "empty":
            return json({})


def get_fields(project: Project, call: Call) -> Answer:  # noqa: ARG001 -- every handler takes both
    """GET users/getFields."""
    return json({"fields": project.user_schema.known})


def delete_by_email(project: Project, call: Call) -> Answer:
    """DELETE users/{email}: also 200 for one who does not exist."""
    email = call.args["email"]
    if not email_ok(email):
        raise invalid_email(email)
    if project.settings.project_type == "userId":
        raise refuse("Deleting by email is not supported in userID-based projects")
    user = project.people.by_email.get(email.lower())
    if user is not None:
        remove_user(project, user, visible_at=call.now + project.lag_single.draw(), now=call.now)
        note_deletion(project, call, email.lower(), user.true.user_id)
    return envelope()


def delete_by_user_id(project: Project, call: Call) -> Answer:
    """DELETE users/byUserId/{userId}: everyone sharing the id."""
    user_id = call.args["userId"]
    users = project.people.by_user_id.all(user_id)
    if not users:
        raise refuse(f"No users with userId {user_id} exist")
    for user in users:
        remove_user(project, user, visible_at=call.now + project.lag_single.draw(), now=call.now)
        note_deletion(project, call, user.true.email, user_id)
    return envelope(f"All users associated with {user_id} were successfully deleted")


def note_deletion(project: Project, call: Call, email: str | None, user_id: str | None) -> None:
    """Enter a deletion in the ledger."""
    body = json({"email": email, "userId": user_id}).body
    if isinstance(body, bytes):
        project.ledger.one(call.now, call.path, "delete", body)
