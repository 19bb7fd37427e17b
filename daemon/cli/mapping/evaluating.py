"""`segue mapping eval`: questions about mappings, a JSON line each, answered line by line."""

import sys
from collections.abc import Iterator
from typing import Any, BinaryIO

import msgspec
import typer

from daemon.mapping.registry.evaluating import answer

LONGEST_LINE = 1 << 20
DEEPEST = 100


def register(group: typer.Typer) -> None:
    group.command(name="eval")(evaluate)


def evaluate() -> None:
    """Answer JSON lines from stdin, one line each: what a mapping, condition or action makes of it.

    A line is an object: mapping and payload; subscribe and event, with dialect fql or
    segment-trigger; or action and event, with preset, mapping and settings (project, and keys of a
    block such as list). A line that can't be answered gets an error, and the next one its turn.

    Example: `echo '{"action": "track_event", "event": {"type": "track", "userId": "u1", "event":
    "Signed Up"}}' | segue mapping eval`
    """
    for line in lines_of(sys.stdin.buffer):
        sys.stdout.write(answered(line) + "\n")
        sys.stdout.flush()


def lines_of(stream: BinaryIO) -> Iterator[bytes | None]:
    """The lines of a stream; None for one that is too long, of which no more is kept."""
    while line := stream.readline(LONGEST_LINE + 1):
        if len(line) <= LONGEST_LINE or line.endswith(b"\n"):
            yield line
            continue
        while line and not line.endswith(b"\n"):
            line = stream.readline(LONGEST_LINE)
        yield None


def answered(line: bytes | None) -> str:
    """The answer to a line, as JSON. Whatever happens, it is an answer."""
    if line is None:
        return _error(f"the line is longer than {LONGEST_LINE} bytes")
    try:
        question = msgspec.json.decode(line)
        if _deeper(question, DEEPEST):
            return _error(f"the line is nested more than {DEEPEST} levels deep")
        return msgspec.json.encode(answer(question)).decode()
    except RecursionError:
        return _error("the line is nested too deeply")
    except (msgspec.MsgspecError, UnicodeError) as error:
        return _error(f"the line is not JSON: {error}")
    except Exception as error:  # noqa: BLE001 -- one line must not cost the others their answers
        return _error(f"a bug of ours, please report it: {type(error).__name__}")


def _error(text: str) -> str:
    return msgspec.json.encode({"error": text}).decode()


def _deeper(value: Any, most: int) -> bool:
    level = [value]
    for _ in range(most):
        level = [
            inner
            for each in level
            if isinstance(each, dict | list)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
        if not level:
            return False
    return True
