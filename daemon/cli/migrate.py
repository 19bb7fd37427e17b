"""`segue migrate`: the store's tables as this version needs them."""

import typer

from daemon.cli.configuration import settings_of
from daemon.cli.printing import say
from daemon.cli.store import is_there, sqlite_file
from daemon.errors import StoreUnavailable
from daemon.store.instance import instance_lock
from daemon.store.migrate import current, head, upgrade


def register(app: typer.Typer) -> None:
    app.command(name="migrate")(migrate)


def migrate(ctx: typer.Context) -> None:
    """Make the store, or bring its tables to this version. No daemon may run meanwhile.

    Example: `segue --config /etc/segue/shop.yaml migrate`
    """
    url = settings_of(ctx).store.url.get_secret_value()
    make_folder(url)
    with instance_lock(url):
        before = current(url) if is_there(url) else None
        if before == head():
            say(f"The store is at {before}, nothing to do.")
            return
        upgrade(url)
    say(f"The store is at {head()} now; it was {f'at {before}' if before else 'empty'}.")


def make_folder(url: str) -> None:
    """The folder a SQLite store rests in, for its owner only."""
    file = sqlite_file(url)
    if file is None:
        return
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnavailable(
            f"store.url: {file.parent} can't be made: {error.strerror}"
        ) from error
