"""A daemon as commands reach it."""

from importlib import import_module
from pathlib import Path

import pytest

from daemon.app.control import listen_on
from daemon.clients.control import ControlClient
from daemon.errors import NoDaemon, Unavailable

pytestmark = pytest.mark.anyio


async def test_nobody_waits_for_a_daemon_that_stands_still(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may compare for as long as it takes, but has to say that it lives."""
    monkeypatch.setattr(import_module("daemon.clients.control"), "_SECONDS", 0.1)
    with listen_on(tmp_path / "socket"):
        with pytest.raises(Unavailable, match="stopped answering"):
            await ControlClient(tmp_path / "socket").reconcile()
        with pytest.raises(Unavailable, match="stopped answering"):
            await ControlClient(tmp_path / "socket").apply(None)


async def test_without_a_daemon_the_command_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(NoDaemon, match="segue serve"):
        await ControlClient(tmp_path / "socket").reconcile()
