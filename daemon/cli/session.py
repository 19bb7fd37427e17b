"""What every command shares: the configuration file it was given."""

from dataclasses import dataclass
from pathlib import Path

import typer


@dataclass(frozen=True, slots=True)
class Session:
    """One run of the command line."""

    config: Path


def config_of(ctx: typer.Context) -> Path:
    """The configuration file."""
    return ctx.ensure_object(Session).config
