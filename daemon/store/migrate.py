"""Brings a store's tables to what this version needs, and says whether they are.

The migrations stand in the repository's `migrations/`, and inside the package once it is installed.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import NullPool

from daemon.errors import ConfigurationError, SchemaNotCurrent
from daemon.store.database import Database, parse_url, translated

_PACKAGE = Path(__file__).parent.parent
_PLACES = (_PACKAGE / "migrations", _PACKAGE.parent / "migrations")


def configuration(url: str) -> Config:
    """What Alembic's commands need to work on the store at `url`."""
    config = Config(attributes={"url": url})
    config.set_main_option("script_location", str(_folder()).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def upgrade(url: str) -> None:
    """Bring the tables to this version; a new store gets all of them.

    Raises:
        SchemaNotCurrent: a later version has made them.
        StoreUnavailable: the database is away, full or read-only.
    """
    found = current(url)
    if found is not None and not is_known(found):
        raise SchemaNotCurrent(str(why_not_current(found)))
    with translated(parse_url(url)):
        command.upgrade(configuration(url), "head")


def head() -> str:
    """The revision this version needs."""
    return str(ScriptDirectory(str(_folder())).get_current_head())


def current(url: str) -> str | None:
    """The revision the store is at, None before the first.

    Raises:
        StoreUnavailable: the database is away.
    """
    engine = create_engine(parse_url(url), poolclass=NullPool)
    with translated(engine.url), engine.connect() as connection:
        return _revision(connection)


def require_current(database: Database) -> None:
    """Make sure that the tables are the ones this version needs.

    Raises:
        SchemaNotCurrent: they are older, newer or not there.
        StoreUnavailable: the database is away.
    """
    with translated(database.url), database.reader.connect() as connection:
        found = _revision(connection)
    reason = why_not_current(found)
    if reason is not None:
        raise SchemaNotCurrent(reason)


def why_not_current(found: str | None) -> str | None:
    """What is to be done about a store at revision `found`; None where it is the one needed."""
    needed = head()
    if found == needed:
        return None
    if found is None:
        return "the store has no tables yet; run: segue migrate"
    if not is_known(found):
        return (
            f"the store is at revision {found}, which this version does not know;"
            " run the version that made it, or a later one"
        )
    return f"the store is at revision {found}, this version needs {needed}; run: segue migrate"


def is_known(revision: str) -> bool:
    """Whether this version can migrate a store from `revision`."""
    revisions = ScriptDirectory(str(_folder())).walk_revisions()
    return revision in {each.revision for each in revisions}


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _folder() -> Path:
    for place in _PLACES:
        if (place / "env.py").is_file():
            return place
    raise ConfigurationError(f"there are no migrations in {_PLACES[0]}; install Segue again")
