"""A daemon as commands reach it."""

import socket
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path

import pytest

from daemon.app.control import listening_on
from daemon.clients.control import ControlClient
from daemon.errors import ConfigurationError, NoDaemon, Unavailable

pytestmark = pytest.mark.anyio


async def test_nobody_waits_for_a_daemon_that_stands_still(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may compare for as long as it takes, but has to say that it lives."""
    monkeypatch.setattr(import_module("daemon.clients.control"), "_SECONDS", 0.1)
    with listening_on(tmp_path / "socket"):
        with pytest.raises(Unavailable, match="stopped answering"):
            await ControlClient(tmp_path / "socket").reconcile()
        with pytest.raises(Unavailable, match="stopped answering"):
            await ControlClient(tmp_path / "socket").apply(None)


async def test_a_socket_somebody_listens_on_is_left_to_them(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with listening_on(path):
        with pytest.raises(ConfigurationError, match="another daemon"), listening_on(path):
            raise AssertionError
        assert path.exists()
    assert not path.exists()


async def test_a_daemon_that_stands_still_keeps_its_socket(tmp_path: Path) -> None:
    """Its queue is full of callers: nobody is let in, and nobody may take its place."""
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as still, ExitStack() as callers:
        still.bind(str(path))
        still.listen(0)
        for _ in range(3):
            caller = callers.enter_context(socket.socket(socket.AF_UNIX))
            caller.settimeout(0)
            caller.connect_ex(str(path))
        with pytest.raises(ConfigurationError, match="another daemon"), listening_on(path):
            raise AssertionError


async def test_a_path_no_socket_can_have_is_a_mistake(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 200)
    with pytest.raises(ConfigurationError, match="too long"), listening_on(path):
        raise AssertionError


async def test_what_a_dead_process_left_is_replaced_and_another_s_socket_stays(
    tmp_path: Path,
) -> None:
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with listening_on(path):
        path.unlink()
        path.write_text("somebody else's")
    assert path.exists()


async def test_without_a_daemon_the_command_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(NoDaemon, match="segue serve"):
        await ControlClient(tmp_path / "socket").reconcile()
