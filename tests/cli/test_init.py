"""`segue init`: a first file, and nothing overwritten."""

import os
from contextlib import contextmanager
from typing import Any

import pytest

from daemon.settings import load_settings
from tests.cli.commanding import Segue


@pytest.mark.parametrize("kind", ["email", "userId", "hybrid"])
@pytest.mark.parametrize(
    ("name", "source"),
    [("shop", "web"), ('Ann\'s "Café": #1', "my-site_2"), ("a\nb\x1b", "0"), ("-", "true")],
)
def test_what_it_writes_is_what_check_accepts(
    segue: Segue, kind: str, name: str, source: str
) -> None:
    options = ("--name", name, "--source", source, "--project-type", kind, "--data-center", "EU")
    assert segue("init", *options).code == 0
    checked = segue("check")
    assert checked.code == 0, checked.err
    assert "✘" not in checked.out
    settings = load_settings(segue.config, {})
    assert settings.project.name == name
    assert list(settings.sources) == [source]
    assert (settings.project.type, settings.iterable.data_center) == (kind, "EU")


def test_the_next_steps_can_be_pasted(segue: Segue) -> None:
    said = segue("init", "--source", "ios")
    assert f"Wrote {segue.config}." in said.out
    assert "export SEGUE_SOURCES__IOS__WEBHOOK_SECRET=" in said.out
    for command in ("check", "migrate", "serve"):
        assert f"segue --config {segue.config} {command}\n" in said.out
    # A shell takes no dash in a variable's name.
    dashed = segue("init", "--force", "--source", "my-site")
    assert "SEGUE_SOURCES" not in dashed.out
    assert "sources.my-site.webhook_secret_file" in dashed.out


def test_the_usual_file_needs_no_option(segue: Segue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(segue.folder)
    said = segue("init", config=False)
    assert "  3. segue check\n" in said.out
    assert segue("check", config=False).code == 0


def test_a_file_that_is_there_is_left_alone(segue: Segue) -> None:
    segue.write("mine: 1")
    refused = segue("init")
    assert (refused.code, refused.out) == (1, "")
    assert refused.lines == [
        f"{segue.config} is already there; --force overwrites it, --config names another"
    ]
    assert segue.config.read_text() == "mine: 1"
    assert segue("init", "--force").code == 0
    assert "mine" not in segue.config.read_text()


@pytest.mark.parametrize(
    ("place", "why"),
    [("absent/segue.yaml", "No such file or directory"), ("file/segue.yaml", "Not a directory")],
)
def test_a_place_that_cannot_be_written(segue: Segue, place: str, why: str) -> None:
    (segue.folder / "file").touch()
    segue.config = segue.folder / place
    refused = segue("init")
    assert (refused.code, refused.out) == (1, "")
    assert refused.lines == [
        f"{segue.config}: can't be written: {why}; --config names another file"
    ]


@contextmanager
def powerless() -> Any:
    """Without root's rights, which no permission stops."""
    if os.geteuid():
        yield
        return
    os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_no_permission(segue: Segue) -> None:
    segue("init")
    segue("init")  # everything either way out needs is imported, and needs no rights any more
    folder = segue.folder / "closed"
    folder.mkdir(mode=0o500)
    file = folder / "segue.yaml"
    file.touch(mode=0o000)
    with powerless():
        segue.config = folder / "other.yaml"
        unwritable = segue("init")
        segue.config = file
        unreadable = segue("check")
    assert unwritable.lines == [
        f"{folder}/other.yaml: can't be written: Permission denied; --config names another file"
    ]
    assert unreadable.lines == [f"{file}: can't be read: Permission denied"]
    assert (unwritable.code, unreadable.code) == (1, 1)
