"""Lines out of chunks, however they are cut."""

from typing import Any

import pytest

from daemon.clients.lines import LONGEST_LINE, lines_of
from daemon.errors import Unreachable

pytestmark = pytest.mark.anyio


async def test_lines_are_whole_however_they_are_cut() -> None:
    async def chunks(*parts: bytes) -> Any:
        for part in parts:
            yield part

    async def lines(*parts: bytes) -> list[bytes]:
        return [line async for line in lines_of(chunks(*parts))]

    whole = b"one\ntwo\r\n\nthree"
    for cut in range(len(whole)):
        assert await lines(whole[:cut], b"", whole[cut:]) == [b"one", b"two", b"three"]
    assert await lines() == []
    with pytest.raises(Unreachable, match="longer than"):
        await lines(*[b"x" * 1_000_000] * (LONGEST_LINE // 1_000_000 + 1))
