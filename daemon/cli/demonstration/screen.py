"""What the demo shows while it plays."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.status import Status

from daemon.cli.printing import say


def chapter(title: str) -> None:
    """A new part of the story."""
    say("", title, "─" * len(title))


@contextmanager
def counting(title: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar that moves while `total` things are done, and a line once they are."""
    columns = (TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn())
    console = _console()
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bars:
        task = bars.add_task(title, total=total)
        yield lambda number: bars.advance(task, number)
    say(f"  {total:>6,}  {title}")


@contextmanager
def waiting(text: str) -> Iterator[Callable[[str], None]]:
    """A line that can be changed, for as long as something is waited for."""
    console = _console()
    if not console.is_terminal:
        say(f"  {text} …")
        yield lambda _: None
        return
    with Status(f"  {text}", console=console) as status:
        yield lambda more: status.update(f"  {text}: {more}")


def _console() -> Console:
    return Console(file=sys.stdout, markup=False, highlight=False, emoji=False)
