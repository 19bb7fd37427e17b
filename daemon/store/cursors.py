"""How far each stage has come in each shard.

A stage is `folded`, an endpoint, or a paused mapping.
"""

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, func, select

from daemon.store.schema import CURSOR
from daemon.store.statements import among, put


def load(connection: Connection, shards: Collection[int]) -> dict[tuple[int, str], int]:
    """Positions by (shard, stage). What a stage has never saved is not there."""
    statement = select(CURSOR.c.shard, CURSOR.c.stage, CURSOR.c.position)
    found = connection.execute(statement.where(among(connection, CURSOR.c.shard, shards)))
    return {(shard, stage): position for shard, stage, position in found}


def save(connection: Connection, positions: Mapping[tuple[int, str], int]) -> None:
    """Set positions by (shard, stage)."""
    put(
        connection,
        CURSOR,
        [
            {"shard": shard, "stage": stage, "position": position}
            for (shard, stage), position in sorted(positions.items())
        ],
    )


def lowest(connection: Connection) -> int:
    """The lowest position of all, 0 where there is none: nothing above it may be deleted."""
    return connection.execute(select(func.min(CURSOR.c.position))).scalar() or 0
