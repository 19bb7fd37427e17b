"""What a command's exit code says (DESIGN §4), for all commands alike."""

from enum import IntEnum


class ExitCode(IntEnum):
    """Raise `typer.Exit(ExitCode.…)` for all but DONE."""

    DONE = 0  # or in sync
    ERROR = 1
    DIFFERS = 2  # drift found or left, audit mismatch
    REFUSED = 3  # by a guard, or stale
    USAGE = 64
