"""`segue init`: the first configuration file."""

import re
from pathlib import Path
from typing import Annotated, Literal

import typer

from daemon.cli.printing import say
from daemon.cli.session import config_of, segue_with
from daemon.domain.identity import ProjectType
from daemon.errors import ConfigurationError
from daemon.settings import SOURCE_NAME, starter_yaml

DataCenter = Literal["US", "EU"]


def register(app: typer.Typer) -> None:
    app.command(name="init")(init)


def init(
    ctx: typer.Context,
    name: Annotated[str, typer.Option(help="What you call the project.")] = "my project",
    project_type: Annotated[
        ProjectType, typer.Option(help="How the Iterable project identifies its users.")
    ] = ProjectType.HYBRID,
    data_center: Annotated[
        DataCenter, typer.Option(help="Where the Iterable project lives.")
    ] = "US",
    source: Annotated[str, typer.Option(help="Your name for the first Segment source.")] = "web",
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
) -> None:
    """Write a commented segue.yaml to start from.

    Example: `segue init --name shop --project-type hybrid --data-center EU`
    """
    config = config_of(ctx)
    if not re.fullmatch(SOURCE_NAME, source):
        raise typer.BadParameter(
            "use 1 to 64 of a-z, 0-9, _ and -, beginning with a letter or digit",
            param_hint="'--source'",
        )
    if not name:
        raise typer.BadParameter("give it a name", param_hint="'--name'")
    text = starter_yaml(
        name=name, project_type=project_type, data_center=data_center, source=source
    )
    try:
        with config.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise ConfigurationError(
            f"{config} is already there; --force overwrites it, --config names another"
        ) from None
    except OSError as error:
        raise ConfigurationError(
            f"{config}: can't be written: {error.strerror}; --config names another file"
        ) from None
    say(*_next_steps(config, source))


def _next_steps(config: Path, source: str) -> list[str]:
    segue = segue_with(config)
    return [
        f"Wrote {config}. Next:",
        "",
        "  1. Name your lists, channels and events under mappings.",
        "  2. Give the secrets, as systemd credentials or in the environment:",
        "       export SEGUE_ITERABLE__API_KEY=...",
        f"       {_secret_of(source)}",
        f"  3. {segue} check",
        "       asks Iterable whether all of it is right",
        f"  4. {segue} migrate",
        "       makes the store",
        f"  5. {segue} serve",
        "       and point Segment's Webhooks destination at",
        f"       https://<this host>/v1/webhook/{source}",
    ]


def _secret_of(source: str) -> str:
    """Where the webhook's secret goes; a shell's variables can't have a dash in their names."""
    if "-" in source:
        return f"and sources.{source}.webhook_secret_file in the configuration"
    return f"export SEGUE_SOURCES__{source.upper()}__WEBHOOK_SECRET=..."
