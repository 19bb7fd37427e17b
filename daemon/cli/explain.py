"""`segue explain`: what is known of one user, and what became of each of their messages."""

from functools import partial
from typing import Annotated, Any

import msgspec
import typer

from daemon.cli.configuration import settings_of
from daemon.cli.printing import moment, say, say_json, say_table
from daemon.cli.store import reading
from daemon.cli.stored import catalog
from daemon.errors import ConfigurationError
from daemon.mapping.blocks import DEFAULT, read
from daemon.mapping.mappings import Mappings
from daemon.outbound.explain import Explanation, explain
from daemon.settings import Settings
from daemon.store import Connection
from daemon.store import mappings as versions
from daemon.telemetry.redaction import mask_email, mask_id


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
        found = database.read_now(partial(_explain, settings, who))
    if found is None:
        raise ConfigurationError(f"nobody and no message in the log is called {_masked(who)}")
    shown = found if unmasked else _hidden(found)
    if as_json:
        say_json(shown)
    else:
        _show(shown)


def _explain(settings: Settings, who: str, connection: Connection) -> Explanation | None:
    latest = versions.latest(connection)
    mappings: Mappings | None = None
    if latest is not None:
        blocks = read(msgspec.json.decode(latest.body) or DEFAULT)
        mappings = blocks.publish(latest.version, settings.project.type, catalog(connection))
    return explain(connection, who, mappings)


def _hidden(found: Explanation) -> Explanation:
    """Without values, and identifiers masked."""
    return msgspec.structs.replace(
        found,
        user=_masked(found.user),
        identifiers=[_masked(each) for each in found.identifiers],
        traits=dict.fromkeys(found.traits, "…"),
        desired=None if found.desired is None else _without_values(found.desired),
    )


def _without_values(desired: dict[str, Any]) -> dict[str, Any]:
    fields = dict.fromkeys(desired.get("fields", {}), "…")
    return {**desired, "identity": "…", "fields": fields}


def _masked(identifier: str) -> str:
    kind, colon, value = identifier.rpartition(":")
    return kind + colon + (mask_email(value) if "@" in value else mask_id(value))


def _show(found: Explanation) -> None:
    say(f"{found.user}   {' · '.join(found.identifiers)}", "")
    for title, values in (
        ("Traits", found.traits),
        ("Audiences", found.audiences),
        ("Choices", found.choices),
    ):
        if values:
            say(f"{title:<10} " + ", ".join(f"{name} = {value}" for name, value in values.items()))
    if found.desired is not None:
        fields = ", ".join(found.desired.get("fields", {})) or "no fields"
        say(f"{'Desired':<10} {fields}; lists {found.desired.get('lists', {})}")
    if found.waits_since is not None:
        say(f"{'Open':<10} not accepted yet since position {found.waits_since}")
    for line in found.waiting:
        say(f"{'Waiting':<10} {line}")
    rows = [(each.part, each.certainty, moment(each.at), each.reason) for each in found.believed]
    if rows:
        say("")
        say_table(("BELIEVED", "", "SINCE", "WHY"), rows)
    if found.messages:
        say("")
        say_table(
            ("POSITION", "RECEIVED", "MESSAGE", "FOLDED", "EVENT", "CALLS"),
            [
                (
                    str(each.position),
                    moment(each.received_at),
                    f"{each.type} {each.name}".strip(),
                    "yes" if each.folded else "not yet",
                    each.fate,
                    "; ".join(each.calls),
                )
                for each in found.messages
            ],
        )
