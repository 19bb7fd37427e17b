"""Writing to users: null, merge and array rules, managed fields, and who may change an identifier.

Sources: iterable.md §5 (identity), §6.4 (null and merge), §6.5 (managed fields).
"""

from typing import Any

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from daemon.sandbox.dates import shown
from daemon.sandbox.field_types import BadValue, holds_longer_text
from daemon.sandbox.identity import Failure, check_email, check_user_id
from daemon.sandbox.people import Choices, User, Version, decode_fields, encode_fields
from daemon.sandbox.project import MailingList, Project

MANAGED = frozenset(
    (
        "email",
        "userId",
        "itblUserId",
        "itblInternal",
        "itblDS",
        "profileUpdatedAt",
        "emailListIds",
        "userListIds",
        "unsubscribedChannelIds",
        "unsubscribedMessageTypeIds",
        "subscribedMessageTypeIds",
    )
)
LAID_OVER = frozenset((type(None), dict))
Chosen = Choices | UnsetType | None


def merge_into(old: dict[str, Any], new: dict[str, Any], *, nested: bool) -> None:
    """Lay `new` over `old`: null removes a key, an array replaces, an object only merges if asked.

    Merging reaches one level below the top; deeper objects are replaced (UNCONFIRMED).
    """
    if LAID_OVER.isdisjoint(map(type, new.values())):
        old.update(new)
        return
    for key, value in new.items():
        if value is None:
            old.pop(key, None)
        elif type(value) is dict:
            held = old.get(key)
            if nested and type(held) is dict:
                merge_into(held, value, nested=False)
            else:
                old[key] = {k: v for k, v in value.items() if v is not None}
        else:
            old[key] = value


def write_user(
    project: Project,
    user: User | None,
    email: str | None,
    user_id: str | None,
    fields: dict[str, Any] | None,
    *,
    visible_at: int,
    now: int,
    nested: bool = False,
    source: str = "API",
) -> User | None:
    """Upsert a user with checked fields; returns None when nothing would change.

    Raises Failure for an identifier change that is blocked, BadValue for a text that is too long.
    """
    choices: Chosen = UNSET
    if fields and not MANAGED.isdisjoint(fields):
        fields, email, user_id, choices = _take_managed(project, user, fields, email, user_id)
    if user is None:
        data = {"signupDate": shown(visible_at), "signupSource": source}
        version = Version(
            email,
            user_id,
            _laid_over(project, data, fields, nested=False),
            choices or None,
            visible_at,
            now,
            visible_at,
        )
        return _create(project, version)
    true = user.true
    encoded = true.data
    if fields:
        encoded = _laid_over(project, decode_fields(encoded), fields, nested=nested)
    user_id = true.user_id if user_id is None else user_id
    email = true.email if email is None else email
    chosen = true.choices if choices is UNSET else choices
    if (
        encoded == true.data
        and email == true.email
        and user_id == true.user_id
        and chosen == true.choices
    ):
        return None
    after = Version(email, user_id, encoded, chosen, true.created_at, now, visible_at)
    project.people.put(user, after, now)
    if chosen is not true.choices:
        note_members(project, user, true.choices, chosen)
    return user


def _laid_over(
    project: Project, stored: dict[str, Any], fields: dict[str, Any] | None, *, nested: bool
) -> bytes:
    if fields:
        merge_into(stored, fields, nested=nested)
    encoded = encode_fields(stored)
    limit = project.settings.text_limit
    if len(encoded) > limit and holds_longer_text(fields, limit):
        raise BadValue(f"longer than {limit} characters")
    return encoded


def _create(project: Project, version: Version) -> User:
    user = project.people.create(version)
    if project.events.without_profile and version.email is not None:
        user.last_event = project.events.without_profile.pop(version.email, None)
    if version.choices is not None:
        note_members(project, user, None, version.choices)
    return user


def _take_managed(
    project: Project,
    user: User | None,
    fields: dict[str, Any],
    email: str | None,
    user_id: str | None,
) -> tuple[dict[str, Any], str | None, str | None, Chosen]:
    """Split what Iterable manages off the fields, and obey what of it may be written."""
    new_email, new_id = fields.get("email"), fields.get("userId")
    if isinstance(new_email, str) and not project.email_based:
        email = _new_identifier(project, user, "Email", new_email.lower())
    if isinstance(new_id, str):
        user_id = _new_identifier(project, user, "UserId", new_id)
    choices: Chosen = UNSET
    given = fields.keys() & ARRAYS.keys()
    if given:
        old = Choices() if user is None or user.true.choices is None else user.true.choices
        choices = old
        for name in given:
            if project.settings.opt_in_feature and name not in ("emailListIds", "userListIds"):
                continue
            ids = fields[name] if isinstance(fields[name], list) else [fields[name]]
            choices = replace(choices, **{ARRAYS[name]: tuple(i for i in ids if type(i) is int)})
        if choices is old and (user is None or user.true.choices is None):
            choices = UNSET
    rest = {k: v for k, v in fields.items() if k not in MANAGED}
    return rest, email, user_id, choices


ARRAYS = {
    "emailListIds": "lists",
    "userListIds": "lists",
    "unsubscribedChannelIds": "off_channels",
    "unsubscribedMessageTypeIds": "off_types",
    "subscribedMessageTypeIds": "on_types",
}


def _new_identifier(project: Project, user: User | None, kind: str, value: str) -> str:
    email = kind == "Email"
    (check_email if email else check_user_id)(project, value)
    unique = project.settings.project_type in ("hybrid", "email" if email else "userId")
    index = project.people.by_email if email else project.people.by_user_id
    holder = index.get(value)
    if unique and holder is not None and holder is not user:
        raise Failure(f"conflict{kind}", value)
    return value


def put_choices(
    project: Project, user: User, choices: Choices, *, visible_at: int, now: int
) -> None:
    """Give a user these subscription arrays."""
    before = user.true.choices
    if choices != before:
        version = replace(user.true, choices=choices, updated_at=now, visible_at=visible_at)
        project.people.put(user, version, now)
        note_members(project, user, before, choices)


def note_members(
    project: Project, user: User, before: Choices | None, after: Choices | None
) -> None:
    """Enter a user in the lists they are newly on; who left is dropped when the list is read."""
    old = () if before is None else before.lists
    for list_id in () if after is None else after.lists:
        if list_id not in old:
            known = project.lists.get(list_id)
            if known is None:
                continue
            known.members[user] = None


def members_seen(people_list: MailingList, at: int) -> list[Version]:
    """Who a read at `at` shows on a list; those gone for good are dropped."""
    shown_now: list[Version] = []
    gone: list[User] = []
    for user in people_list.members:
        version = user.seen(at)
        if version and version.choices and people_list.id in version.choices.lists:
            shown_now.append(version)
        elif not (user.true.choices and people_list.id in user.true.choices.lists):
            gone.append(user)
    for user in gone:
        del people_list.members[user]
    return shown_now


def remove_user(project: Project, user: User, *, visible_at: int, now: int) -> None:
    """Delete a user; reads show them until the deletion has become visible."""
    gone = replace(user.true, choices=None, alive=False, updated_at=now, visible_at=visible_at)
    project.people.put(user, gone, now)
