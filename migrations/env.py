"""What Alembic runs for every command. Logging is left alone: it is the daemon's.

It works through the store's own writer, so that on SQLite, too, a migration is one transaction.
"""

from contextlib import closing

from alembic import context

from daemon.store.database import open_database
from daemon.store.dedupe import PREFIX
from daemon.store.postgres import take_text
from daemon.store.schema import METADATA


def run() -> None:
    """Connect to the URL given in the configuration's attributes, and migrate there."""
    with (
        closing(open_database(context.config.attributes["url"])) as database,
        database.writer.connect() as connection,
    ):
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SET statement_timeout = 0")
            connection.commit()
        take_text(connection)
        context.configure(
            connection=connection,
            target_metadata=METADATA,
            include_name=lambda name, kind, _parents: (
                not (kind == "table" and (name or "").startswith(PREFIX))
            ),
            render_as_batch=connection.dialect.name == "sqlite",
            transactional_ddl=True,
        )
        with context.begin_transaction():
            context.run_migrations()


run()
