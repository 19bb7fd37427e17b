"""users/updateEmail, merge, forget and unforget (iterable.md §7, §2.4)."""

from typing import Any

from msgspec.structs import replace

from daemon.sandbox.answers import Answer, Call, Refusal, envelope, invalid_email, json, refuse
from daemon.sandbox.identity import email_ok, hashed
from daemon.sandbox.people import User, decode_fields, encode_fields
from daemon.sandbox.project import Project
from daemon.sandbox.requests import Merge, UpdateEmail, Who, decode
from daemon.sandbox.writes import note_members, remove_user


def update_email(project: Project, call: Call) -> Answer:
    """POST users/updateEmail: e-mail-based projects only; everything the user has goes along."""
    row = decode(call.body, UpdateEmail, call.path)
    if not project.email_based:
        raise refuse("updateEmail is only supported in email-based projects")
    if row.currentEmail is not None and not email_ok(row.currentEmail):
        raise refuse(f"Invalid currentEmail {row.currentEmail}", "InvalidEmailAddressError")
    if not email_ok(row.newEmail):
        raise invalid_email(row.newEmail)
    if row.currentEmail is not None:
        user, who = project.people.by_email.get(row.currentEmail.lower()), row.currentEmail
    else:
        user, who = project.people.by_user_id.get(row.currentUserId or ""), row.currentUserId or ""
    email = row.newEmail.lower()
    change = f"Cannot change user Some({who}) to {row.newEmail}. "
    if user is None:
        raise refuse(f"{change}User does not exist")
    status = project.settings.email_exists_status
    if email in project.forgotten_emails:
        msg = f"Cannot change user {who} to {row.newEmail}. New email is on the forgotten list"
        raise refuse(msg, "EmailAlreadyExists", status=status)
    holder = project.people.by_email.get(email)
    if holder is not None and holder is not user:
        raise refuse(f"{change}New email already exists", "EmailAlreadyExists", status=status)
    at = call.now + project.lag_single.draw()
    moved = replace(user.true, email=email, updated_at=call.now, visible_at=at, created_at=at)
    project.people.put(user, moved, call.now)
    for event in () if user.last_event is None else user.last_event.chain():
        event.email = email
    project.ledger.one(call.now, call.path, "identity", call.body)
    return envelope()


def _party(project: Project, email: str | None, user_id: str | None) -> User | None:
    if email is not None:
        if not email_ok(email):
            raise invalid_email(email)
        return project.people.by_email.get(email.lower())
    if user_id is None:
        raise refuse("Source and destination must each have an email or a userId")
    return project.people.by_user_id.get(user_id)


def merge(project: Project, call: Call) -> Answer:
    """POST users/merge: the destination wins; without one, the source takes its identifier."""
    row = decode(call.body, Merge, call.path)
    source = _party(project, row.sourceEmail, row.sourceUserId)
    destination = _party(project, row.destinationEmail, row.destinationUserId)
    if _forgotten(project, row.destinationEmail, row.destinationUserId):
        raise _forgotten_refusal(project)
    if source is None:
        raise refuse("Source user does not exist", "BadParams")
    if source is destination:
        raise refuse("Source and destination are the same user", "BadParams")
    at = call.now + project.lag_single.draw()
    if destination is None:
        email = row.destinationEmail.lower() if row.destinationEmail else source.true.email
        user_id = row.destinationUserId or source.true.user_id
        named = replace(
            source.true, email=email, user_id=user_id, updated_at=call.now, visible_at=at
        )
        project.people.put(source, named, call.now)
    else:
        _unite(project, source, destination, row, at, call.now)
    project.ledger.one(call.now, call.path, "identity", call.body)
    return envelope()


def _unite(
    project: Project, source: User, destination: User, row: Merge, at: int, now: int
) -> None:
    theirs, ours = decode_fields(source.true.data), decode_fields(destination.true.data)
    united = {**theirs, **ours}
    for array in row.arrayMerge:
        old, new = ours.get(array.field), theirs.get(array.field)
        if isinstance(old, list) and isinstance(new, list):
            united[array.field] = _united(old, new, array.dedupeBy)
    before = destination.true
    choices = before.choices or source.true.choices
    remove_user(project, source, visible_at=at, now=now)
    after = replace(
        before, data=encode_fields(united), choices=choices, updated_at=now, visible_at=at
    )
    project.people.put(destination, after, now)
    note_members(project, destination, before.choices, choices)
    if source.last_event is not None:
        oldest = list(source.last_event.chain())[-1]
        oldest.previous, destination.last_event = destination.last_event, source.last_event
        source.last_event = None


def _united(old: list[Any], new: list[Any], dedupe_by: str | None) -> list[Any]:
    if dedupe_by is None:
        return [*old, *new]
    held = {v.get(dedupe_by) for v in old if isinstance(v, dict)}
    return [*old, *(v for v in new if not (isinstance(v, dict) and v.get(dedupe_by) in held))]


def _forgotten(project: Project, email: str | None, user_id: str | None) -> bool:
    return (email or "").lower() in project.forgotten_emails or (
        user_id or ""
    ) in project.forgotten_user_ids


def _forgotten_refusal(project: Project) -> Refusal:
    status = project.settings.forgotten_status
    return refuse("Contact is GDPR forgotten", "ForgottenUserError", status=status)


def _whom(project: Project, call: Call) -> Who:
    row = decode(call.body, Who, call.path)
    if row.email is not None and not email_ok(row.email):
        raise invalid_email(row.email)
    kind = project.settings.project_type
    if (row.email is None and kind == "email") or (row.userId is None and kind == "userId"):
        raise refuse(f"This project identifies users by {kind}")
    if row.email is None and row.userId is None:
        raise refuse("Either email or userId must be set")
    return row


def forget(project: Project, call: Call) -> Answer:
    """POST users/forget: deletes, erases, and blocks the identifier."""
    row = _whom(project, call)
    if row.email is not None:
        user = project.people.by_email.get(row.email.lower())
    else:
        user = project.people.by_user_id.get(row.userId or "")
    for known in (row.email, user.true.email if user else None):
        if known is not None:
            project.forgotten_emails.add(known.lower())
    for known in (row.userId, user.true.user_id if user else None):
        if known is not None:
            project.forgotten_user_ids.add(known)
    if user is not None:
        remove_user(project, user, visible_at=call.now + project.lag_single.draw(), now=call.now)
        project.events.drop(user.last_event)
        user.last_event = None
    project.ledger.one(call.now, call.path, "forget", call.body)
    return envelope()


def unforget(project: Project, call: Call) -> Answer:
    """POST users/unforget."""
    row = _whom(project, call)
    project.forgotten_emails.discard((row.email or "").lower())
    project.forgotten_user_ids.discard(row.userId or "")
    project.ledger.one(call.now, call.path, "unforget", call.body)
    return envelope()


def get_forgotten(project: Project, call: Call) -> Answer:  # noqa: ARG001 -- handlers take both
    """GET users/forgotten: hashes; an error in userID-based projects."""
    if project.settings.project_type == "userId":
        raise refuse("This endpoint is not supported in userID-based projects")
    return json({"hashedEmails": sorted(hashed(e) for e in project.forgotten_emails)})


def get_forgotten_user_ids(project: Project, call: Call) -> Answer:  # noqa: ARG001 -- as above
    """GET users/forgottenUserIds: hashes; an error in e-mail-based projects."""
    if project.email_based:
        raise refuse("This endpoint is not supported in email-based projects")
    return json({"hashedUserIds": sorted(hashed(u) for u in project.forgotten_user_ids)})
