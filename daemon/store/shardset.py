"""A set of shards as one integer, so that a database can ask whether two sets meet."""

from collections.abc import Iterable

from sqlalchemy import ColumnElement

from daemon.domain.messages import SHARDS

_SIGN = 1 << (SHARDS - 1)


def to_bits(shards: Iterable[int]) -> int:
    """One bit a shard, as the signed 64-bit integer that both databases store."""
    bits = 0
    for shard in shards:
        bits |= 1 << shard
    return bits - (_SIGN << 1) if bits & _SIGN else bits


def to_shards(bits: int) -> tuple[int, ...]:
    """The shards of a set, in order."""
    return tuple(shard for shard in range(SHARDS) if bits >> shard & 1)


def meets(column: ColumnElement[int], shards: Iterable[int]) -> ColumnElement[bool]:
    """Whether a stored set has any of these shards."""
    return column.bitwise_and(to_bits(shards)) != 0
