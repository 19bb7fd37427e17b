"""What exports hold, and the synchronous ones (iterable.md §12).

A user's row is made by splicing bytes, so a sweep costs the sandbox little. Rows go out in chunks
between which others are served.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any

from daemon.sandbox.answers import CSV, JSON_LINES, Answer, Call, encode, invalid_email, refuse
from daemon.sandbox.dates import parse_parameter, shown_any
from daemon.sandbox.event_log import Event, decode_data
from daemon.sandbox.event_reads import as_read
from daemon.sandbox.identity import email_ok
from daemon.sandbox.people import Version, decode_fields
from daemon.sandbox.project import Project
from daemon.sandbox.user_reads import region_of

DAY = 86_400_000
FOREVER = 1 << 62
ROWS_PER_CHUNK = 500
PHONE = b'"phoneNumber":"+'
DATA_TYPES = frozenset(
    (
        "user",
        "customEvent",
        "purchase",
        "emailSubscribe",
        "emailUnSubscribe",
        "emailSend",
        "emailOpen",
        "emailClick",
        "emailComplaint",
        "emailBounce",
        "emailSendSkip",
        "hostedUnsubscribeClick",
        "pushSend",
        "pushOpen",
        "pushBounce",
        "pushUninstall",
        "pushSendSkip",
        "inAppSend",
        "inAppOpen",
        "inAppClick",
        "inAppClose",
        "inAppDelete",
        "inAppDelivery",
        "inAppSendSkip",
        "inAppRecall",
        "inboxSession",
        "inboxMessageImpression",
        "smsSend",
        "smsBounce",
        "smsClick",
        "smsReceived",
        "smsSendSkip",
        "smsUsageInfo",
        "webPushSend",
        "webPushClick",
        "webPushSendSkip",
        "rcsSend",
        "rcsSendSkip",
        "embeddedSend",
        "embeddedSendSkip",
        "embeddedClick",
        "embeddedReceived",
        "embeddedImpression",
        "embeddedSession",
        "unknownSession",
        "journeyExit",
        "whatsAppBounce",
        "whatsAppClick",
        "whatsAppReceived",
        "whatsAppSeen",
        "whatsAppSend",
        "whatsAppSendSkip",
        "whatsAppUsageInfo",
    )
)


def user_row(project: Project, version: Version) -> bytes:
    """A user as one JSON line: internals flattened to dotted keys."""
    managed: dict[str, Any] = {
        "profileUpdatedAt": shown_any(version.updated_at),
        "itblInternal.documentCreatedAt": shown_any(version.created_at),
        "itblInternal.documentUpdatedAt": shown_any(version.visible_at),
    }
    if version.email is not None:
        managed["email"] = version.email
        managed["itblInternal.emailDomain"] = version.email.rpartition("@")[2]
    if version.user_id is not None:
        managed["userId"] = version.user_id
    if version.choices is not None:
        managed[project.list_field] = version.choices.lists
        managed["unsubscribedChannelIds"] = version.choices.off_channels
        managed["unsubscribedMessageTypeIds"] = version.choices.off_types
        managed["subscribedMessageTypeIds"] = version.choices.on_types
    if PHONE in version.data:
        region = region_of(decode_fields(version.data).get("phoneNumber"))
        if region is not None:
            managed["itblInternal.regionCode"] = region
    own = encode(managed)
    return own if version.data == b"{}" else version.data[:-1] + b"," + own[1:]


def event_row(project: Project, event: Event) -> bytes:
    """An event as one JSON line; a custom event's fields stand beside its own."""
    row = as_read(project, event)
    row.update(row.pop("dataFields", {}))
    return encode(row)


def window(query: dict[str, str], now: int) -> tuple[int, int]:
    """From (inclusive) and to (exclusive) in ms, by `range` or by two times; raises Refusal."""
    today = now - now % DAY
    ranges = {
        "Today": (today, FOREVER),
        "Yesterday": (today - DAY, today),
        "BeforeToday": (-FOREVER, today),
        "All": (-FOREVER, FOREVER),
    }
    name = query.get("range")
    if name is not None:
        if name not in ranges:
            raise refuse(f"Invalid range: {name}")
        return ranges[name]
    bounds = []
    for key, missing in (("startDateTime", -FOREVER), ("endDateTime", FOREVER)):
        text = query.get(key)
        at = missing if text is None else parse_parameter(text)
        if at is None:
            raise refuse(f"Invalid {key}: {text}")
        bounds.append(at)
    return bounds[0], bounds[1]


def checked_type(query: dict[str, str]) -> str:
    """The data type asked for; raises Refusal for one that Iterable does not know."""
    name = query.get("dataTypeName", "")
    if name not in DATA_TYPES:
        raise refuse(f"Invalid dataTypeName: {name}")
    return name


def rows_of(project: Project, data_type: str, query: dict[str, str], now: int) -> list[Any]:
    """The versions or events an export at `now` holds: what lag lets it see, in its window."""
    start, end = window(query, now)
    at = now - project.lag_export.draw()
    if data_type == "user":
        return [v for v in project.people.snapshot(at) if start <= v.updated_at < end]
    events = project.events.by_kind.get(data_type, ())
    campaign = query.get("campaignId")
    found = [e for e in events if e.visible_at <= at and start <= e.created_at < end]
    if campaign is not None:
        found = [e for e in found if e.extra and str(e.extra.get("campaignId")) == campaign]
    return found


def lines(
    project: Project, data_type: str, rows: Iterable[Any], query: dict[str, str]
) -> Iterator[bytes]:
    """Rows as JSON lines, in chunks; by a setting some lack a comma, as some recorded ones do."""
    only = {n for n in query.get("onlyFields", "").split(",") if n}
    omit = {n for n in query.get("omitFields", "").split(",") if n}
    broken_every = project.settings.export_broken_every
    chunk: list[bytes] = []
    for number, row in enumerate(rows, 1):
        line = user_row(project, row) if data_type == "user" else event_row(project, row)
        if only or omit:
            line = encode(picked(decode_data(line), only, omit))
        if broken_every and number % broken_every == 0:
            line = line.replace(b',"', b'"', 1)
        chunk.append(line)
        if len(chunk) == ROWS_PER_CHUNK:
            yield b"\n".join(chunk) + b"\n"
            chunk = []
    if chunk:
        yield b"\n".join(chunk) + b"\n"


def picked(row: dict[str, Any], only: set[str], omit: set[str]) -> dict[str, Any]:
    """A row's fields by onlyFields and omitFields."""
    return {k: v for k, v in row.items() if (not only or k in only) and k not in omit}


def table(
    project: Project, data_type: str, rows: list[Any], query: dict[str, str]
) -> Iterator[bytes]:
    """Rows as CSV: createdAt first, times in quotes, every field any row has."""
    only = [n for n in query.get("onlyFields", "").split(",") if n]
    dicts = []
    omit = {n for n in query.get("omitFields", "").split(",") if n}
    for each in rows:
        line = user_row(project, each) if data_type == "user" else event_row(project, each)
        row = picked(decode_data(line), set(), omit)
        row.setdefault("createdAt", row.get("signupDate"))
        dicts.append(row)
    names = only or sorted({name for row in dicts for name in row if name != "createdAt"})
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter(query), lineterminator="\n")
    writer.writerow(["createdAt", *names])
    for row in dicts:
        writer.writerow([_cell(row.get(name)) for name in ("createdAt", *names)])
    yield out.getvalue().encode()


def _cell(value: Any) -> Any:
    return encode(value).decode() if isinstance(value, (dict, list)) else value


def delimiter(query: dict[str, str]) -> str:
    """The CSV's delimiter; raises Refusal where it is not one character."""
    given = query.get("delimiter", ",")
    if len(given) != 1 or given in '"\r\n':
        raise refuse(f"Invalid delimiter: {given}")
    return given


def _asked(project: Project, call: Call) -> tuple[dict[str, str], str, list[Any]]:
    """A synchronous export's query, data type and rows."""
    query = dict(call.query)
    data_type = checked_type(query)
    if not query.keys() & {"range", "startDateTime"}:
        raise refuse("Either range or startDateTime and endDateTime is required")
    return query, data_type, rows_of(project, data_type, query, call.now)


def data_json(project: Project, call: Call) -> Answer:
    """GET export/data.json."""
    query, data_type, rows = _asked(project, call)
    return Answer(lines(project, data_type, rows, query), content_type=JSON_LINES)


def data_csv(project: Project, call: Call) -> Answer:
    """GET export/data.csv."""
    query, data_type, rows = _asked(project, call)
    delimiter(query)
    return Answer(table(project, data_type, rows, query), content_type=CSV)


def user_events(project: Project, call: Call) -> Answer:
    """GET export/userEvents: one user's events, a line each."""
    email, user_id = call.query.get("email"), call.query.get("userId")
    if email is None and user_id is None:
        raise refuse("Either email or userId must be specified")
    if email is not None and not email_ok(email):
        raise invalid_email(email)
    people = project.people
    if email is not None:
        user = people.by_email.get(email.lower())
    else:
        user = people.by_user_id.get(user_id or "")
    last = None if user is None else user.last_event
    if user is None and email is not None:
        last = project.events.without_profile.get(email.lower())
    custom = call.query.get("includeCustomEvents", "false") == "true"
    seen = [
        e
        for e in project.events.chain(last)
        if e.visible_at <= call.now and (custom or e.kind != "customEvent")
    ]
    out = lines(project, "events", reversed(seen), {})
    return Answer(out, content_type=JSON_LINES)
