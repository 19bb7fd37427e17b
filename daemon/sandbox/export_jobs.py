"""Export jobs: asking, waiting in line, running, and fetching the files (iterable.md §12).

At most `exports_at_once` jobs run at a time. A job takes its rows at the first look after it began;
its files appear one after the other while it runs, and are written out only when fetched.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import msgspec

from daemon.sandbox.answers import CSV, JSON_LINES, Answer, Call, envelope, json, refuse
from daemon.sandbox.dates import EPOCH
from daemon.sandbox.decoding import decode, whole
from daemon.sandbox.exports import checked_type, delimiter, lines, rows_of, table, window
from daemon.sandbox.project import ExportJob, Project
from daemon.sandbox.requests import StartExport

FILES_PER_PAGE = 10
MANAGED_BYTES = 400
OUTPUTS = (CSV, JSON_LINES)
EXPIRED = b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
NO_SUCH_FILE = b"<Error><Code>NoSuchKey</Code></Error>"
XML = "application/xml"


def start(project: Project, call: Call) -> Answer:
    """POST export/start."""
    given = msgspec.to_builtins(decode(call.body, StartExport, call.path))
    query = {name: str(value) for name, value in given.items() if value is not None}
    data_type = checked_type(query)
    output = query["outputFormat"]
    if output not in OUTPUTS:
        raise refuse(f"Invalid outputFormat: {output}")
    window(query, call.now)
    delimiter(query)
    job = ExportJob(project.serial(), data_type, output, call.now, query)
    project.jobs[job.id] = job
    line_up(project, call.now)
    return json({"jobId": job.id})


def line_up(project: Project, now: int) -> None:
    """Say when each job that has not begun will run, in the order they were asked for."""
    settings = project.settings
    known = [job for job in project.jobs.values() if not job.cancelled]
    ends = [job.ends_at for job in known if job.begins_at <= now]
    for job in known:
        if job.begins_at <= now:
            continue
        begin = max(now, job.asked_at + settings.export_queue_ms)
        running = sorted(end for end in ends if end > begin)
        if len(running) >= settings.exports_at_once:
            begin = running[-settings.exports_at_once]
        job.begins_at, job.ends_at = begin, begin + settings.export_run_ms
        ends.append(job.ends_at)


def state(project: Project, job: ExportJob, now: int) -> str:
    """What a job is doing."""
    if job.cancelled:
        return "cancelled"
    if now < job.begins_at:
        return "enqueued"
    if job.files is None:
        rows = rows_of(project, job.data_type, job.query, now)
        job.files = list(split(rows, project.settings.export_file_bytes))
    return "running" if now < job.ends_at else "completed"


def spelt(project: Project, doing: str) -> str:
    """A state as it is spelt: live in lower case, in the contract with a capital."""
    return doing if project.settings.export_states == "live" else doing.capitalize()


def size_of(row: Any) -> int:
    """About how many bytes a user or event takes in a file."""
    return len(memoryview(row.data)) + MANAGED_BYTES


def split(rows: list[Any], largest: int) -> Iterator[list[Any]]:
    """Rows in files of at most about `largest` bytes."""
    part: list[Any] = []
    size = 0
    for row in rows:
        own = size_of(row)
        if part and size + own > largest:
            yield part
            part, size = [], 0
        part.append(row)
        size += own
    if part:
        yield part


def written(job: ExportJob, now: int) -> list[list[Any]]:
    """The files that are there by `now`: all of them once the job is done."""
    if job.files is None or job.cancelled:
        return []
    if now >= job.ends_at:
        return job.files
    passed = (now - job.begins_at) / (job.ends_at - job.begins_at)
    return job.files[: int(len(job.files) * passed)]


def _job(project: Project, call: Call) -> ExportJob:
    job = project.jobs.get(whole(call.args["jobId"]) or 0)
    if job is None:
        raise refuse(f"Export job {call.args['jobId']} does not exist", "NotFound", status=404)
    return job


def get_files(project: Project, call: Call) -> Answer:
    """GET export/{jobId}/files: ten files a page, each with an address that expires."""
    job = _job(project, call)
    doing = state(project, job, call.now)
    expires = call.now + project.settings.export_url_ms
    suffix = "csv" if job.output == CSV else "json"
    named = [
        {
            "file": f"part-{number:05d}.{suffix}",
            "url": f"{call.base_url}/_export/{job.id}/{number}?expires={expires}",
        }
        for number in range(len(written(job, call.now)))
    ]
    after = call.query.get("startAfter", "")
    page = [f for f in named if f["file"] > after][:FILES_PER_PAGE]
    shown = {"jobId": job.id, "jobState": spelt(project, doing), "exportTruncated": False}
    return json(shown | {"files": page})


def download(project: Project, call: Call) -> Answer:
    """A file behind its presigned address: no key is asked for, and it expires."""
    job = _job(project, call)
    if call.now >= (whole(call.query.get("expires", "")) or 0):
        return Answer(EXPIRED, 403, XML)
    number, files = whole(call.args["number"]), written(job, call.now)
    if number is None or number >= len(files):
        return Answer(NO_SUCH_FILE, 404, XML)
    rows = files[number]
    if job.output == CSV:
        return Answer(table(project, job.data_type, rows, job.query), content_type=CSV)
    return Answer(lines(project, job.data_type, rows, job.query), content_type=JSON_LINES)


def _told(project: Project, job: ExportJob, now: int) -> dict[str, Any]:
    doing = state(project, job, now)
    told = {
        "id": job.id,
        "dataTypeName": job.data_type,
        "jobState": spelt(project, doing),
        "scheduledStartTime": iso(job.asked_at),
        "bytesExported": sum(size_of(row) for file in written(job, now) for row in file),
    }
    return told | ({"endTime": iso(job.ends_at)} if doing == "completed" else {})


def iso(at: int) -> str:
    """A time as the jobs' own answers have it, ISO 8601 with milliseconds."""
    return (EPOCH + timedelta(milliseconds=at)).isoformat(timespec="milliseconds")


def get_jobs(project: Project, call: Call) -> Answer:
    """GET export/jobs."""
    wanted = call.query.get("jobState", "").lower()
    rows = [_told(project, job, call.now) for job in project.jobs.values()]
    return json({"jobs": [row for row in rows if wanted in ("", row["jobState"].lower())]})


def cancel(project: Project, call: Call) -> Answer:
    """DELETE export/{jobId}."""
    _job(project, call).cancelled = True
    line_up(project, call.now)
    return envelope()
