"""Sweeps that go wrong: cut short, interrupted, with broken lines, or too empty to be believed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest

from daemon.clients.iterable.catalog import ExportFiles
from daemon.clients.iterable.client import IterableClient
from daemon.errors import Refused, Unauthorized
from daemon.reconcile.observing import Export
from daemon.reconcile.requests import Plan
from daemon.reconcile.sights import recall
from daemon.store import runs
from tests.outbound.bench import quick_sandbox
from tests.reconcile.world import NOBODY_ELSE, World, changed, drift, world

pytestmark = pytest.mark.anyio

SMALL_FILES = quick_sandbox(export_queue_ms=20, export_run_ms=20, export_file_bytes=1500)


class Tampering(IterableClient):
    """The real client, through which an export's answers pass changed."""

    def __init__(self, real: IterableClient) -> None:
        self.__dict__.update(real.__dict__)
        self.truncated = False
        self.state: str | None = None
        self.first_lines: list[bytes] = []
        self.last_lines: list[bytes] = []
        self.expired = 0
        self.stuck_after: int | None = None
        self.downloads: list[str] = []

    async def export_files(self, job: int, *, after: str = "") -> ExportFiles:
        page = await super().export_files(job, after=after)
        state = self.state if self.state and page.state == "completed" else page.state
        truncated = page.truncated or self.truncated
        return msgspec.structs.replace(page, state=state, truncated=truncated)

    @asynccontextmanager
    async def download(self, url: str) -> AsyncIterator[AsyncIterator[bytes]]:
        if self.stuck_after is not None and len(self.downloads) >= self.stuck_after:
            await anyio.sleep_forever()
        if self.expired:
            self.expired -= 1
            raise Refused("expired", status=403, code="LinkExpired")
        self.downloads.append(url.partition("?")[0])
        async with super().download(url) as lines:
            yield self._with_others(lines)

    async def _with_others(self, lines: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        for line in self.first_lines:
            yield line
        self.first_lines = []
        async for line in lines:
            yield line
        for line in self.last_lines:
            yield line


def through(w: World) -> Tampering:
    client = Tampering(w.parts.client)
    w.parts = msgspec.structs.replace(w.parts, client=client)
    return client


@pytest.mark.parametrize("how", [{"truncated": True}, {"state": "failed"}, {"state": "cancelled"}])
async def test_a_partial_export_never_proves_absence(tmp_path: Path, how: dict[str, Any]) -> None:
    async with world(tmp_path) as w, w.bench.running():
        await w.customers(4)
        await w.tamper("delete", "3")
        await w.tamper("fields", "2", fields={"plan": "free"})
        client = through(w)
        client.__dict__.update(how)
        report = await w.plan()
        assert report.state == "partial"
        assert drift(report) == {("field plan", "edited in Iterable")}
        assert report.plan is not None
        assert report.plan.recreations == 0
        assert report.plan.guards == ["Iterable was not read to its end"]
        assert report.counts.in_flight == 1


async def test_an_export_too_empty_to_be_believed_is_partial(tmp_path: Path) -> None:
    careful = changed(NOBODY_ELSE, max_share=0.3)
    async with world(tmp_path, settings=careful) as w, w.bench.running():
        await w.customers(4)
        for user in ("2", "3"):
            await w.tamper("delete", user)
        report = await w.plan()
        assert (report.state, report.counts.absent, report.plan) == ("partial", 2, None)
        assert any("too many to be believed" in note for note in report.notes)


async def test_what_only_the_export_says_counts_for_nothing(tmp_path: Path) -> None:
    async with world(tmp_path) as w, w.bench.running():
        await w.customers(3)
        client = through(w)
        client.last_lines = [msgspec.json.encode({"userId": "2", "plan": "an old value"})]
        await w.bench.sandbox.delete("/counts")
        report = await w.plan()
        assert (report.lines, report.counts.in_sync) == ([], 3)
        reads = (await w.bench.sandbox.get("/counts")).json()["endpoints"]
        assert [tally["calls"] for name, tally in reads.items() if "byUserId" in name] == [1]


async def test_broken_lines_are_counted_and_passed_over(tmp_path: Path) -> None:
    async with world(tmp_path) as w, w.bench.running():
        await w.customers(2)
        deep = b'{"email":"a@x.org","x":' + b"[" * 2000 + b"]" * 2000 + b"}"
        through(w).first_lines = [b'{"email":"broken', b"[]", b"{}", b"\xff\xfe", deep]
        report = await w.plan()
        assert report.counts.broken == 5
        assert (report.counts.observed, report.counts.in_sync) == (2, 2)


async def test_an_expired_address_is_asked_for_again(tmp_path: Path) -> None:
    async with world(tmp_path, sandbox=SMALL_FILES) as w, w.bench.running():
        await w.customers(6)
        client = through(w)
        client.expired = 2
        report = await w.plan()
        assert (report.state, report.counts.observed) == ("complete", 6)
        assert len(client.downloads) == len(set(client.downloads)) > 1


async def test_an_interrupted_sweep_goes_on_with_its_export(tmp_path: Path) -> None:
    async with world(tmp_path, sandbox=SMALL_FILES) as w, w.bench.running():
        await w.customers(6)
        client = through(w)
        client.stuck_after = 1
        async with w.reconciling() as reconciler, anyio.create_task_group() as group:
            group.start_soon(reconciler.request, Plan())
            await w.bench.until(lambda: len(client.downloads) == 1)
            await anyio.sleep(0.2)
            group.cancel_scope.cancel()
        stopped = w.bench.database.read_now(partial(runs.last_run, kind="sweep", state="running"))
        assert stopped is not None
        assert len(stopped.export_files) == 1
        client.stuck_after = None
        report = await w.plan()
        assert report.run == stopped.id
        assert (report.counts.observed, report.counts.in_sync) == (6, 6)
        assert len(client.downloads) == len(set(client.downloads)), "no file is read twice"


async def test_a_sweep_iterable_refuses_is_failed_and_the_next_one_begins_anew(
    tmp_path: Path,
) -> None:
    async with world(tmp_path) as w, w.bench.running():
        await w.customers(1)
        await w.bench.fault(path="/api/export/start", status=401)
        with pytest.raises(Unauthorized):
            await w.plan()
        await w.bench.no_faults()
        report = await w.plan()
        assert (report.run, report.state) == (2, "complete")
        assert w.report(1).state == "failed"


async def test_users_in_flight_are_not_judged(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        async with w.bench.running():
            await w.customers(2)
            await w.bench.fault(path="/api/users/bulkUpdate", status=500)
            w.bench.say(user_id="2", traits={"plan": "max"})
            await anyio.sleep(0.5)
        report = await w.plan()
        assert (report.counts.in_flight, report.counts.in_sync, report.lines) == (1, 1, [])


async def test_the_users_own_key_stands_above_the_e_mail(tmp_path: Path) -> None:
    async with world(tmp_path) as w, w.bench.running():
        await w.customers(2)
        client = through(w)
        other = msgspec.json.encode({"email": "user2@x.org", "userId": "x", "plan": "free"})
        client.first_lines, client.last_lines = [other], [other]
        report = await w.plan()
        assert (report.lines, report.counts.in_sync) == ([], 2)
        seen = w.bench.database.read_now(lambda c: recall(c, report.run, ["u:1", "u:2"]))
        assert seen == {"u:1": None, "u:2": None}, "no copy is kept of whoever agrees"


def test_an_export_is_whole_only_when_iterable_says_so() -> None:
    assert Export(1, state="completed").whole
    assert not Export(1, state="completed", truncated=True).whole
    assert not Export(1, state="failed").whole
    assert not Export(1).whole
