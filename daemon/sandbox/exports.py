"""Exports: the synchronous ones, jobs with their files, one user's events (iterable.md §12).

A user's row is made by splicing bytes, so a sweep costs the sandbox little. A job takes its rows
when it runs and writes a file out only when it is fetched, in chunks between which others are
served.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from daemon.sandbox.answers import CSV, JSON_LINES, Answer, Call, encode, envelope, json, refuse
from daemon.sandbox.dates import parse, shown, shown_any
from daemon.sandbox.event_log import Event
from daemon.sandbox.events import as_read, decode_any
from daemon.sandbox.people import Version
from daemon.sandbox.project import ExportJob, Project

DAY = 86_400_000
FOREVER = 1 << 62
FILES_PER_PAGE = 10
ROWS_PER_CHUNK = 500
MANAGED_BYTES = 400
OUTPUTS = ("text/csv", JSON_LINES)
UNHELD = frozenset(
    (
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
HELD = frozenset(("user", "customEvent", "purchase", "emailSubscribe", "emailUnSubscribe"))


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
        at = missing if text is None else parse(text)
        if at is None:
            raise refuse(f"Invalid {key}: {text}")
        bounds.append(at)
    return bounds[0], bounds[1]


def _checked_type(query: dict[str, str]) -> str:
    name = query.get("dataTypeName", "")
    if name not in HELD and name not in UNHELD:
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
    """Rows as JSON lines, in chunks."""
    only = {n for n in query.get("onlyFields", "").split(",") if n}
    omit = {n for n in query.get("omitFields", "").split(",") if n}
    chunk: list[bytes] = []
    for row in rows:
        line = user_row(project, row) if data_type == "user" else event_row(project, row)
        if only or omit:
            line = encode(picked(decode_any(line), only, omit))
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
    for line in b"".join(lines(project, data_type, rows, query | {"onlyFields": ""})).splitlines():
        row = decode_any(line)
        row.setdefault("createdAt", row.get("signupDate"))
        dicts.append(row)
    names = only or sorted({name for row in dicts for name in row if name != "createdAt"})
    out = io.StringIO()
    writer = csv.writer(out, delimiter=query.get("delimiter", ","), lineterminator="\n")
    writer.writerow(["createdAt", *names])
    for row in dicts:
        writer.writerow([_cell(row.get(name)) for name in ("createdAt", *names)])
    yield out.getvalue().encode()


def _cell(value: Any) -> Any:
    return encode(value).decode() if isinstance(value, (dict, list)) else value


def data_json(project: Project, call: Call) -> Answer:
    """GET export/data.json."""
    query = dict(call.query)
    data_type = _checked_type(query)
    if not query.keys() & {"range", "startDateTime"}:
        raise refuse("Either range or startDateTime and endDateTime is required")
    rows = rows_of(project, data_type, query, call.now)
    return Answer(lines(project, data_type, rows, query), content_type=JSON_LINES)


def data_csv(project: Project, call: Call) -> Answer:
    """GET export/data.csv."""
    query = dict(call.query)
    data_type = _checked_type(query)
    if not query.keys() & {"range", "startDateTime"}:
        raise refuse("Either range or startDateTime and endDateTime is required")
    rows = rows_of(project, data_type, query, call.now)
    return Answer(table(project, data_type, rows, query), content_type=CSV)


def start(project: Project, call: Call) -> Answer:
    """POST export/start."""
    try:
        given = msgspec.json.decode(call.body, type=dict[str, str | int | None])
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise refuse(f"[{call.path}] Invalid JSON body", "BadJsonBody", {}) from error
    query = {k: str(v) for k, v in given.items() if v is not None}
    data_type = _checked_type(query)
    output = query.get("outputFormat", "")
    if output not in OUTPUTS:
        raise refuse(f"Invalid outputFormat: {output}")
    window(query, call.now)
    job = ExportJob(project.serial(), data_type, output, call.now, query)
    project.jobs[job.id] = job
    return json({"jobId": job.id})


def state(project: Project, job: ExportJob, now: int) -> str:
    """What a job is doing; it takes its rows at the first look after it began to run."""
    if job.cancelled:
        return "cancelled"
    begins = job.asked_at + project.settings.export_queue_ms
    if now < begins:
        return "enqueued"
    if job.files is None:
        rows = rows_of(project, job.data_type, job.query, now)
        job.files = list(split(rows, project.settings.export_file_bytes))
    return "running" if now < begins + project.settings.export_run_ms else "completed"


def split(rows: list[Any], largest: int) -> Iterator[list[Any]]:
    """Rows in files of at most about `largest` bytes."""
    part: list[Any] = []
    size = 0
    for row in rows:
        own = len(memoryview(row.data)) + MANAGED_BYTES
        if part and size + own > largest:
            yield part
            part, size = [], 0
        part.append(row)
        size += own
    if part:
        yield part


def _job(project: Project, call: Call) -> ExportJob:
    text = call.args["jobId"]
    job = project.jobs.get(int(text)) if text.isdigit() else None
    if job is None:
        raise refuse(f"Export job {text} does not exist", "NotFound", status=404)
    return job


def get_files(project: Project, call: Call) -> Answer:
    """GET export/{jobId}/files: ten files a page, each with an address that expires."""
    job = _job(project, call)
    doing = state(project, job, call.now)
    files = [] if job.files is None or job.cancelled else job.files
    expires = call.now + project.settings.export_url_ms
    suffix = "csv" if job.output == "text/csv" else "json"
    named = [
        {
            "file": f"part-{number:05d}.{suffix}",
            "url": f"{call.base_url}/_export/{job.id}/{number}?expires={expires}",
        }
        for number in range(len(files))
    ]
    after = call.query.get("startAfter", "")
    page = [f for f in named if f["file"] > after][:FILES_PER_PAGE]
    return json({"jobId": job.id, "jobState": doing, "exportTruncated": False, "files": page})


def download(project: Project, call: Call) -> Answer:
    """A file behind its presigned address: no key is asked for, and it expires."""
    job = _job(project, call)
    number, expires = call.args["number"], call.query.get("expires", "0")
    if not expires.isdigit() or call.now >= int(expires):
        page = b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
        return Answer(page, 403, "application/xml")
    if not number.isdigit() or job.files is None or int(number) >= len(job.files):
        return Answer(b"<Error><Code>NoSuchKey</Code></Error>", 404, "application/xml")
    rows = job.files[int(number)]
    if job.output == "text/csv":
        return Answer(table(project, job.data_type, rows, job.query), content_type=CSV)
    return Answer(lines(project, job.data_type, rows, job.query), content_type=JSON_LINES)


def get_jobs(project: Project, call: Call) -> Answer:
    """GET export/jobs."""
    wanted = call.query.get("jobState")
    rows = []
    for job in project.jobs.values():
        doing = state(project, job, call.now)
        if wanted is None or wanted.lower() == doing:
            rows.append(
                {
                    "id": job.id,
                    "dataTypeName": job.data_type,
                    "jobState": doing,
                    "scheduledStartTime": shown(job.asked_at),
                    "endTime": shown(
                        job.asked_at
                        + project.settings.export_queue_ms
                        + project.settings.export_run_ms
                    ),
                    "bytesExported": 0,
                }
            )
    return json({"jobs": rows})


def cancel(project: Project, call: Call) -> Answer:
    """DELETE export/{jobId}."""
    _job(project, call).cancelled = True
    return envelope()


def user_events(project: Project, call: Call) -> Answer:
    """GET export/userEvents: one user's events, a line each."""
    email, user_id = call.query.get("email"), call.query.get("userId")
    if email is None and user_id is None:
        raise refuse("Either email or userId must be specified")
    people = project.people
    user = (
        people.by_email.get((email or "").lower())
        if email
        else people.by_user_id.get(user_id or "")
    )
    last = None if user is None else user.last_event
    if user is None and email is not None:
        last = project.events.without_profile.get(email.lower())
    custom = call.query.get("includeCustomEvents", "false") == "true"
    seen = [
        e
        for e in (last.chain() if last is not None else ())
        if e.visible_at <= call.now and (custom or e.kind != "customEvent")
    ]
    out = lines(project, "events", reversed(seen), {})
    return Answer(out, content_type=JSON_LINES)
