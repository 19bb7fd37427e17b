"""`segue mapping`: mappings tried, checked, tested, previewed and brought along.

Nothing is sent, and only the preview reads the store. One module for each subcommand; each
registers itself on the group it is given.
"""

import typer

from daemon.cli.mapping import checking, evaluating, importing, previewing, schema, testing


def register(app: typer.Typer) -> None:
    group = typer.Typer(
        no_args_is_help=True,
        help="Try, check and test mappings, and bring Segment's along.\n\n"
        "Example: `segue mapping check`",
    )
    for module in (checking, previewing, testing, evaluating, importing, schema):
        module.register(group)
    app.add_typer(group, name="mapping")
