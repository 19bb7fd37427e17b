import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from daemon.settings import TelemetrySettings
from daemon.telemetry.logs import MAX_LINE, log_to
from daemon.telemetry.redaction import Redactor

SECRET = "wk_0123456789"
log = logging.getLogger("daemon.test")


@pytest.fixture(autouse=True)
def _root_is_restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def start(**settings: Any) -> io.StringIO:
    stream = io.StringIO()
    log_to(stream, TelemetrySettings(**settings), Redactor([SECRET]))
    return stream


def fail() -> None:
    raise ValueError(f"bad row of ann@example.com with {SECRET}\nsecond line")


def failing_group() -> None:
    try:
        fail()
    except ValueError as error:
        raise ExceptionGroup("two", [OSError("disk"), RuntimeError("inner")]) from error


def test_a_text_line_has_time_level_logger_message_and_fields() -> None:
    stream = start()
    log.info("turn of %d messages", 12, extra={"shard": 3, "why": "full window"})
    stamp, _, rest = stream.getvalue().partition(" ")
    assert rest == 'info    daemon.test: turn of 12 messages shard=3 why="full window"\n'
    assert stamp.endswith("Z")
    assert len(stamp) == len("2026-01-01T00:00:00.000Z")


def test_a_json_line_is_one_object() -> None:
    stream = start(log_format="json")
    log.warning("ä %s", "b", extra={"shard": 3, "message_id": "m", "level": "mine", "deep": [1]})
    line = json.loads(stream.getvalue())
    del line["time"]
    assert line == {
        "level": "warning",
        "logger": "daemon.test",
        "message": "ä b",
        "shard": 3,
        "message_id": "m",
        "deep": "[1]",
    }


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_nothing_of_a_secret_or_a_person_is_written(log_format: str) -> None:
    stream = start(log_format=log_format)
    try:
        fail()
    except ValueError:
        log.exception(
            "sending %s to %s", SECRET, "ann@example.com", extra={"to": "bob@example.com"}
        )
    written = stream.getvalue()
    assert SECRET not in written
    assert "ann@" not in written
    assert "bob@" not in written
    assert "a***@example.com" in written
    assert "b***@example.com" in written


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_each_record_is_one_line_whatever_it_holds(log_format: str) -> None:
    stream = start(log_format=log_format)
    log.info("a\nb\r\x1b[31m\u2028\x85\ud800 %s", "c\nd", extra={"e": "f\ng", "h\ni": 1})
    try:
        failing_group()
    except ExceptionGroup:
        log.exception("failed")
    lines = stream.getvalue().splitlines()
    assert len(lines) == 2
    assert "\x1b" not in lines[0]
    stream.getvalue().encode()


def test_an_error_names_its_group_its_cause_and_where_it_was_raised() -> None:
    stream = start(log_format="json")
    try:
        failing_group()
    except ExceptionGroup:
        log.exception("failed")
    line = json.loads(stream.getvalue())
    error = line["error"]
    assert error.startswith(
        "ExceptionGroup: two (2 sub-exceptions); OSError: disk; RuntimeError: inner;"
        " caused by ValueError: bad row"
    )
    stream = start(log_format="json")
    try:
        fail()
    except ValueError:
        log.exception("failed")
    where = json.loads(stream.getvalue())["where"]
    first, second = where.split(" < ")
    assert first.startswith("telemetry/test_logs.py:")
    assert first.endswith(" fail")
    assert second.endswith("where_it_was_raised")


def test_a_line_is_bounded() -> None:
    stream = start()
    log.info("x" * 1_000_000, extra={"y": "z" * 1_000_000})
    assert len(stream.getvalue()) < 2 * MAX_LINE + 200


def test_the_level_is_the_least_that_is_logged_and_libraries_are_quiet() -> None:
    stream = start(log_level="warning")
    log.info("no")
    log.warning("yes")
    assert stream.getvalue().count("\n") == 1
    stream = start(log_level="debug")
    logging.getLogger("httpx").info("GET https://host/users/ann@example.com")
    log.debug("yes")
    assert stream.getvalue().count("\n") == 1


def test_setting_up_twice_does_not_log_twice() -> None:
    first, second = start(), start()
    log.info("once")
    assert (first.getvalue(), second.getvalue().count("\n")) == ("", 1)
