"""The store, for commands that open it: where it is, whether it is there, reading it."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from daemon.errors import SchemaNotCurrent
from daemon.settings import Settings
from daemon.store.database import Database, is_sqlite, open_database, parse_url
from daemon.store.migrate import require_current


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
        raise SchemaNotCurrent(f"there is no store at {sqlite_file(url)} yet; run: segue migrate")
    return url


def is_there(url: str) -> bool:
    """Whether the store's file exists; a server's database is taken to."""
    file = sqlite_file(url)
    return file is None or file.exists()


def sqlite_file(url: str) -> Path | None:
    """The file of a SQLite store. Raises ConfigurationError for what is no store."""
    parsed = parse_url(url)
    return Path(str(parsed.database)) if is_sqlite(parsed) else None
