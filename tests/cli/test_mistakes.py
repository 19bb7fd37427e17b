"""What people get wrong: each mistake ends in sentences that say what, where and what to do."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from daemon.sandbox.settings import SandboxSettings
from daemon.store.instance import instance_lock
from tests.cli.commanding import Segue
from tests.process.running import Place, free_port

FROM_THE_STORE = ("audit", "explain ann@example.com", "drift list", "drift show 1", "serve")
OF_ANY_KIND = ("check", "migrate", "status", "reconcile", *FROM_THE_STORE)
SECRETS = {"SEGUE_ITERABLE__API_KEY": "wrong-key", "SEGUE_SOURCES__WEB__WRITE_KEY": "wk"}


def settings(folder: Path, **groups: Any) -> dict[str, Any]:
    return {
        "project": {"type": "hybrid"},
        "sources": {"web": {}},
        "store": {"url": f"sqlite:///{folder}/segue.db"},
        "control": {"socket": f"{folder}/segue.sock"},
        "ingest": {"port": 0},
        **groups,
    }


@pytest.mark.parametrize("command", OF_ANY_KIND)
def test_no_configuration(segue: Segue, command: str) -> None:
    ended = segue(*command.split())
    assert (ended.code, ended.out) == (1, "")
    assert ended.lines == [f"{segue.config}: there is no such file; `segue init` writes one"]


@pytest.mark.parametrize("command", ["check", "status", "audit"])
@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("project: {type: hybrid", r"segue\.yaml:1:2\d: expected ',' or '}'"),
        ("project:\n\ttype: x", r"segue\.yaml:2:1: .*'\\t'"),
        ("a: 1\na: 2", r"segue\.yaml:2:1: key 'a' is given twice"),
        ("- a", r"segue\.yaml: should be a map of groups such as project:"),
        ("", r"project: missing"),
        ("project: hybrid", r"project \(segue\.yaml line 1\): should be a map with the keys name"),
        ("project: {type: hybird}", r"project\.type .*'email', 'userId' or 'hybrid' \(got 'hyb"),
        (
            "project: {type: email}\ningest: {prot: 1}",
            r"ingest\.prot \(segue\.yaml line 2\): unknown key; did you mean 'port'\?",
        ),
        (
            "project: {type: email}\niterable: {api_key_file: /nowhere}",
            r"iterable\.api_key_file: /nowhere: No such file",
        ),
    ],
)
def test_a_file_that_is_wrong(segue: Segue, command: str, text: str, says: str) -> None:
    segue.write(text)
    ended = segue(command)
    assert (ended.code, ended.out) == (1, "")
    (line,) = ended.lines
    assert re.match(says, line), line


def test_a_file_that_is_no_text_or_no_file(segue: Segue) -> None:
    segue.config.write_bytes(b"\xff\xfe\x00")
    assert segue("status").lines == [f"{segue.config}: is not UTF-8 text"]
    segue.config.unlink()
    segue.config.mkdir()
    assert segue("status").lines == [f"{segue.config}: can't be read: Is a directory"]


@pytest.mark.parametrize("command", ["serve", "reconcile"])
def test_no_credentials(segue: Segue, command: str) -> None:
    segue.write(settings(segue.folder))
    assert segue("migrate").code == 0
    ended = segue(command)
    assert (ended.code, ended.out) == (1, "")
    key, *further = ended.lines
    assert key == (
        "iterable.api_key: missing; give the credential iterable-api-key,"
        " SEGUE_ITERABLE__API_KEY or iterable.api_key_file"
    )
    expected = ["sources.web: no secret; give the credential segment-webhook-secret.web (webhooks)"]
    assert [line.partition(" or ")[0] for line in further] == expected * (command == "serve")


@pytest.mark.parametrize("command", [*FROM_THE_STORE, "reconcile"])
def test_a_store_that_is_not_made_yet(segue: Segue, command: str) -> None:
    segue.write(settings(segue.folder))
    ended = segue(*command.split(), env=SECRETS)
    assert (ended.code, ended.out) == (1, "")
    assert ended.lines == [f"there is no store at {segue.folder}/segue.db yet; run: segue migrate"]


@pytest.mark.parametrize("command", [*FROM_THE_STORE, "reconcile"])
def test_a_store_without_tables(segue: Segue, command: str) -> None:
    segue.write(settings(segue.folder))
    (segue.folder / "segue.db").touch()
    ended = segue(*command.split(), env=SECRETS)
    assert (ended.code, ended.out) == (1, "")
    assert ended.lines == ["the store has no tables yet; run: segue migrate"]


@pytest.mark.parametrize("command", ["migrate", "check", *FROM_THE_STORE, "reconcile"])
def test_a_store_of_a_later_version(segue: Segue, command: str) -> None:
    segue.write(settings(segue.folder))
    assert segue("migrate").code == 0
    with closing(sqlite3.connect(segue.folder / "segue.db")) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    ended = segue(*command.split(), env=SECRETS if command != "check" else None)
    assert ended.code == 1
    says = (
        "the store is at revision 9999, which this version does not know;"
        " run the version that made it, or a later one"
    )
    if command == "check":
        assert f"✘ {says}\n" in ended.out
    else:
        assert (ended.out, ended.lines) == ("", [says])


@pytest.mark.parametrize("command", ["migrate", *FROM_THE_STORE, "reconcile"])
def test_a_server_that_nobody_answers_for(segue: Segue, command: str) -> None:
    port = free_port()
    url = f"postgresql://segue:hidden@127.0.0.1:{port}/segue"
    segue.write(settings(segue.folder, store={"url": url}))
    ended = segue(*command.split(), env=SECRETS)
    assert (ended.code, ended.out) == (1, "")
    place = f"postgresql://127.0.0.1:{port}/segue"
    assert ended.lines == [
        f"the store {place} is unavailable: no connection (Connection refused)",
    ]


@pytest.mark.parametrize("command", ["migrate", *FROM_THE_STORE, "reconcile"])
def test_a_file_that_is_no_store(segue: Segue, command: str) -> None:
    segue.write(settings(segue.folder))
    (segue.folder / "segue.db").write_text("a letter, not a database\n" * 100)
    ended = segue(*command.split(), env=SECRETS)
    assert (ended.code, ended.out) == (1, "")
    assert ended.lines == [
        f"the store {segue.folder}/segue.db is unavailable: its file is no database"
    ]


@pytest.mark.parametrize("command", ["migrate", "serve", "reconcile"])
def test_a_store_of_another_process(segue: Segue, place: Place, command: str) -> None:
    url = f"sqlite:///{segue.folder}/segue.db"
    iterable = {"base_url": f"http://127.0.0.1:{place.sandbox_port}"}
    segue.write(settings(segue.folder, iterable=iterable))
    assert segue("migrate").code == 0
    with instance_lock(url):
        ended = segue(command, env=SECRETS)
    assert (ended.code, ended.out) == (1, "")
    (line,) = ended.lines
    assert re.fullmatch(
        rf"the process with pid \d+ owns this store \({segue.folder}/segue\.db\);"
        r" stop it first, or use commands that speak to it",
        line,
    )


def test_a_folder_for_the_store_that_cannot_be_made(segue: Segue) -> None:
    url = f"sqlite:///{segue.config}/deep/segue.db"
    segue.write(settings(segue.folder, store={"url": url}))
    ended = segue("migrate")
    assert ended.code == 1
    assert ended.lines == [f"store.url: {segue.config}/deep can't be made: Not a directory"]


@pytest.mark.parametrize(
    ("flags", "what"),
    [((), "status"), (("--actors",), "status"), (("--json",), "status")],
)
def test_no_daemon(segue: Segue, flags: tuple[str, ...], what: str) -> None:
    segue.write(settings(segue.folder))
    ended = segue(what, *flags)
    assert (ended.code, ended.out) == (1, "")
    socket = segue.folder / "segue.sock"
    assert ended.lines == [f"no daemon answers at {socket}; start one with: segue serve"]


def test_a_key_iterable_refuses(segue: Segue, place: Place) -> None:
    iterable = {"base_url": f"http://127.0.0.1:{place.sandbox_port}"}
    named = {
        "name": "vip",
        "action": "subscribe_list",
        "audience": "vip",
        "list": "Newsletter",
    }
    segue.write(settings(segue.folder, iterable=iterable, mappings=[named]))
    assert segue("migrate").code == 0
    for command in ("serve", "reconcile"):
        ended = segue(command, env=SECRETS)
        assert (ended.code, ended.out) == (1, "")
        assert ended.lines == [
            "iterable.api_key: Iterable lists: 401 BadApiKey: the key is not valid"
        ]


@pytest.mark.parametrize("command", ["serve", "reconcile"])
def test_names_iterable_does_not_have(segue: Segue, place: Place, command: str) -> None:
    key = SandboxSettings().api_key
    mappings = [
        {"name": "vip", "action": "subscribe_list", "audience": "vip", "list": "VIP"},
        {
            "name": "out",
            "action": "update_subscriptions",
            "subscribe": 'event = "Out"',
            "unsubscribe": {"channels": ["Post"], "message_types": ["Leaflets"]},
        },
        {"name": "new", "action": "subscribe_list", "audience": "new", "list": "New users"},
    ]
    iterable = {"base_url": f"http://127.0.0.1:{place.sandbox_port}"}
    segue.write(settings(segue.folder, iterable=iterable, mappings=mappings[:2]))
    assert segue("migrate").code == 0
    ended = segue(command, env={**SECRETS, "SEGUE_ITERABLE__API_KEY": key})
    assert (ended.code, ended.out) == (1, "")
    assert ended.lines == [
        "mappings[0].list: Iterable has no list called 'VIP'",
        "mappings[1].unsubscribe: Iterable has no channel called 'Post'",
        "mappings[1].unsubscribe: Iterable has no message type called 'Leaflets'",
    ]
    segue.write(settings(segue.folder, iterable=iterable, mappings=mappings[2:]))
    ended = segue(command, env={**SECRETS, "SEGUE_ITERABLE__API_KEY": key})
    assert ended.lines == [
        "mappings[0].list: 'New users' is a dynamic list; it can't be edited",
    ]


def test_a_port_that_is_taken(segue: Segue, place: Place) -> None:
    taken = place.sandbox_port
    segue.write(settings(segue.folder, ingest={"port": taken}))
    assert segue("migrate").code == 0
    ended = segue("serve", env=SECRETS)
    assert (ended.code, ended.out) == (1, "")
    assert ended.lines == [
        f"ingest.host, ingest.port: can't listen on 127.0.0.1 port {taken}: Address already in use"
    ]
    ended = segue("sandbox", "--port", str(taken), config=False)
    assert (ended.code, ended.out) == (1, "")
    (line,) = ended.lines
    assert line == (
        f"can't listen on 127.0.0.1 port {taken}: Address already in use;"
        " choose with --host and --port"
    )
