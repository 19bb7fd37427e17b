"""users/updateEmail and users/merge (iterable.md §7, §2.4)."""

from typing import Any

from msgspec.structs import replace

from daemon.sandbox.answers import Answer, Call, envelope, invalid_email, refuse
from daemon.sandbox.decoding import decode
from daemon.sandbox.identity import email_ok
from daemon.sandbox.people import User, decode_fields, encode_fields
from daemon.sandbox.project import Project
from daemon.sandbox.requests import ArrayMerge, Merge, UpdateEmail
from daemon.sandbox.writes import MANAGED, note_members, remove_user

ITERABLE_ARRAYS = MANAGED | {"devices", "browserTokens", "shoppingCartItems"}


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
    before = user.true.email
    moved = replace(user.true, email=email, updated_at=call.now, visible_at=at, created_at=at)
    project.people.put(user, moved, call.now)
    _rename_past(project, user, moved.user_id, was=before)
    project.ledger.one(call.now, call.path, "identity", call.body)
    return envelope()


def _rename_past(project: Project, user: User, user_id: str | None, *, was: str | None) -> None:
    """Let a user's events, and the messages sent to `was`, bear the present identifiers."""
    email = user.true.email
    for event in project.events.chain(user.last_event):
        event.email, event.user_id = email, user_id
    for sent in project.sends:
        if was is not None and sent.email == was:
            sent.email, sent.user_id = email, user_id


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
    if project.settings.api_key_kind != "ServerSide":
        raise refuse("Merging users needs a server-side API key", "Forbidden", status=403)
    if any(array.field in ITERABLE_ARRAYS for array in row.arrayMerge):
        raise refuse("arrayMerge may only name custom arrays")
    source = _party(project, row.sourceEmail, row.sourceUserId)
    destination = _party(project, row.destinationEmail, row.destinationUserId)
    if _forgotten(project, row.destinationEmail, row.destinationUserId):
        status = project.settings.forgotten_status
        raise refuse("Contact is GDPR forgotten", "ForgottenUserError", status=status)
    if source is None:
        raise refuse("Source user does not exist", "BadParams")
    if source is destination:
        raise refuse("Source and destination are the same user", "BadParams")
    at = call.now + project.lag_single.draw()
    if destination is None:
        _re_identify(project, source, row, at, call.now)
    else:
        _unite(project, source, destination, row, at, call.now)
    project.ledger.one(call.now, call.path, "identity", call.body)
    return envelope()


def _re_identify(project: Project, source: User, row: Merge, at: int, now: int) -> None:
    before = source.true
    email = row.destinationEmail.lower() if row.destinationEmail else before.email
    user_id = row.destinationUserId or before.user_id
    named = replace(before, email=email, user_id=user_id, updated_at=now, visible_at=at)
    project.people.put(source, named, now)
    _rename_past(project, source, user_id, was=before.email)


def _unite(
    project: Project, source: User, destination: User, row: Merge, at: int, now: int
) -> None:
    theirs, ours = decode_fields(source.true.data), decode_fields(destination.true.data)
    united = {**theirs, **ours}
    for array in row.arrayMerge:
        if array.field in ours and array.field in theirs:
            united[array.field] = _united(ours[array.field], theirs[array.field], array)
    before = destination.true
    choices = before.choices or source.true.choices
    was = source.true.email
    remove_user(project, source, visible_at=at, now=now)
    after = replace(
        before, data=encode_fields(united), choices=choices, updated_at=now, visible_at=at
    )
    project.people.put(destination, after, now)
    note_members(project, destination, before.choices, choices)
    chain = project.events.append_chain(source.last_event, destination.last_event)
    source.last_event, destination.last_event = None, chain
    _rename_past(project, destination, after.user_id, was=was)


def _united(ours: Any, theirs: Any, array: ArrayMerge) -> list[Any]:
    """Both arrays, without what the destination has (by one field, or as a whole); one value is
    an array of one.
    """
    old = ours if isinstance(ours, list) else [ours]
    new = theirs if isinstance(theirs, list) else [theirs]
    if array.dedupeBy is None:
        return [*old, *(v for v in new if v not in old)]
    if not all(isinstance(v, dict) for v in [*old, *new]):
        raise refuse(f"dedupeBy needs an array of objects: {array.field}")
    held = [v[array.dedupeBy] for v in old if array.dedupeBy in v]
    return [*old, *(v for v in new if array.dedupeBy not in v or v[array.dedupeBy] not in held)]


def _forgotten(project: Project, email: str | None, user_id: str | None) -> bool:
    return (email or "").lower() in project.forgotten_emails or (
        user_id or ""
    ) in project.forgotten_user_ids
