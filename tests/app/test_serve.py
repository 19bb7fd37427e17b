"""The whole daemon in one process: what goes on when a part of it doesn't."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import anyio
import pytest

from daemon.actors.supervisor import PATIENT
from daemon.app.tally import Tally
from daemon.errors import StoreUnavailable
from daemon.reconcile.reconciler import Reconciler
from tests.app.serving import running

pytestmark = pytest.mark.anyio


async def _broken(_self: Reconciler, _ready: object) -> None:
    raise ValueError("comparing is broken")


async def test_delivery_goes_on_while_the_reconciler_keeps_failing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    serve = import_module("daemon.app.serve")
    monkeypatch.setattr(serve, "PATIENT", replace(PATIENT, budget=2, first=0.001))
    monkeypatch.setattr(Reconciler, "_run", _broken)
    async with running(tmp_path) as daemon:
        with anyio.fail_after(10):
            while True:
                actors = {each["name"]: each for each in (await daemon.status())["actors"]}
                if actors["reconciler"]["state"] == "failing":
                    break
        assert actors["reconciler"]["last_error"] == "ValueError"
        answer = await daemon.control.post("/reconcile", json={})
        assert answer.status_code == 503
        assert "keeps failing" in answer.json()["message"]
        await daemon.say({"type": "identify", "userId": "1", "traits": {"plan": "pro"}})
        await daemon.settled()
        user = (await daemon.iterable.get("/_sandbox/users/1")).json()["user"]
        assert user["dataFields"]["plan"] == "pro"
    said = [r.message for r in caplog.records if r.levelno == logging.CRITICAL]
    assert [text.partition(" (")[0] for text in said] == ["actor reconciler keeps failing"]


async def test_it_ends_at_once_when_the_store_may_be_another_process_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost: list[str] = []

    @contextmanager
    def lock(_url: str) -> Iterator[Callable[[], None]]:
        def look() -> None:
            if lost:
                raise StoreUnavailable("the store is unavailable: the session was ended")

        yield look

    monkeypatch.setattr(import_module("daemon.app.parts"), "instance_lock", lock)
    monkeypatch.setattr(import_module("daemon.app.serve"), "_LOCK_SECONDS", 0.01)
    with pytest.RaisesGroup(StoreUnavailable, flatten_subgroups=True):
        async with running(tmp_path) as daemon:
            await daemon.say({"type": "identify", "userId": "1", "traits": {"plan": "pro"}})
            await daemon.settled()
            lost.append("by now")
            await anyio.sleep(10)


async def test_doors_open_before_a_long_day_is_added_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def look(_self: Tally) -> None:
        await anyio.sleep_forever()

    monkeypatch.setattr(Tally, "look", look)
    async with running(tmp_path) as daemon:
        await daemon.say({"type": "identify", "userId": "1", "traits": {"plan": "pro"}})
        await daemon.settled()
