"""The command line as a whole: exit codes, and errors as sentences instead of tracebacks.

Typer ends with 2 where the command line is wrong, which here means drift: so whatever ends with 2
out of Typer itself becomes 64, and what a command says passes by. An error that is not one of ours
is a bug and keeps its traceback.
"""

import sys
from typing import Any

import typer
from typer.core import TyperGroup

from daemon.cli.exits import ExitCode
from daemon.cli.printing import complain
from daemon.errors import ConfigurationError, GuardRefused, SegueError

_TYPERS_USAGE = 2


class _Ended(BaseException):
    """A command ended with a code of its own; not an Exception, so nothing takes it for one."""

    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(code)


class Commands(TyperGroup):
    """The root of all commands."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command; its exit code can't be mistaken for Typer's."""
        try:
            return super().invoke(ctx)
        except typer.Exit as ended:
            raise _Ended(ended.exit_code) from None

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run the command line and leave the process."""
        try:
            super().main(*args, **extra)
        except SystemExit as left:
            sys.exit(ExitCode.USAGE if left.code == _TYPERS_USAGE else left.code)
        except _Ended as ended:
            sys.exit(ended.code)
        except (SegueError, ExceptionGroup) as error:
            known = our_errors(error)
            if known is None:
                raise
            complain(line for each in known for line in _lines(each))
            refused = all(isinstance(each, GuardRefused) for each in known)
            sys.exit(ExitCode.REFUSED if refused else ExitCode.ERROR)


def our_errors(error: Exception) -> list[SegueError] | None:
    """The errors of ours that `error` is or holds; None where it is or holds any other."""
    if isinstance(error, SegueError):
        return [error]
    if not isinstance(error, ExceptionGroup):
        return None
    found: list[SegueError] = []
    for inner in error.exceptions:
        ours = our_errors(inner)
        if ours is None:
            return None
        found += ours
    return found


def _lines(error: SegueError) -> list[str]:
    return error.problems if isinstance(error, ConfigurationError) else [str(error)]
