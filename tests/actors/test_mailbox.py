import random
from collections.abc import Callable
from math import inf

import anyio
import pytest

from daemon.actors.clock import SystemClock
from daemon.actors.mailbox import Mailbox
from daemon.actors.supervisor import RestartPolicy, Supervisor
from daemon.errors import MailboxFull
from tests.clock import VIRTUAL

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", [VIRTUAL])]


@pytest.mark.parametrize("capacity", [0, -1, inf])
async def test_a_capacity_is_finite_and_above_zero(capacity: int) -> None:
    with pytest.raises(ValueError, match="mailbox 'm' needs a finite capacity"):
        Mailbox[int]("m", capacity)


async def test_put_slows_senders_to_the_readers_pace() -> None:
    got, unblocked = list[int](), list[float]()
    with Mailbox[int]("m", 2) as box:

        async def read() -> None:
            async for message in box:
                await anyio.sleep(1)
                got.append(message)

        async with anyio.create_task_group() as group:
            for message in (1, 2):
                box.offer(message)
            group.start_soon(read)
            for message in (3, 5, 6):
                await box.put(message)
                unblocked.append(anyio.current_time())
            box.finish()
    assert got == [1, 2, 3, 5, 6]
    assert unblocked == [0, 1, 2]


async def test_offer_refuses_at_once_when_full() -> None:
    with Mailbox[int]("m", 2) as box:
        box.offer(1)
        box.offer(2)
        with pytest.raises(MailboxFull, match="mailbox m has no room") as caught:
            box.offer(3)
        assert caught.value.retry_after == 1
        assert (box.depth(), box.take(9), anyio.current_time()) == (2, [1, 2], 0)


async def test_a_nudge_is_dropped_when_full_or_finished() -> None:
    with Mailbox[int]("m", 1) as box:
        box.nudge(1)
        box.nudge(2)
        assert box.take(9) == [1]
        box.finish()
        box.nudge(3)
        assert box.take(9) == []


async def test_take_never_waits_and_keeps_to_its_most() -> None:
    with Mailbox[int]("m", 9) as box:
        assert box.take(5) == []
        for message in range(5):
            box.offer(message)
        assert (box.take(2), box.take(9), box.depth()) == ([0, 1], [2, 3, 4], 0)


async def test_a_finished_mailbox_is_read_to_its_end() -> None:
    with Mailbox[int]("m", 9) as box:
        box.offer(1)
        box.offer(2)
        box.finish()
        with pytest.raises(anyio.ClosedResourceError):
            await box.put(3)
        assert [message async for message in box] == [1, 2]


async def test_what_was_queued_at_a_crash_is_served_by_the_next_run() -> None:
    class Reader:
        name = "reader"

        def __init__(self, box: Mailbox[int]) -> None:
            self.box, self.got, self.runs = box, list[int](), 0

        async def run(self, *, ready: Callable[[], None]) -> None:
            self.runs += 1
            ready()
            async for message in self.box:
                if message == 2 and self.runs == 1:
                    raise ValueError(message)
                self.got.append(message)

    with Mailbox[int]("m", 9) as box:
        for message in (1, 2, 3, 4):
            box.offer(message)
        box.finish()
        actor = Reader(box)
        await Supervisor(RestartPolicy(), random.Random(1), SystemClock()).supervise(actor)
    assert (actor.runs, actor.got) == (2, [1, 3, 4]), "only the message in hand was lost"
