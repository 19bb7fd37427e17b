"""What a handler is given and what it gives back, and Iterable's envelopes (iterable.md §2).

A handler is a plain function `(Project, Call) -> Answer`. It raises `Refusal` to answer an error:
nothing was applied then.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"
HTML = "text/html; charset=utf-8"
JSON_LINES = "application/x-json-stream"
CSV = "text/csv"

encode = msgspec.json.Encoder(enc_hook=str).encode


class Call(Struct, eq=False):
    """One request after routing: `path` as sent, `args` out of its pattern, `now` in ms."""

    path: str
    args: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    now: int
    base_url: str = ""


class Answer(Struct, eq=False):
    """What goes out, and the seconds it took; a stream is sent without a Content-Length."""

    body: bytes | Iterator[bytes]
    status: int = 200
    content_type: str = JSON
    headers: dict[str, str] = {}
    seconds: float = 0.0


class Refusal(Exception):
    """An error answer: the status, and a body in one of Iterable's forms."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        super().__init__(f"{answer.status}: {answer.body!r}")


def json(value: Any, status: int = 200) -> Answer:
    """Any value as a JSON answer."""
    return Answer(encode(value), status)


def envelope(msg: str = "", code: str = "Success", params: Any = None, status: int = 200) -> Answer:
    """The main envelope `{msg, code, params}` (iterable.md §2.1)."""
    return json({"msg": msg, "code": code, "params": params}, status)


def refuse(msg: str, code: str = "BadParams", params: Any = None, status: int = 400) -> Refusal:
    """An error in the main envelope."""
    return Refusal(envelope(msg, code, params, status))


def refuse_second(error: str, message: str, code: str, status: int, *args: str) -> Refusal:
    """An error in the newer endpoints' envelope (iterable.md §2.2)."""
    body = {"error": error, "message": message, "code": code, "data": {"args": list(args)}}
    return Refusal(json(body, status))


def action_not_found(path: str) -> Answer:
    """The HTML page an unknown URL gets (iterable.md §1)."""
    page = f"<!DOCTYPE html><html><head><title>Action not found</title></head><body>{len(path)}"
    return Answer(f"{page}</body></html>".encode(), 404, HTML)


def invalid_email(email: str) -> Refusal:
    """A malformed e-mail address, as every endpoint words it: in lower case (iterable.md §5)."""
    return refuse(f"Invalid email: {email.lower()}", "InvalidEmailAddressError")
