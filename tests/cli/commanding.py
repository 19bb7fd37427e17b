"""The command line, run in this process through its real entry point."""

import json
import logging
import os
from collections.abc import Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from daemon.cli import build
from daemon.sandbox.settings import SandboxSettings

SANDBOX_KEY = SandboxSettings().api_key


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """What it complained of, one entry for each line, without the name in front."""
        assert all(line.startswith("segue: ") for line in self.err.splitlines()), self.err
        return [line.removeprefix("segue: ") for line in self.err.splitlines()]

    @property
    def json(self) -> Any:
        assert self.out.count("\n") == 1
        return json.loads(self.out)


class Segue:
    """Runs commands in a folder, with an environment that holds no settings but those given."""

    def __init__(
        self,
        folder: Path,
        capsys: pytest.CaptureFixture[str],
        config: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.folder, self.config = folder, config or folder / "segue.yaml"
        self.env = {"XDG_STATE_HOME": str(folder / "state"), **(env or {})}
        self._capsys = capsys

    def write(self, settings: Any) -> None:
        """The configuration: text as it is, anything else as JSON, which is YAML."""
        text = settings if isinstance(settings, str) else json.dumps(settings)
        self.config.write_text(text, encoding="utf-8")

    def __call__(
        self, *arguments: str, config: bool = True, env: Mapping[str, str] | None = None
    ) -> Ended:
        """Run a command to its end; without `config` it is called without `--config`."""
        chosen = ("--config", str(self.config)) if config else ()
        self._capsys.readouterr()
        with ExitStack() as kept:
            kept.enter_context(_environment({**self.env, **(env or {})}))
            kept.enter_context(_logging_left_alone())
            left = kept.enter_context(pytest.raises(SystemExit))
            build()([*chosen, *arguments])
        said = self._capsys.readouterr()
        assert "Traceback" not in said.out + said.err
        return Ended(int(left.value.code or 0), said.out, said.err)


@contextmanager
def _environment(ours: Mapping[str, str]) -> Any:
    before = dict(os.environ)  # noqa: TID251 -- what commands read
    for name in [name for name in before if name.startswith(("SEGUE_", "CREDENTIALS_"))]:
        del os.environ[name]  # noqa: TID251
    os.environ.update(ours)  # noqa: TID251
    try:
        yield
    finally:
        os.environ.clear()  # noqa: TID251
        os.environ.update(before)  # noqa: TID251


@contextmanager
def _logging_left_alone() -> Any:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
