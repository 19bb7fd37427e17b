"""The commands, one module each; each registers itself on the app it is given.

segue = daemon.cli:main
"""

from importlib import import_module, metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from daemon.cli.commands import Commands
from daemon.cli.session import Session

COMMANDS = (
    "init",
    "check",
    "migrate",
    "serve",
    "sandbox",
    "demo",
    "reconcile",
    "drift",
    "status",
    "explain",
    "audit",
)


def main() -> None:
    """Run the command line and leave the process."""
    build()(prog_name="segue")


def build() -> typer.Typer:
    """The app with its commands."""
    app = typer.Typer(
        cls=Commands,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="markdown",
        help="Keeps Iterable true to Segment.",
    )
    app.callback()(_everywhere)
    for name in COMMANDS:
        if find_spec(f"{__name__}.{name}"):
            import_module(f"{__name__}.{name}").register(app)
    return app


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"segue {metadata.version('segue')}")
        raise typer.Exit


def _everywhere(
    ctx: typer.Context,
    config: Annotated[
        Path,
        typer.Option("--config", envvar="SEGUE_CONFIG", help="The configuration file."),
    ] = Path("segue.yaml"),
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    ctx.obj = Session(config)
