"""events/track, events/trackBulk and reading events (iterable.md §8).

An event's id is the only key to sending it twice: the same id again replaces (or merges, a setting)
what was there. Types are locked for each event name; one clash refuses the whole bulk call.
"""

from typing import Any

import msgspec

from daemon.sandbox.answers import Answer, Call, encode, envelope, invalid_email, json, refuse
from daemon.sandbox.dates import canonical, shown
from daemon.sandbox.event_log import Event
from daemon.sandbox.field_types import BadValue, Check
from daemon.sandbox.identity import Failure, email_ok, find, refusal
from daemon.sandbox.ledger import APPLIED, CODE
from daemon.sandbox.people import User
from daemon.sandbox.project import Project
from daemon.sandbox.requests import PushOpen, Track, TrackBulk, bad_json, decode
from daemon.sandbox.users import within_limit
from daemon.sandbox.writes import write_user

NO_FIELDS = b"{}"
LONGEST_ID = 512
MOST_EVENTS, USUAL_EVENTS = 200, 30
MILLISECONDS_FROM = 100_000_000_000
FAILED_EVENTS = tuple(
    f"{kind}{key}s" for kind in ("invalid", "notFound", "forgotten") for key in ("Email", "UserId")
)
decode_any = msgspec.json.Decoder(dict[str, Any]).decode


class Checks:
    """The checks one call needs: one for each event name it holds."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._by_name: dict[tuple[str, bool | None], Check] = {}

    def fields(self, row: Track, place: str, path: str) -> bytes | msgspec.Raw:
        """A row's dataFields, checked; raises Refusal on a clash, BadValue for this row alone."""
        try:
            fields = decode_any(row.dataFields)
        except msgspec.ValidationError as error:
            if bytes(row.dataFields) == b"null":
                return NO_FIELDS
            raise bad_json(path, {f"{place}.dataFields": "Object value expected"}) from error
        except RecursionError as error:
            raise BadValue("nested too deeply") from error
        key = (row.eventName, row.createNewFields)
        check = self._by_name.get(key)
        if check is None:
            check = self._by_name[key] = self._project.check_event(
                row.eventName, create=row.createNewFields
            )
        size = len(fields)
        check.row(fields)
        return row.dataFields if len(fields) == size else encode(fields)

    def lock(self) -> tuple[list[str], list[str]]:
        """Keep the new types; returns the new names and those left out."""
        created: set[str] = set()
        filtered: set[str] = set()
        for (name, _), check in self._by_name.items():
            created.update(check.lock())
            filtered |= check.filtered
            self._project.event_schemas[name] = check.schema
        return sorted(created), sorted(filtered)


def event_time(project: Project, given: float | None, now: int) -> int:
    """When an event happened, in ms; sent in seconds, or (a setting) in ms if that large."""
    if given is None:
        return now
    if project.settings.event_time_unit == "detect" and given >= MILLISECONDS_FROM:
        return int(given)
    return int(given * 1000)


def enter(project: Project, event: Event, user: User | None) -> None:
    """Keep a new event and chain it to its user, or to the e-mail address nobody has yet."""
    if user is not None:
        event.previous, user.last_event = user.last_event, event
    elif event.email is not None:
        event.previous = project.events.without_profile.get(event.email)
        project.events.without_profile[event.email] = event
    project.events.add(event)


def _track_row(
    project: Project, row: Track, data: bytes | msgspec.Raw, visible_at: int, now: int
) -> str:
    """Apply one checked event; returns its id, raises Failure."""
    user, email, user_id = find(project, row.email, row.userId)
    if user is None and not project.email_based:
        user = write_user(project, None, email, user_id, None, visible_at=visible_at, now=now)
    custom = project.events.custom
    event_id = row.id
    if event_id is not None:
        known = custom.get(event_id)
        if known is not None:
            if project.settings.event_resend == "merge":
                data = encode({**decode_any(known.data), **decode_any(data)})
            known.data, known.updated_at, known.name = data, now, row.eventName
            return event_id
    else:
        event_id = f"{project.rng.getrandbits(128):032x}"
    event = Event(
        "customEvent",
        row.eventName,
        event_id,
        email,
        user_id,
        event_time(project, row.createdAt, now),
        visible_at,
        data,
    )
    if row.campaignId is not None or row.templateId is not None:
        event.extra = {"campaignId": row.campaignId, "templateId": row.templateId}
    custom[event_id] = event
    enter(project, event, user)
    return event_id


def _check_id(row: Track) -> None:
    if row.id is not None and len(row.id.encode()) > LONGEST_ID:
        raise refuse(f"Event id is longer than {LONGEST_ID} bytes")


def track(project: Project, call: Call) -> Answer:
    """POST events/track."""
    row = decode(call.body, Track, call.path)
    _check_id(row)
    if row.eventName in project.settings.disallowed_event_names:
        project.ledger.one(
            call.now, call.path, "event", call.body, code=CODE["disallowedEventName"]
        )
        return envelope(f"Event {row.eventName} is disallowed from tracking")
    checks = Checks(project)
    try:
        data = checks.fields(row, "obj", call.path)
        visible_at = call.now + project.lag_single.draw()
        event_id = _track_row(project, row, data, visible_at, call.now)
    except Failure as failure:
        raise refusal(project, failure) from failure
    except BadValue as bad:
        raise refuse(f"Invalid value for field {bad}") from bad
    checks.lock()
    project.ledger.one(call.now, call.path, "event", call.body)
    return envelope(f"Event with id: {event_id} tracked.", params={"id": event_id})


def track_bulk(project: Project, call: Call) -> Answer:
    """POST events/trackBulk: wrong rows fail alone; disallowed names count as failed."""
    rows = decode(call.body, TrackBulk, call.path).events
    within_limit(project, len(rows))
    checks = Checks(project)
    ready: list[bytes | msgspec.Raw | None] = []
    for number, row in enumerate(rows):
        _check_id(row)
        try:
            ready.append(checks.fields(row, f"obj.events[{number}]", call.path))
        except BadValue:
            ready.append(None)
    created, filtered = checks.lock()
    codes = bytearray()
    failed: dict[str, list[str]] = {}
    disallowed: set[str] = set()
    moments = project.lag_bulk.moments(call.now)
    chance, size, refused = (
        project.rng.random,
        len(moments),
        project.settings.disallowed_event_names,
    )
    for row, data in zip(rows, ready, strict=True):
        if refused and row.eventName in refused:
            disallowed.add(row.eventName)
            codes.append(CODE["disallowedEventName"])
            continue
        try:
            if data is None:
                raise _bad_data(row)
            _track_row(project, row, data, moments[int(chance() * size)], call.now)
        except Failure as failure:
            codes.append(CODE[failure.kind])
            kind = AS_LISTED.get(failure.kind, failure.kind)
            value = failure.value.lower() if kind.endswith("Email") else failure.value
            failed.setdefault(f"{kind}s", []).append(value)
        else:
            codes.append(APPLIED)
    project.ledger.bulk(call.now, call.path, "event", "events", call.body, bytes(codes))
    return _bulk_answer(codes, failed, created, filtered, sorted(disallowed))


AS_LISTED = {
    "conflictEmail": "invalidEmail",
    "conflictUserId": "invalidUserId",
    "invalidDataEmail": "invalidEmail",
    "invalidDataUserId": "invalidUserId",
}


def _bad_data(row: Track) -> Failure:
    if row.email is not None:
        return Failure("invalidDataEmail", row.email)
    return Failure("invalidDataUserId", row.userId or "")


def _bulk_answer(
    codes: bytearray,
    failed: dict[str, list[str]],
    created: list[str],
    filtered: list[str],
    disallowed: list[str],
) -> Answer:
    applied = codes.count(APPLIED)
    invalid_ids = failed.get("invalidUserIds", []) + failed.get("notFoundUserIds", [])
    return json(
        {
            "successCount": applied,
            "failCount": len(codes) - applied,
            "createdFields": created,
            "filteredOutFields": filtered,
            "disallowedEventNames": disallowed,
            "invalidEmails": failed.get("invalidEmails", []),
            "invalidUserIds": invalid_ids,
            "failedUpdates": {name: failed.get(name, []) for name in FAILED_EVENTS},
        }
    )


def shown_fields(project: Project, event: Event) -> dict[str, Any]:
    """A custom event's dataFields with its dates in the form they are read back in."""
    fields = decode_any(event.data)
    schema = project.event_schemas.get(event.name)
    if schema is not None:
        for name, value in fields.items():
            if type(value) is str and schema.known.get(name) == "date":
                fields[name] = canonical(value)
    return {k: v for k, v in fields.items() if v is not None}


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
        row |= decode_any(event.data)
    if event.updated_at is not None:
        row["eventUpdatedAt"] = shown(event.updated_at)
    if event.extra is not None:
        row |= {k: v for k, v in event.extra.items() if v is not None}
    return row


def _limit(call: Call) -> int:
    text = call.query.get("limit", str(USUAL_EVENTS))
    if not text.isdigit() or not 1 <= int(text) <= MOST_EVENTS:
        raise refuse(f"limit must be between 1 and {MOST_EVENTS}")
    return int(text)


def _events_answer(project: Project, call: Call, last: Event | None) -> Answer:
    limit = _limit(call)
    chain = () if last is None else last.chain()
    seen = [e for e in chain if e.visible_at <= call.now]
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


def track_push_open(project: Project, call: Call) -> Answer:
    """POST events/trackPushOpen."""
    row = decode(call.body, PushOpen, call.path)
    if row.email is None and row.userId is None:
        params = {"campaignId": row.campaignId, "messageId": row.messageId}
        raise refuse("Either email or userId must be specified in a track call", params=params)
    try:
        user, email, user_id = find(project, row.email, row.userId)
    except Failure as failure:
        raise refusal(project, failure) from failure
    data = encode({"campaignId": row.campaignId, "messageId": row.messageId})
    event = Event("pushOpen", "", project.uuid(), email, user_id, call.now, call.now, data)
    enter(project, event, user)
    project.ledger.one(call.now, call.path, "event", call.body)
    return envelope()
