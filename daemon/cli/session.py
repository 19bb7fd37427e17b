"""What every command shares: the configuration file it was given, and what is opened from it."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import typer

from daemon.errors import SchemaNotCurrent
from daemon.settings import Settings, load_settings
from daemon.store.database import Database, is_sqlite, open_database, parse_url
from daemon.store.migrate import require_current


@dataclass(frozen=True, slots=True)
class Session:
    """One run of the command line."""

    config: Path


def config_of(ctx: typer.Context) -> Path:
    """The configuration file."""
    return ctx.ensure_object(Session).config


def settings_of(ctx: typer.Context) -> Settings:
    """The settings. Raises ConfigurationError."""
    return load_settings(config_of(ctx), os.environ)  # noqa: TID251 -- the one place


@contextmanager
def reading(settings: Settings) -> Iterator[Database]:
    """The store, to be read beside a running daemon.

    Raises:
        SchemaNotCurrent: it has no tables, or not those this version needs.
        StoreUnavailable: it is away.
    """
    with closing(open_database(store_of(settings))) as database:
        require_current(database)
        yield database


def store_of(settings: Settings) -> str:
    """The address of the store. Raises SchemaNotCurrent for a file that is not there."""
    url = settings.store.url.get_secret_value()
    if not is_there(url):
        raise SchemaNotCurrent("there is no store yet; run: segue migrate")
    return url


def is_there(url: str) -> bool:
    """Whether the store's file exists; a server's database is taken to."""
    file = sqlite_file(url)
    return file is None or file.exists()


def sqlite_file(url: str) -> Path | None:
    """The file of a SQLite store. Raises ConfigurationError for what is no store."""
    parsed = parse_url(url)
    return Path(str(parsed.database)) if is_sqlite(parsed) else None
