"""`segue mapping`: mappings tried, checked, tested and brought along, without a store or Iterable.

One module for each subcommand; each registers itself on the group it is given.
"""

import typer

from daemon.cli.mapping import checking, evaluating, importing, schema, testing


def register(app: typer.Typer) -> None:
    group = typer.Typer(
        no_args_is_help=True,
        help="Try, check and test mappings, and bring Segment's along.\n\n"
        "Example: `segue mapping check`",
    )
    for module in (checking, testing, evaluating, importing, schema):
        module.register(group)
    app.add_typer(group, name="mapping")
