"""The commands, one module each, imported when they are called: `segue --help` needs none of them.

segue = daemon.cli:main
"""

import sys
from importlib import metadata
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperGroup
from typer.main import get_group

from daemon.cli.commands import Commands
from daemon.cli.session import USUAL, Session


def main() -> None:
    """Run the command line and leave the process."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that can't show ✔ shows ?
    build()()


def build() -> TyperGroup:
    """The command line. Called with arguments (none: the process's own), it ends in SystemExit."""
    app = typer.Typer(
        cls=Commands,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode="markdown",
        help="Keeps Iterable true to Segment.\n\nExample: `segue init`, then `segue check`",
    )
    app.callback()(_everywhere)
    return get_group(app)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"segue {metadata.version('segue')}")
        raise typer.Exit


def _everywhere(
    ctx: typer.Context,
    config: Annotated[
        Path,
        typer.Option(
            "--config",
            envvar="SEGUE_CONFIG",
            metavar="FILE",
            help="The configuration; may also stand after the command.",
        ),
    ] = USUAL,
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    ctx.obj = Session(config)
