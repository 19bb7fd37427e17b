"""`segue mapping schema`: what editors complete mappings by."""

import typer

from daemon.cli.printing import say_json
from daemon.mapping.registry.schema import mappings_schema


def register(group: typer.Typer) -> None:
    group.command(name="schema")(schema)


def schema() -> None:
    """Print the JSON Schema of the mappings of a configuration, for completion in editors.

    Example: `segue mapping schema > segue.schema.json`
    """
    say_json(mappings_schema())
