"""`segue mapping preview`: what a changed mapping would change, before anything is sent."""

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from daemon.cli.configuration import settings_of
from daemon.cli.mapping.files import document_of, mappings_in
from daemon.cli.printing import count, say, say_json, say_table
from daemon.cli.store import reading
from daemon.cli.stored import catalog
from daemon.errors import ConfigurationError
from daemon.mapping.blocks import DEFAULT, read
from daemon.mapping.mappings import Mappings
from daemon.outbound.preview import PreviewReport, ShiftLine, preview
from daemon.settings import Settings
from daemon.store import Connection
from daemon.store import mappings as versions
from daemon.telemetry.redaction import mask_id

_MOST = 10_000_000


def register(group: typer.Typer) -> None:
    group.command(name="preview")(show)


def show(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="A configuration, or a file of mappings alone.")],
    last: Annotated[
        int, typer.Option(min=0, max=_MOST, help="So many of the latest messages are replayed.")
    ] = 10_000,
    unmasked: Annotated[
        bool, typer.Option("--unmasked", help="Show identifiers and values in samples.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Compare new mappings with those in force, on all profiles and the latest messages.

    Nothing is sent or changed. *left* is what the new mappings no longer write: it stays in
    Iterable as it is.

    Example: `segue mapping preview new.yaml --last 50000`
    """
    settings = settings_of(ctx)
    blocks = mappings_in(document_of(file)) or DEFAULT
    with reading(settings) as database:
        old, new = database.read_now(partial(_both, settings, blocks))
        report = preview(database, old, new, last=last)
    shown = report if unmasked else _hidden(report)
    if as_json:
        say_json(shown)
    else:
        _print(shown)


def _both(
    settings: Settings, blocks: list[Any], connection: Connection
) -> tuple[Mappings, Mappings]:
    """The mappings in force, and the new ones with the same names resolved."""
    latest = versions.latest(connection)
    if latest is None:
        raise ConfigurationError(
            "no mapping is in force yet: run segue serve once, then preview a change of it"
        )
    known, project = catalog(connection), settings.project.type
    in_force = read(msgspec.json.decode(latest.body) or DEFAULT)
    old = in_force.publish(latest.version, project, known)
    return old, read(blocks).publish(latest.version + 1, project, known)


def _hidden(report: PreviewReport) -> PreviewReport:
    def masked(line: ShiftLine) -> ShiftLine:
        samples = [
            msgspec.structs.replace(one, of=mask_id(one.of), before="…", after="…")
            for one in line.samples
        ]
        return msgspec.structs.replace(line, samples=samples)

    return msgspec.structs.replace(
        report,
        users=[masked(line) for line in report.users],
        events=[masked(line) for line in report.events],
    )


def _print(report: PreviewReport) -> None:
    say(
        f"{count(report.users_changed, 'user')} of {report.profiles:,} would change, and"
        f" {count(report.messages_changed, 'message')} of {report.messages:,} replayed"
    )
    for title, lines in (("USERS' PART", report.users), ("EVENT", report.events)):
        if lines:
            say("")
            say_table((title, "NEW", "CHANGED", "LEFT", "SUCH AS"), [_row(line) for line in lines])
    say("", "Nothing was sent.")


def _row(line: ShiftLine) -> tuple[str, ...]:
    numbers = (f"{number:,}" for number in (line.new, line.changed, line.left))
    sample = line.samples[0]
    return (line.what, *numbers, f"{sample.of}: {_short(sample.before)} → {_short(sample.after)}")


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= 40 else text[:39] + "…"  # noqa: PLR2004 -- a table's cell
