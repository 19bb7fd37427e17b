"""Deleting users, forgetting them for good, and who is forgotten (iterable.md §7)."""

from daemon.sandbox.answers import Answer, Call, encode, envelope, invalid_email, json, refuse
from daemon.sandbox.decoding import decode
from daemon.sandbox.identity import email_ok, hashed
from daemon.sandbox.project import Project
from daemon.sandbox.requests import Who
from daemon.sandbox.writes import remove_user


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
    body = encode({"email": email, "userId": user_id})
    project.ledger.one(call.now, call.path, "delete", body)


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
    """POST users/forget: deletes, erases, and blocks both identifiers."""
    row = _whom(project, call)
    email = None if row.email is None else row.email.lower()
    if email is not None:
        user = project.people.by_email.get(email)
        project.events.drop(project.events.without_profile.pop(email, None))
    else:
        user = project.people.by_user_id.get(row.userId or "")
    user_id = row.userId
    if user is not None:
        email, user_id = email or user.true.email, user_id or user.true.user_id
        remove_user(project, user, visible_at=call.now + project.lag_single.draw(), now=call.now)
        project.events.drop(user.last_event)
        user.last_event = None
    if email is not None:
        project.forgotten_emails[email] = user_id
    if user_id is not None:
        project.forgotten_user_ids[user_id] = email
    project.ledger.one(call.now, call.path, "forget", call.body)
    return envelope()


def unforget(project: Project, call: Call) -> Answer:
    """POST users/unforget: frees what was blocked together."""
    row = _whom(project, call)
    email = (row.email or "").lower()
    user_id = project.forgotten_emails.pop(email, None) or row.userId or ""
    email = project.forgotten_user_ids.pop(user_id, None) or email
    project.forgotten_emails.pop(email, None)
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
