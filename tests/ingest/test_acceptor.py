"""Many requests, few commits; nothing is answered before its commit."""

from collections.abc import Sequence

import anyio
import pytest

from daemon.actors.mailbox import Mailbox
from daemon.domain.messages import MessageClass, NewRow
from daemon.errors import LogFull, MailboxFull, StoreUnavailable
from daemon.ingest.acceptor import Acceptor, Save, Waiting
from daemon.ingest.intake import Intake, Taken
from tests.clock import VIRTUAL

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", [VIRTUAL])]


def intake(size: int = 1) -> Intake:
    row = NewRow(0, MessageClass.LIVE, 0, 0, b"{}")
    return Intake("site", 0, [Taken(str(n), row) for n in range(size)])


def nothing() -> None:
    """Ready, and nobody minds."""


class Disk:
    """A store that takes a second for each commit, and fails while `away`."""

    def __init__(self) -> None:
        self.commits: list[int] = []
        self.away = False

    async def save(self, group: Sequence[Intake]) -> None:
        await anyio.sleep(1)
        if self.away:
            raise StoreUnavailable("the disk is full", retry_after=30)
        self.commits.append(sum(one.received for one in group))


def acceptor(
    mailbox: Mailbox[Waiting], save: Save, *, commit_messages: int = 2000, unsent: int = 0
) -> Acceptor:
    return Acceptor(
        mailbox, save, commit_messages=commit_messages, unsent=lambda: unsent, max_unsent=100
    )


async def test_eighty_requests_share_a_few_commits() -> None:
    disk = Disk()
    answered = []

    async def request(actor: Acceptor) -> None:
        await actor.accept(intake())
        answered.append(sum(disk.commits))

    with Mailbox[Waiting]("acceptor", 100) as mailbox:
        actor = acceptor(mailbox, disk.save)
        async with anyio.create_task_group() as group, anyio.create_task_group() as requests:
            group.start_soon(lambda: actor.run(ready=nothing))
            for _ in range(80):
                requests.start_soon(request, actor)
            await anyio.sleep(10)
            mailbox.finish()
    assert sum(disk.commits) == len(answered) == 80
    assert len(disk.commits) <= 4
    assert min(answered) >= 1  # nobody was answered before the first commit


async def test_a_group_is_bounded_in_messages() -> None:
    disk = Disk()
    with Mailbox[Waiting]("acceptor", 100) as mailbox:
        actor = acceptor(mailbox, disk.save, commit_messages=10)
        async with anyio.create_task_group() as group:
            for size in (4, 4, 4, 4, 50, 1):
                group.start_soon(actor.accept, intake(size))
            await anyio.sleep(1)
            group.start_soon(lambda: actor.run(ready=nothing))
            await anyio.sleep(10)
            mailbox.finish()
    assert disk.commits == [12, 54, 1]


async def test_a_store_that_is_away_fails_those_who_wait_and_not_the_actor() -> None:
    disk = Disk()
    disk.away = True
    with Mailbox[Waiting]("acceptor", 100) as mailbox:
        actor = acceptor(mailbox, disk.save)
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: actor.run(ready=nothing))
            for _ in range(2):
                with pytest.raises(StoreUnavailable) as unavailable:
                    await actor.accept(intake())
                assert unavailable.value.retry_after == 30
            disk.away = False
            await actor.accept(intake())
            mailbox.finish()
    assert disk.commits == [1]


async def test_any_other_failure_ends_the_actor_and_leaves_nobody_waiting() -> None:
    async def broken(_group: Sequence[Intake]) -> None:
        await anyio.sleep(1)
        raise ZeroDivisionError

    failed = []

    async def request(actor: Acceptor) -> None:
        try:
            await actor.accept(intake())
        except StoreUnavailable as error:
            failed.append(error)

    with Mailbox[Waiting]("acceptor", 100) as mailbox:
        actor = acceptor(mailbox, broken)
        with pytest.RaisesGroup(ZeroDivisionError):
            async with anyio.create_task_group() as group, anyio.create_task_group() as requests:
                requests.start_soon(request, actor)
                requests.start_soon(request, actor)
                await anyio.sleep(1)
                group.start_soon(lambda: actor.run(ready=nothing))
                with anyio.CancelScope(shield=True):
                    await anyio.sleep(5)
    assert len(failed) == len(set(map(id, failed))) == 2


async def test_a_request_that_was_given_up_breaks_no_group_and_is_not_stored() -> None:
    disk = Disk()
    with Mailbox[Waiting]("acceptor", 100) as mailbox:
        actor = acceptor(mailbox, disk.save)
        async with anyio.create_task_group() as group:
            with anyio.move_on_after(1):
                await actor.accept(intake(5))
            group.start_soon(actor.accept, intake(3))
            group.start_soon(lambda: actor.run(ready=nothing))
            await anyio.sleep(5)
            with anyio.move_on_after(0.5):  # in the middle of its commit
                await actor.accept(intake(7))
            await actor.accept(intake(2))
            mailbox.finish()
    assert disk.commits == [3, 7, 2]


async def test_a_full_mailbox_and_a_full_log_refuse_at_once() -> None:
    disk = Disk()
    with Mailbox[Waiting]("acceptor", 1) as mailbox:
        async with anyio.create_task_group() as group:
            group.start_soon(acceptor(mailbox, disk.save).accept, intake())
            await anyio.sleep(1)
            with pytest.raises(MailboxFull):
                await acceptor(mailbox, disk.save).accept(intake())
            with pytest.raises(LogFull):
                await acceptor(mailbox, disk.save, unsent=100).accept(intake())
            group.cancel_scope.cancel()


async def test_a_request_without_members_needs_no_commit() -> None:
    with Mailbox[Waiting]("acceptor", 1) as mailbox:
        await acceptor(mailbox, Disk().save).accept(Intake("site", 0))


async def test_while_shutting_down_requests_are_asked_to_come_again() -> None:
    with Mailbox[Waiting]("acceptor", 1) as mailbox:
        mailbox.finish()
        with pytest.raises(StoreUnavailable):
            await acceptor(mailbox, Disk().save).accept(intake())
