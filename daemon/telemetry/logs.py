"""Logs: one line for each record, to stderr, as text or JSON, redacted when all is put together.

Redacting the finished line covers arguments, extra fields and error texts alike. Line breaks and
control characters are escaped, so that nothing a stranger sent can pretend to be another line.
"""

import json
import logging
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from traceback import extract_tb
from typing import Any, TextIO

from daemon.settings import TelemetrySettings

MAX_LINE = 8000
FRAMES = 12
NOISY = ("alembic", "apscheduler", "asyncio", "httpcore", "httpx", "opentelemetry", "uvicorn")

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def log_to(
    stream: TextIO, settings: TelemetrySettings, redact: Callable[[str], str]
) -> logging.Handler:
    """Send all logs to `stream` and nowhere else; the handler returned may be removed again."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(OneLine(redact, as_json=settings.log_format == "json"))
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(settings.log_level.upper())
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
    return handler


class OneLine(logging.Formatter):
    """A record as one line: time, level, logger, message, extra fields, error and where."""

    def __init__(self, redact: Callable[[str], str], *, as_json: bool) -> None:
        super().__init__()
        self._redact, self._as_json = redact, as_json

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC)
        stamp = f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"
        fields = self._clean(_fields(record))
        message = self._clean_text(record.getMessage())
        level = record.levelname.lower()
        if self._as_json:
            line = {"time": stamp, "level": level, "logger": record.name, "message": message}
            return json.dumps(fields | line, ensure_ascii=False)
        pairs = "".join(f" {key}={json.dumps(fields[key], ensure_ascii=False)}" for key in fields)
        return f"{stamp} {level:<7} {record.name}: {message}{pairs}"

    def _clean(self, fields: dict[str, Any]) -> dict[str, Any]:
        return {
            self._clean_text(key): value
            if isinstance(value, (bool, int, float)) or value is None
            else self._clean_text(str(value))
            for key, value in fields.items()
        }

    def _clean_text(self, text: str) -> str:
        short = text if len(text) <= MAX_LINE else f"{text[:MAX_LINE]}…"
        return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", self._redact(short))


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    fields = {key: value for key, value in vars(record).items() if key not in _STANDARD}
    error = record.exc_info[1] if record.exc_info else None
    if error is not None:
        fields["error"] = "; ".join(_chain(error))
        fields["where"] = " < ".join(
            f"{'/'.join(frame.filename.split('/')[-2:])}:{frame.lineno} {frame.name}"
            for frame in reversed(extract_tb(_innermost(error).__traceback__)[-FRAMES:])
        )
    return fields


def _chain(error: BaseException) -> Iterator[str]:
    """What happened, each member of a group and each cause on its own."""
    yield f"{type(error).__name__}: {error}"
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _chain(inner)
    if error.__cause__ is not None:
        yield from (f"caused by {line}" for line in _chain(error.__cause__))


def _innermost(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
