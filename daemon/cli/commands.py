"""The command line as a whole: lazy commands, exit codes, errors as sentences, no tracebacks.

Typer ends with 2 where the command line is wrong, which here means drift: so whatever ends with 2
out of Typer itself becomes 64, and what a command says passes by. An error that is not one of ours
is a bug and keeps its traceback.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group

from daemon.cli.exits import ExitCode
from daemon.cli.printing import complain
from daemon.errors import ConfigurationError, GuardRefused, SegueError

COMMANDS = {
    "init": "Write a commented segue.yaml to start from.",
    "check": "Check the configuration, and ask Iterable whether it fits.",
    "migrate": "Make the store, or bring its tables to this version.",
    "serve": "Run the daemon.",
    "status": "Show how the running daemon is doing.",
    "explain": "Show one user, and what became of each of their messages.",
    "audit": "Add up the ledgers, and name what doesn't balance.",
    "reconcile": "Compare Iterable with what it should hold; plan and apply the repair.",
    "drift": "Show what past comparisons found.",
    "mapping": "Try, check and test mappings, and bring Segment's along.",
    "sandbox": "Serve simulations of Iterable and Segment's Profile API.",
    "demo": "Play the main job in a minute, on this machine only.",
}
"""A module's name, which is its command's, and what `segue --help` says of it."""
_TYPERS_USAGE = 2
_CONFIG = "--config"


class _Ended(BaseException):
    """A command ended with a code of its own; not an Exception, so nothing takes it for one."""

    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(code)


class Commands(TyperGroup):
    """The root of all commands."""

    def __init__(self, **extra: Any) -> None:
        super().__init__(**extra)
        for name, about in COMMANDS.items():
            self.add_command(TyperCommand(name, short_help=about))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Put the command itself in the place of its line in the list."""
        name, listed, rest = super().resolve_command(ctx, args)
        return name, listed and self._load(str(name)), rest

    def _load(self, name: str) -> Any:
        app = typer.Typer(rich_markup_mode=self.rich_markup_mode)
        import_module(f"{__package__}.{name}").register(app)
        return get_group(app).commands[name]

    def invoke(self, ctx: Any) -> Any:
        """Run a command; its exit code can't be mistaken for Typer's."""
        try:
            return super().invoke(ctx)
        except typer.Exit as ended:
            raise _Ended(ended.exit_code) from None

    def main(self, args: Sequence[str] | None = None, *further: Any, **extra: Any) -> Any:
        """Run the command line and leave the process."""
        extra.setdefault("prog_name", "segue")
        try:
            super().main(config_first(sys.argv[1:] if args is None else args), *further, **extra)
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


def config_first(args: Sequence[str]) -> list[str]:
    """The arguments with `--config FILE` before the command, wherever people put it."""
    for place, word in enumerate(args):
        if word == "--":
            break
        if word == _CONFIG or word.startswith(f"{_CONFIG}="):
            end = place + (2 if word == _CONFIG else 1)
            if end > len(args):
                return [word]  # Typer says that the file is missing
            return [*args[place:end], *args[:place], *args[end:]]
    return list(args)


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
