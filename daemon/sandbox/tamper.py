"""Changes made behind Segue's back, as careless people and other programs make them.

They are at once visible (somebody looked, then clicked) and stand in the ledger with who did it.
"""

from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from daemon.sandbox.answers import encode
from daemon.sandbox.identity import Failure
from daemon.sandbox.lists import note_subscription, with_list
from daemon.sandbox.people import Choices, User
from daemon.sandbox.project import Project
from daemon.sandbox.subscriptions import chosen
from daemon.sandbox.writes import put_choices, remove_user, write_user


class Edit(Struct, forbid_unknown_fields=True, kw_only=True):
    """One change to one user (by `email` or `userId`).

    `fields` needs `fields` (null removes one); list and subscription changes need `id`, the latter
    also `group` (lists, channels or types).
    """

    action: Literal["fields", "delete", "drop_list", "add_list", "subscribe", "unsubscribe"]
    email: str | None = None
    userId: str | None = None  # noqa: N815 -- Iterable's own name
    fields: dict[str, Any] | None = None
    group: Literal["lists", "channels", "types"] = "channels"
    id: int | None = None
    by: Literal["person", "api"] = "person"


def apply(project: Project, edit: Edit) -> dict[str, Any]:
    """Make the change; raises Failure when nobody is meant or a needed id is missing."""
    people, now = project.people, project.clock()
    user = people.by_email.get((edit.email or "").lower())
    if user is None:
        user = people.by_user_id.get(edit.userId or "")
    if user is None:
        raise Failure("notFoundEmail", edit.email or edit.userId or "")
    match edit.action:
        case "fields":
            check = project.check_user(create=True)
            check.row(edit.fields or {})
            check.lock()
            write_user(project, user, None, None, edit.fields, visible_at=now, now=now)
        case "delete":
            remove_user(project, user, visible_at=now, now=now)
        case "drop_list" | "add_list":
            on = edit.action == "add_list"
            _choose(
                project, user, edit, with_list(user.true.choices, _id(edit), on=on), "lists", on=on
            )
        case "subscribe" | "unsubscribe":
            on = edit.action == "subscribe"
            choices = chosen(project, user.true.choices, edit.group, _id(edit), on=on)
            _choose(project, user, edit, choices, edit.group, on=on)
    user.true = replace(user.true, visible_at=min(user.true.visible_at, now))
    project.ledger.one(now, "/_sandbox/tamper", "tamper", encode(edit), by=edit.by)
    return {"tampered": edit.action}


def _id(edit: Edit) -> int:
    if edit.id is None:
        raise ValueError(f"{edit.action} needs an id")
    return edit.id


def _choose(
    project: Project, user: User, edit: Edit, choices: Choices, group: str, *, on: bool
) -> None:
    now = project.clock()
    if choices == user.true.choices:
        return
    put_choices(project, user, choices, visible_at=now, now=now)
    source = "EmailLink" if edit.by == "person" and not on else None
    note_subscription(project, user, now, {group: (_id(edit),)}, on=on, source=source)
