"""How commands print: tables and sentences for people, JSON for programs, complaints to stderr.

Nothing is read as markup: names and values come from strangers. Control characters are left out,
and those that turn the direction of writing, so that none can move a terminal's cursor or make one
thing look like another; a cell of a table is one line.
"""

import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, TextIO

import msgspec
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

WIDE = 240
_TURNING = (*range(0x200E, 0x2010), *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_CONTROL = dict.fromkeys((*range(9), *range(11, 32), *range(127, 160), *_TURNING))


def say(*lines: str) -> None:
    """Lines for people, to stdout, never broken."""
    console = _console(sys.stdout)
    for line in lines:
        console.print(Text(clean(line)), soft_wrap=True)


def complain(lines: Iterable[str]) -> None:
    """Lines about what went wrong, to stderr."""
    console = _console(sys.stderr)
    for line in lines:
        console.print(Text("segue: ", style="bold red") + Text(clean(line)), soft_wrap=True)


def say_table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, indent: int = 2) -> None:
    """A table without rules; a column is as wide as it must be, one nobody fills is left out."""
    cells = [[clean(cell).replace("\n", " ") for cell in row] for row in rows]
    kept = [n for n in range(len(columns)) if any(row[n] for row in cells)]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for number in kept:
        table.add_column(columns[number], overflow="fold")
    for row in cells:
        table.add_row(*[Text(row[number]) for number in kept])
    console = _console(sys.stdout)
    with console.capture() as captured:
        console.print(Padding(table, (0, 0, 0, indent), expand=False))
    sys.stdout.writelines(f"{line.rstrip()}\n" for line in captured.get().splitlines())


def say_json(value: Any) -> None:
    """A value as JSON on one line, to stdout at once; bytes are JSON already."""
    raw = value if isinstance(value, bytes) else msgspec.json.encode(value)
    sys.stdout.write(raw.decode() + "\n")
    sys.stdout.flush()


def clean(text: str) -> str:
    """The text without control characters, but for line ends and tabs."""
    return text.translate(_CONTROL)


def count(number: int, one: str, many: str = "") -> str:
    """`1 user`, `48,211 users`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def moment(at: int | None) -> str:
    """A time (ms) as `22 Nov 16:40` UTC."""
    if at is None:
        return "—"
    when = datetime.fromtimestamp(at / 1000, UTC)
    return f"{when.day} {when:%b %H:%M}"


def span(length: int) -> str:
    """A length of time (ms) in its two largest units: `1.8 s`, `41 s`, `3 min 5 s`, `12 d 4 h`."""
    seconds = length / 1000
    if seconds < 10:  # noqa: PLR2004 -- a decimal tells something only of short ones
        return f"{seconds:.1f} s"
    left, parts = round(seconds), []
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)):
        number, left = divmod(left, size)
        if number:
            parts.append(f"{number} {unit}")
    return " ".join(parts[:2])


def _console(stream: TextIO) -> Console:
    width = None if stream.isatty() else WIDE
    return Console(file=stream, width=width, markup=False, highlight=False, emoji=False)
