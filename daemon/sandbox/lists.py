"""Lists: making them, who is on them, subscribing and unsubscribing (iterable.md §9)."""

from collections.abc import Mapping
from typing import Any

from daemon.sandbox.answers import TEXT, Answer, Call, encode, envelope, json, refuse
from daemon.sandbox.decoding import decode, whole
from daemon.sandbox.event_log import Event
from daemon.sandbox.events import enter
from daemon.sandbox.identity import Failure, find
from daemon.sandbox.ledger import APPLIED
from daemon.sandbox.people import Choices, User, Version, encode_fields
from daemon.sandbox.project import MailingList, Project
from daemon.sandbox.requests import CreateList, Subscribe
from daemon.sandbox.users import BulkResult, bulk_rows, within_limit
from daemon.sandbox.writes import members_seen, put_choices

USUAL_PREVIEW, MOST_PREVIEW = 1000, 5000


def get_lists(project: Project, call: Call) -> Answer:  # noqa: ARG001 -- every handler takes both
    """GET lists: newest first."""
    rows = [
        {
            "id": known.id,
            "name": known.name,
            "description": known.description or "",
            "createdAt": known.created_at,
            "listType": known.type,
        }
        for known in project.lists.values()
    ]
    return json({"lists": sorted(rows, key=lambda r: (r["createdAt"], r["id"]), reverse=True)})


def create_list(project: Project, call: Call) -> Answer:
    """POST lists."""
    wanted = decode(call.body, CreateList, call.path)
    list_id = project.serial()
    project.lists[list_id] = MailingList(
        list_id, wanted.name, "Standard", call.now, wanted.description
    )
    body = encode({"listId": list_id, "name": wanted.name})
    project.ledger.one(call.now, call.path, "listMade", body)
    return json({"listId": list_id})


def delete_list(project: Project, call: Call) -> Answer:
    """DELETE lists/{listId}."""
    text, number = call.args["listId"], project.settings.project_id
    known = project.lists.get(whole(text) or 0)
    if known is None:
        raise refuse(f"Unable to delete list {text} in Project {number}, which does not exist.")
    if known.in_use:
        raise refuse(f"List {text} in Project {number} is in use.", "Conflict", status=409)
    for user in known.members:
        choices = user.true.choices
        if choices is not None and known.id in choices.lists:
            left = with_list(choices, known.id, on=False)
            put_choices(
                project, user, left, visible_at=call.now + project.lag_bulk.draw(), now=call.now
            )
    del project.lists[known.id]
    project.ledger.one(call.now, call.path, "listDeleted", encode({"listId": known.id}))
    return envelope(f"List {text} in Project {number} was successfully deleted.")


def _writable(project: Project, call: Call, list_id: int) -> MailingList:
    """The list to change; it may be unknown for a while after its creation."""
    known = project.lists.get(list_id)
    settling = known is not None and call.now < known.created_at + project.settings.list_settle_ms
    if known is None or settling:
        params = {"projectId": project.settings.project_id, "listId": list_id}
        raise refuse(f"error.lists.invalidListId({list_id})", "Success", params)
    if known.type != "Standard" and project.settings.dynamic_list_edit == "refuse":
        raise refuse(f"List {list_id} is of type {known.type} and cannot be edited")
    return known


def with_list(choices: Choices | None, list_id: int, *, on: bool) -> Choices:
    """Subscription arrays with one list entered or left."""
    old = Choices() if choices is None else choices
    if on == (list_id in old.lists):
        return old
    lists = (*old.lists, list_id) if on else tuple(i for i in old.lists if i != list_id)
    return Choices(lists, old.off_channels, old.off_types, old.on_types)


def note_subscription(
    project: Project,
    user: User,
    now: int,
    ids: Mapping[str, tuple[int, ...]],
    *,
    on: bool,
    source: str | None = None,
    extra: dict[str, Any] | None = None,
) -> None:
    """Enter the system event an opt-in or opt-out leaves in the exports (iterable.md §15).

    `ids` holds what was chosen under `lists`, `channels` and `types`, `extra` what it came from.
    """
    data: dict[str, object] = {
        "emailListIds": ids.get("lists", ()),
        "channelIds": ids.get("channels", ()),
        "messageTypeIds": ids.get("types", ()),
    }
    if source is not None:
        data["unsubSource"] = source
    kind = "emailSubscribe" if on else "emailUnSubscribe"
    who = user.true
    event = Event(kind, "", "", who.email, who.user_id, now, who.visible_at, encode_fields(data))
    event.extra = extra
    enter(project, event, user)


def subscribe(project: Project, call: Call) -> Answer:
    """POST lists/subscribe: unknown users are created."""
    request = decode(call.body, Subscribe, call.path)
    known = _writable(project, call, request.listId)
    within_limit(project, len(request.subscribers))
    result, users, created = bulk_rows(
        project,
        request.subscribers,
        call.now,
        create_fields=None,
        existing_only=request.updateExistingUsersOnly is True and not project.email_based,
        source="ListAPI",
    )
    moments = project.lag_bulk.moments(call.now)
    chance, size = project.rng.random, len(moments)
    for place, user in enumerate(users):
        if user is None or known.type != "Standard":
            continue
        choices = with_list(user.true.choices, known.id, on=True)
        if choices is not user.true.choices:
            result.applied_after_all(place)
            at = moments[int(chance() * size)]
            put_choices(project, user, choices, visible_at=at, now=call.now)
            note_subscription(project, user, call.now, {"lists": (known.id,)}, on=True)
    project.ledger.bulk(call.now, call.path, "list", "subscribers", call.body, bytes(result.codes))
    return result.answer(created)


def unsubscribe(project: Project, call: Call) -> Answer:
    """POST lists/unsubscribe: unknown users are notFound; the channel only if asked for."""
    request = decode(call.body, Subscribe, call.path)
    known = _writable(project, call, request.listId)
    within_limit(project, len(request.subscribers))
    whole_channel = request.channelUnsubscribe
    if whole_channel is None:
        whole_channel = project.settings.channel_unsubscribe_default
    result = BulkResult()
    moments = project.lag_bulk.moments(call.now)
    chance, size = project.rng.random, len(moments)
    for row in request.subscribers:
        try:
            user, email, user_id = find(project, row.email, row.userId)
            if user is None:
                raise _not_found(email if row.email is not None else None, user_id)
        except Failure as failure:
            result.fail(failure.kind, failure.value)
            continue
        choices = with_list(user.true.choices, known.id, on=False)
        channels = project.settings.channels[:1] if whole_channel else ()
        if channels and channels[0].id not in choices.off_channels:
            off = (*choices.off_channels, channels[0].id)
            choices = Choices(choices.lists, off, choices.off_types, choices.on_types)
        if choices is user.true.choices:
            result.no_op(row.email and email, row.userId)
            continue
        at = moments[int(chance() * size)]
        put_choices(project, user, choices, visible_at=at, now=call.now)
        ids = {"lists": (known.id,), "channels": tuple(c.id for c in channels)}
        extra = {"campaignId": request.campaignId}
        note_subscription(project, user, call.now, ids, on=False, extra=extra)
        result.codes.append(APPLIED)
    project.ledger.bulk(call.now, call.path, "list", "subscribers", call.body, bytes(result.codes))
    return result.answer([])


def _not_found(email: str | None, user_id: str | None) -> Failure:
    if email is not None:
        return Failure("notFoundEmail", email)
    return Failure("notFoundUserId", user_id or "")


def _members(project: Project, call: Call, text: str) -> list[Version]:
    known = project.lists.get(whole(text) or 0)
    if known is None:
        params = {"projectId": str(project.settings.project_id), "listId": text}
        raise refuse("Invalid email list id", params=params)
    return members_seen(known, call.now)


def _identifier(project: Project, version: Version, *, prefer_user_id: bool) -> str:
    first, second = version.email, version.user_id
    if prefer_user_id or project.settings.project_type == "userId":
        first, second = second, first
    return first or second or ""


def get_users(project: Project, call: Call) -> Answer:
    """GET lists/getUsers: one identifier a line."""
    prefer = call.query.get("preferUserId") == "true"
    members = _members(project, call, call.query.get("listId", ""))
    lines = [f"{_identifier(project, v, prefer_user_id=prefer)}\n" for v in members]
    return Answer("".join(lines).encode(), content_type=TEXT)


def preview_users(project: Project, call: Call) -> Answer:
    """GET lists/previewUsers: the first of them."""
    size = whole(call.query.get("size", str(USUAL_PREVIEW)))
    if size is None or not 1 <= size <= MOST_PREVIEW:
        raise refuse(f"size must be between 1 and {MOST_PREVIEW}")
    members = _members(project, call, call.query.get("listId", ""))[:size]
    prefer = call.query.get("preferUserId") == "true"
    lines = [f"{_identifier(project, v, prefer_user_id=prefer)}\n" for v in members]
    return Answer("".join(lines).encode(), content_type=TEXT)


def get_size(project: Project, call: Call) -> Answer:
    """GET lists/{listId}/size: a plain number."""
    size = len(_members(project, call, call.args["listId"]))
    return Answer(str(size).encode(), content_type=TEXT)
