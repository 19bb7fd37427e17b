"""events/track, events/trackBulk and events/trackPushOpen (iterable.md §8).

An event's id is the only key to sending it twice: the same id again replaces (or merges, a setting)
what was there. Types are locked for each event name; one clash refuses the whole bulk call.
"""

import msgspec

from daemon.sandbox.answers import Answer, Call, encode, envelope, json, refuse
from daemon.sandbox.dates import LATEST
from daemon.sandbox.decoding import bad_json, decode
from daemon.sandbox.event_log import Event, decode_data
from daemon.sandbox.field_types import BadValue, Check, holds_longer_text
from daemon.sandbox.identity import Failure, find
from daemon.sandbox.ledger import APPLIED, CODE
from daemon.sandbox.people import User
from daemon.sandbox.project import Project
from daemon.sandbox.requests import PushOpen, Track, TrackBulk
from daemon.sandbox.users import within_limit
from daemon.sandbox.writes import write_user

NO_FIELDS = b"{}"
LONGEST_ID = 512
DISALLOWED = CODE["disallowedEventName"]
MILLISECONDS_FROM = 100_000_000_000
FAILED_EVENTS = tuple(
    f"{kind}{key}s" for kind in ("invalid", "notFound", "forgotten") for key in ("Email", "UserId")
)


class Checks:
    """The checks one call needs: one for each event name it holds."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._longest = project.settings.text_limit
        self._by_name: dict[tuple[str, bool | None], Check] = {}

    def fields(self, row: Track, place: str, path: str) -> bytes | msgspec.Raw:
        """A row's dataFields, checked; raises Refusal on a clash, BadValue for this row alone."""
        data = row.dataFields
        try:
            fields = decode_data(data)
        except msgspec.ValidationError as error:
            if bytes(data) == b"null":
                return NO_FIELDS
            raise bad_json(path, {f"{place}.dataFields": "Object value expected"}) from error
        except RecursionError as error:
            raise BadValue("nested too deeply") from error
        check = self._check(row)
        check.row(fields)
        if len(data) > self._longest and holds_longer_text(fields, self._longest):
            raise BadValue(f"longer than {self._longest} characters")
        return encode(fields) if check.filtered else data

    def _check(self, row: Track) -> Check:
        key = (row.eventName, row.createNewFields)
        check = self._by_name.get(key)
        if check is None:
            check = self._project.check_event(row.eventName, create=row.createNewFields)
            self._by_name[key] = check
        return check

    def lock(self) -> tuple[list[str], list[str]]:
        """Keep the new types; returns the new names and those left out."""
        created: set[str] = set()
        filtered: set[str] = set()
        for check in self._by_name.values():
            created.update(check.lock())
            filtered |= check.filtered
        return sorted(created), sorted(filtered)


def event_time(project: Project, given: float | None, now: int) -> int:
    """When an event happened, in ms; sent in seconds, or (a setting) in ms if that large."""
    if given is None:
        return now
    given = max(-LATEST, min(given, LATEST))
    if project.settings.event_time_unit == "detect" and given >= MILLISECONDS_FROM:
        return int(given)
    return int(given * 1000)


def enter(project: Project, event: Event, user: User | None) -> None:
    """Keep a new event and chain it to its user, or to the e-mail address nobody has yet."""
    if user is not None:
        user.last_event = project.events.add(event, user.last_event)
    elif event.email is not None:
        last = project.events.without_profile.get(event.email)
        project.events.without_profile[event.email] = project.events.add(event, last)
    else:
        project.events.add(event, None)


def _track_row(
    project: Project, row: Track, data: bytes | msgspec.Raw, visible_at: int, now: int
) -> str:
    """Apply one checked event; returns its id, raises Failure."""
    user, email, user_id = find(project, row.email, row.userId)
    if user is None and not project.email_based:
        user = write_user(project, None, email, user_id, None, visible_at=visible_at, now=now)
    custom = project.events.custom
    event_id = row.id
    if event_id is None:
        event_id = key = f"{project.rng.getrandbits(128):032x}"
    else:
        key = event_id
        if project.settings.event_id_scope != "project":
            key = _scoped(project, row, email, user_id)
        known = custom.get(key)
        if known is not None:
            _send_again(project, known, row, data, now)
            return event_id
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
    custom[key] = event
    enter(project, event, user)
    return event_id


def _scoped(project: Project, row: Track, email: str | None, user_id: str | None) -> str:
    """Where an event's id is unique (UNCONFIRMED, iterable.md §20.8)."""
    of_user = project.settings.event_id_scope == "user"
    return repr((row.id, email, user_id) if of_user else (row.id, row.eventName))


def _send_again(
    project: Project, known: Event, row: Track, data: bytes | msgspec.Raw, now: int
) -> None:
    if project.settings.event_resend == "merge":
        data = encode({**decode_data(known.data), **decode_data(data)})
    known.data, known.updated_at, known.name = data, now, row.eventName


def _check_id(row: Track) -> None:
    if row.id is not None and len(row.id.encode()) > LONGEST_ID:
        raise refuse(f"Event id is longer than {LONGEST_ID} bytes")


def track(project: Project, call: Call) -> Answer:
    """POST events/track."""
    row = decode(call.body, Track, call.path)
    _check_id(row)
    if row.eventName in project.settings.disallowed_event_names:
        project.ledger.one(call.now, call.path, "event", call.body, code=DISALLOWED)
        return envelope(f"Event {row.eventName} is disallowed from tracking")
    checks = Checks(project)
    data = checks.fields(row, "obj", call.path)
    visible_at = call.now + project.lag_single.draw()
    event_id = _track_row(project, row, data, visible_at, call.now)
    checks.lock()
    project.ledger.one(call.now, call.path, "event", call.body)
    return envelope(f"Event with id: {event_id} tracked.", params={"id": event_id})


def _checked(rows: list[Track], checks: Checks, path: str) -> list[bytes | msgspec.Raw | None]:
    """Every row's dataFields, or None for a row with a value no field can hold."""
    ready: list[bytes | msgspec.Raw | None] = []
    for number, row in enumerate(rows):
        _check_id(row)
        try:
            ready.append(checks.fields(row, f"obj.events[{number}]", path))
        except BadValue:
            ready.append(None)
    return ready


def track_bulk(project: Project, call: Call) -> Answer:
    """POST events/trackBulk: wrong rows fail alone; disallowed names count as failed."""
    rows = decode(call.body, TrackBulk, call.path).events
    within_limit(project, len(rows))
    checks = Checks(project)
    ready = _checked(rows, checks, call.path)
    created, filtered = checks.lock()
    codes = bytearray()
    failed: dict[str, list[str]] = {}
    disallowed: set[str] = set()
    moments = project.lag_bulk.moments(call.now)
    chance, size = project.rng.random, len(moments)
    refused = project.settings.disallowed_event_names
    for row, data in zip(rows, ready, strict=True):
        if refused and row.eventName in refused:
            disallowed.add(row.eventName)
            codes.append(DISALLOWED)
            continue
        try:
            if data is None:
                raise _bad_data(row)
            _track_row(project, row, data, moments[int(chance() * size)], call.now)
        except Failure as failure:
            codes.append(CODE[failure.kind])
            kind = AS_LISTED.get(failure.kind, failure.kind)
            failed.setdefault(f"{kind}s", []).append(failure.value)
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
        return Failure("invalidDataEmail", row.email.lower())
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


def track_push_open(project: Project, call: Call) -> Answer:
    """POST events/trackPushOpen."""
    row = decode(call.body, PushOpen, call.path)
    if row.email is None and row.userId is None:
        params = {"campaignId": row.campaignId, "messageId": row.messageId}
        raise refuse("Either email or userId must be specified in a track call", params=params)
    user, email, user_id = find(project, row.email, row.userId)
    data = encode({"campaignId": row.campaignId, "messageId": row.messageId})
    event = Event("pushOpen", "", project.uuid(), email, user_id, call.now, call.now, data)
    enter(project, event, user)
    project.ledger.one(call.now, call.path, "event", call.body)
    return envelope()
