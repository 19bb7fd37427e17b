"""Reading events (iterable.md §8)."""

from typing import Any

from daemon.sandbox.answers import Answer, Call, invalid_email, json, refuse
from daemon.sandbox.dates import canonical, shown
from daemon.sandbox.decoding import whole
from daemon.sandbox.event_log import Event, Place, decode_data
from daemon.sandbox.identity import email_ok
from daemon.sandbox.project import Project

MOST_EVENTS, USUAL_EVENTS = 200, 30


def shown_fields(project: Project, event: Event) -> dict[str, Any]:
    """A custom event's dataFields with its dates in the form they are read back in."""
    schema = project.event_schemas.get(event.name)
    known = {} if schema is None else schema.known
    fields = decode_data(event.data)
    return {k: _shown(known, k, v) for k, v in fields.items() if v is not None}


def _shown(known: dict[str, str], path: str, value: Any) -> Any:
    if type(value) is str:
        return canonical(value) if known.get(path) == "date" else value
    if type(value) is dict:
        return {k: _shown(known, f"{path}.{k}", v) for k, v in value.items() if v is not None}
    if type(value) is list:
        return [_shown(known, path, v) for v in value]
    return value


def as_read(project: Project, event: Event) -> dict[str, Any]:
    """An event as GET events returns it."""
    row: dict[str, Any] = {"eventType": event.kind, "createdAt": shown(event.created_at)}
    if event.email is not None:
        row["email"] = event.email
    if event.user_id is not None:
        row["userId"] = event.user_id
    if event.kind == "customEvent":
        row |= {"eventName": event.name, "id": event.id, "dataFields": shown_fields(project, event)}
    else:
        row |= decode_data(event.data)
    if event.updated_at is not None:
        row["eventUpdatedAt"] = shown(event.updated_at)
    if event.extra is not None:
        row |= {k: v for k, v in event.extra.items() if v is not None}
    return row


def _limit(call: Call) -> int:
    limit = whole(call.query.get("limit", str(USUAL_EVENTS)))
    if limit is None or not 1 <= limit <= MOST_EVENTS:
        raise refuse(f"limit must be between 1 and {MOST_EVENTS}")
    return limit


def _events_answer(project: Project, call: Call, last: Place | None) -> Answer:
    limit = _limit(call)
    seen = [e for e in project.events.chain(last) if e.visible_at <= call.now]
    seen.sort(key=lambda e: e.created_at, reverse=True)
    return json({"events": [as_read(project, e) for e in seen[:limit]]})


def get_by_email(project: Project, call: Call) -> Answer:
    """GET events/{email}: newest first."""
    email = call.args["email"].lower()
    if not email_ok(email):
        raise invalid_email(call.args["email"])
    user = project.people.by_email.get(email)
    last = project.events.without_profile.get(email) if user is None else user.last_event
    return _events_answer(project, call, last)


def get_by_user_id(project: Project, call: Call) -> Answer:
    """GET events/byUserId/{userId}: newest first."""
    user = project.people.by_user_id.get(call.args["userId"])
    return _events_answer(project, call, None if user is None else user.last_event)
