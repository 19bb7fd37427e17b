"""The whole daemon in one process: what goes on when a part of it doesn't."""

import logging
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import anyio
import pytest

from daemon.actors.supervisor import PATIENT
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
