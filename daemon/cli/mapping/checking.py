"""`segue mapping check`: every mistake in the mappings of a file."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from daemon.cli.exits import ExitCode
from daemon.cli.mapping.files import document_of, mappings_in
from daemon.cli.mistakes import with_line
from daemon.cli.printing import complain, count, say, say_json
from daemon.cli.session import config_of
from daemon.errors import ConfigurationError
from daemon.mapping.registry.blocks import read_blocks
from daemon.settings import Document


class Checked(msgspec.Struct, frozen=True):
    """A file, as `--json` prints it."""

    file: str
    mappings: int
    problems: list[str]


def register(group: typer.Typer) -> None:
    group.command(name="check")(check)


def check(
    ctx: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(help="A configuration, or a file of mappings alone.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was found as JSON.")] = False,
) -> None:
    """Check the mappings of a file: all mistakes at once, each with its place. Asks nobody.

    Example: `segue mapping check segue.yaml`
    """
    found = _checked(document_of(file or config_of(ctx)))
    if as_json:
        say_json(found)
    elif found.problems:
        complain(found.problems)
    else:
        say(f"{found.file}: {count(found.mappings, 'mapping')}, all right")
    if found.problems:
        raise typer.Exit(ExitCode.ERROR)


def _checked(document: Document) -> Checked:
    blocks = mappings_in(document)
    try:
        read_blocks(blocks)
    except ConfigurationError as error:
        problems = [with_line(problem, document) for problem in error.problems]
        return Checked(document.name, len(blocks), problems)
    return Checked(document.name, len(blocks), [])
