"""Liquid's filters for text. Each is a plain function of settled values, as long as its input."""

import base64
import hashlib
import html
import re
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote, unquote_plus

from daemon.mapping.directives.bounds import TEXT_LENGTH
from daemon.mapping.directives.javascript import BLANKS, each_unit, json_text, units
from daemon.mapping.directives.liquid_values import joined, number, printed, whole
from daemon.mapping.directives.templates import TooLong

_UNRESERVED: Final = "-_.!~*'()"
_URI: Final = _UNRESERVED + ";,/?:@&=+$#"
_SPACE = re.compile(r"\s+")
_NEWLINE = re.compile(r"\r?\n")
_SKIPPED: Final = (("<script", "</script>"), ("<style", "</style>"), ("<!--", "-->"), ("<", ">"))


def append(value: Any, more: Any) -> str:
    return printed(value) + printed(more)


def prepend(value: Any, more: Any) -> str:
    return printed(more) + printed(value)


def capitalize(value: Any) -> str:
    text = printed(value)
    return text[:1].upper() + text[1:].lower()


def remove(value: Any, what: Any) -> str:
    return printed(value).replace(printed(what), "")


def remove_first(value: Any, what: Any) -> str:
    return printed(value).replace(printed(what), "", 1)


def remove_last(value: Any, what: Any) -> str:
    return replace_last(value, what, "")


def replace(value: Any, old: Any, new: Any = None) -> str:
    text, wanted, other = printed(value), printed(old), printed(new)
    if not wanted:
        return joined(list(text), other)
    if len(text) + text.count(wanted) * (len(other) - len(wanted)) > TEXT_LENGTH:
        raise TooLong
    return text.replace(wanted, other)


def replace_first(value: Any, old: Any, new: Any = None) -> str:
    return printed(value).replace(printed(old), printed(new), 1)


def replace_last(value: Any, old: Any, new: Any = None) -> str:
    text, wanted = printed(value), printed(old)
    at = text.rfind(wanted)
    return text if at < 0 else text[:at] + printed(new) + text[at + len(wanted) :]


def slice_(value: Any, begin: Any, length: Any = None) -> Any:
    items = value if isinstance(value, list) else printed(value)
    first = whole(begin)
    first = max(0, len(items) + first) if first < 0 else first
    return items[first : first + max(0, whole(length, 1))]


def split(value: Any, separator: Any = None) -> list[str]:
    text, by = printed(value), printed(separator)
    parts = text.split(by) if by else list(each_unit(text))
    while parts and not parts[-1]:
        parts.pop()
    return parts


def strip_html(value: Any) -> str:
    """Text without tags, comments, scripts and styles; an unclosed one stays."""
    text = printed(value)
    kept: list[str] = []
    unclosed: set[str] = set()
    done = at = 0
    while (at := text.find("<", at)) >= 0:
        end = _end_of_markup(text, at, unclosed)
        if end < 0:
            break
        kept.append(text[done:at])
        done = at = end
    return "".join([*kept, text[done:]])


def _end_of_markup(text: str, at: int, unclosed: set[str]) -> int:
    """Where what opens at `at` is closed; what has no end once is not looked for again."""
    for opening, closing in _SKIPPED:
        if closing not in unclosed and text.startswith(opening, at):
            end = text.find(closing, at + len(opening))
            if end >= 0:
                return end + len(closing)
            unclosed.add(closing)
    return -1


def truncate(value: Any, length: Any = None, ending: Any = "...") -> str:
    text, end, most = printed(value), printed(ending), whole(length, 50)
    return text if len(text) <= most else text[: max(0, most - len(end))] + end


def truncatewords(value: Any, count: Any = None, ending: Any = "...") -> str:
    words = printed(value).split()
    most = max(1, whole(count, 15))
    return " ".join(words[:most]) + (printed(ending) if len(words) > most else "")


def escape(value: Any) -> str:
    return html.escape(printed(value), quote=False).replace('"', "&#34;").replace("'", "&#39;")


TEXT_FILTERS: Final[dict[str, Callable[..., Any]]] = {
    "append": append,
    "base64_decode": lambda value: base64.b64decode(printed(value), validate=True).decode(),
    "base64_encode": lambda value: base64.b64encode(printed(value).encode()).decode(),
    "capitalize": capitalize,
    "cgi_escape": lambda value: quote(printed(value), safe=_UNRESERVED).replace("%20", "+"),
    "downcase": lambda value: printed(value).lower(),
    "escape": escape,
    "escape_once": lambda value: escape(html.unescape(printed(value))),
    "inspect": json_text,
    "json": lambda value, _=None: json_text(value),
    "jsonify": lambda value, _=None: json_text(value),
    "lstrip": lambda value: printed(value).lstrip(BLANKS),
    "normalize_whitespace": lambda value: _SPACE.sub(" ", printed(value)),
    "number_of_words": lambda value: len(printed(value).split()),
    "prepend": prepend,
    "raw": lambda value: value,
    "remove": remove,
    "remove_first": remove_first,
    "remove_last": remove_last,
    "replace": replace,
    "replace_first": replace_first,
    "replace_last": replace_last,
    "rstrip": lambda value: printed(value).rstrip(BLANKS),
    "sha256": lambda value: hashlib.sha256(printed(value).encode()).hexdigest(),
    "size": lambda value: (
        len(value) if isinstance(value, list) else units(value) if isinstance(value, str) else 0
    ),
    "slice": slice_,
    "split": split,
    "squish": lambda value: _SPACE.sub(" ", printed(value)).strip(BLANKS),
    "strip": lambda value: printed(value).strip(BLANKS),
    "strip_html": strip_html,
    "strip_newlines": lambda value: _NEWLINE.sub("", printed(value)),
    "to_integer": number,
    "truncate": truncate,
    "truncatewords": truncatewords,
    "upcase": lambda value: printed(value).upper(),
    "uri_escape": lambda value: quote(printed(value), safe=_URI),
    "url_decode": lambda value: unquote_plus(printed(value)),
    "url_encode": lambda value: quote(printed(value), safe=_UNRESERVED).replace("%20", "+"),
    "xml_escape": escape,
}
