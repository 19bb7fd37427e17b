"""`segue explain`: what is known of one user, and what became of each of their messages."""

from functools import partial
from typing import Annotated, Any

import msgspec
import typer

from daemon.cli.configuration import settings_of
from daemon.cli.explanation import HIDDEN, print_explanation
from daemon.cli.printing import say_json
from daemon.cli.store import reading
from daemon.cli.stored import catalog
from daemon.errors import ConfigurationError
from daemon.mapping.blocks import DEFAULT, read
from daemon.mapping.catalog import Catalog
from daemon.mapping.mappings import Mappings
from daemon.outbound.explain import Explanation, explain
from daemon.reconcile.words import masked
from daemon.settings import Settings
from daemon.store import Connection
from daemon.store import mappings as versions


def register(app: typer.Typer) -> None:
    app.command(name="explain")(tell)


def tell(
    ctx: typer.Context,
    who: Annotated[
        str, typer.Argument(metavar="USER|MESSAGE_ID", help="A userId, e-mail or messageId.")
    ],
    unmasked: Annotated[
        bool, typer.Option("--unmasked", help="Show identifiers and values.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Show one user's profile, what Iterable should and is believed to hold, and each message.

    Example: `segue explain ann@example.com --unmasked`
    """
    settings = settings_of(ctx)
    who = who.encode(errors="replace").decode()
    with reading(settings) as database:
        found, names = database.read_now(partial(_look_up, settings, who))
    if found is None:
        raise ConfigurationError(
            f"nobody and no message in the log is called {_masked(who)};"
            f" the log keeps {settings.store.retention_days:g} days"
        )
    shown = found if unmasked else _hidden(found)
    if as_json:
        say_json(shown)
    else:
        print_explanation(shown, names, asked=who, masked=not unmasked)


def _look_up(
    settings: Settings, who: str, connection: Connection
) -> tuple[Explanation | None, Catalog]:
    names = catalog(connection)
    latest = versions.latest(connection)
    mappings: Mappings | None = None
    if latest is not None:
        blocks = read(msgspec.json.decode(latest.body) or DEFAULT)
        mappings = blocks.publish(latest.version, settings.project.type, names)
    return explain(connection, who, mappings), names


def _hidden(found: Explanation) -> Explanation:
    """Without values, and identifiers masked."""
    return msgspec.structs.replace(
        found,
        user=_masked(found.user),
        identifiers=[_masked(each) for each in found.identifiers],
        traits=dict.fromkeys(found.traits, HIDDEN),
        desired=None if found.desired is None else _without_values(found.desired),
    )


def _without_values(desired: dict[str, Any]) -> dict[str, Any]:
    fields = dict.fromkeys(desired.get("fields", {}), HIDDEN)
    return {**desired, "identity": HIDDEN, "fields": fields}


def _masked(identifier: str) -> str:
    """With the kind of a user key, which tells of nobody, in front."""
    kind = identifier[:2] if identifier[:2] in {"u:", "e:", "a:"} else ""
    return kind + masked(identifier)
