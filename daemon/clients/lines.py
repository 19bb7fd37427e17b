"""Lines out of chunks, bounded."""

from collections.abc import AsyncIterator

from daemon.errors import Unreachable

LONGEST_LINE = 8 * 1024 * 1024


async def lines_of(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The lines of a stream of chunks, without their ends; empty lines are left out.

    Raises Unreachable for a line over LONGEST_LINE: what follows can't be told apart.
    """
    rest: list[bytes] = []
    held = 0
    async for chunk in chunks:
        head, *others = chunk.split(b"\n")
        rest.append(head)
        held += len(head)
        if held > LONGEST_LINE:
            raise Unreachable(f"a line of the answer is longer than {LONGEST_LINE} bytes")
        for following in others:
            if line := b"".join(rest).rstrip(b"\r"):
                yield line
            rest, held = [following], len(following)
    if line := b"".join(rest).rstrip(b"\r"):
        yield line
