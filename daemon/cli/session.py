"""What every command shares: the configuration file it was given."""

import shlex
from dataclasses import dataclass
from pathlib import Path

import typer

USUAL = Path("segue.yaml")


@dataclass(frozen=True, slots=True)
class Session:
    """One run of the command line."""

    config: Path


def config_of(ctx: typer.Context) -> Path:
    """The configuration file."""
    return ctx.ensure_object(Session).config


def segue_with(config: Path) -> str:
    """How people call segue for this file: `segue`, or with `--config`."""
    return "segue" if config == USUAL else f"segue --config {shlex.quote(str(config))}"
