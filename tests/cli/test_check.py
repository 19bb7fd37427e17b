"""`segue check`: what the file says, what Iterable says of it, and what nobody can say."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from daemon.cli.findings import NOT_CHECKABLE, UNCONFIRMED
from daemon.clients.iterable.endpoints import ENDPOINTS
from daemon.mapping.blocks import DELIVERED
from tests.cli.commanding import SANDBOX_KEY, Segue
from tests.cli.conftest import MAPPINGS
from tests.process.running import Place, free_port

SECRETS = {"SEGUE_ITERABLE__API_KEY": SANDBOX_KEY, "SEGUE_SOURCES__WEB__WRITE_KEY": "hidden-wk"}
PROBED = ("users/bulkUpdate", "events/trackBulk", "lists/subscribe", "lists/unsubscribe")


class Shop:
    """A configuration that is right for the sandbox, and ways to spoil it."""

    def __init__(self, segue: Segue, place: Place) -> None:
        self.segue, self.url = segue, f"http://127.0.0.1:{place.sandbox_port}"
        self.settings: dict[str, Any] = {
            "project": {"type": "hybrid"},
            "iterable": {"base_url": self.url, "limits": {"users/bulkUpdate": 2.5}},
            "sources": {"web": {}},
            "store": {"url": f"sqlite:///{segue.folder}/segue.db"},
            "mappings": MAPPINGS,
        }

    def check(self, *flags: str, **env: str) -> Any:
        self.segue.write(self.settings)
        return self.segue("check", *flags, env={**SECRETS, **env})

    def wrong(self, **env: str) -> list[str]:
        """What the check marks as wrong; then its exit code is 1, else 0."""
        ended = self.check(**env)
        found = re.findall(r"^✘ (.*)$", ended.out, re.MULTILINE)
        assert (ended.code, ended.err) == (int(bool(found)), "")
        return found


@pytest.fixture
def shop(segue: Segue, place: Place) -> Shop:
    return Shop(segue, place)


@pytest.fixture
def faults(place: Place) -> Iterator[Any]:
    """Adds faults to the sandbox, which are gone after the test."""
    yield lambda **fault: place.iterable("/faults", fault)
    place.iterable("/faults", method="DELETE")


def test_what_is_right_is_said_and_what_is_next(shop: Shop) -> None:
    ended = shop.check()
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert lines[:10] == [
        f"✔ {shop.segue.config}: 4 mappings, 1 source",
        "! there is no store yet; run: segue migrate",
        f"✔ Iterable answers at {shop.url} and takes the API key",
        "✔ the project's type is hybrid",
        *[f"✔ the key may write to {endpoint}" for endpoint in PROBED],
        "✔ mappings[2].list: list 'Newsletter' is there",
        "✔ mappings[3].unsubscribe: channel 'Marketing Email' is there",
    ]
    assert lines[10 : 10 + len(NOT_CHECKABLE)] == [
        f"? not checkable: {text}" for text in NOT_CHECKABLE
    ]
    assert [f"  {text}" for text in UNCONFIRMED] == lines[-2 - len(UNCONFIRMED) : -2]
    assert lines[-1] == "Right so far; 1 thing left to do, marked ! above."
    assert shop.segue("migrate").code == 0
    assert (
        shop.check().out.splitlines()[-1]
        == f"All right. Next: segue --config {shop.segue.config} serve"
    )


def test_every_limit_is_shown_with_where_it_comes_from(shop: Shop) -> None:
    shown = dict(re.findall(r"^  (\S+) +([\d.]+ per .*?) {2,}", shop.check().out, re.MULTILINE))
    assert set(shown) == {str(endpoint) for endpoint in ENDPOINTS}
    assert shown["users/bulkUpdate"] == "2.5 per s"
    origins = {limit["endpoint"]: limit["origin"] for limit in shop.check("--json").json["limits"]}
    assert origins["users/bulkUpdate"] == "your setting"
    assert origins["events/trackBulk"] == "published by Iterable"
    assert origins["lists/subscribe"] == "not published; a cautious guess"


def test_json_has_the_same_keys_whatever_is_found(shop: Shop) -> None:
    for env in ({}, {"SEGUE_ITERABLE__API_KEY": "wrong"}):
        report = shop.check("--json", **env).json
        assert list(report) == ["file", "findings", "limits", "not_checkable", "unconfirmed"]
        assert {tuple(each) for each in report["findings"]} == {("kind", "text")}
        assert {tuple(each) for each in report["limits"]} == {
            ("endpoint", "calls", "seconds", "origin", "scope", "source")
        }
        kinds = {each["kind"] for each in report["findings"]}
        assert kinds <= {"right", "wrong", "to do", "not checkable"}


def test_without_a_key_iterable_is_not_asked(shop: Shop) -> None:
    shop.segue.write(shop.settings)
    ended = shop.segue("check")
    assert ended.code == 0
    assert "! iterable.api_key: missing; give the credential" in ended.out
    assert "! sources.web: no secret; give the credential" in ended.out
    assert "? not checkable: without an API key: whether Iterable answers" in ended.out
    assert "Right so far; 3 things left to do" in ended.out


def test_no_secret_is_ever_shown(shop: Shop) -> None:
    for flags in ((), ("--json",)):
        said = shop.check(*flags)
        assert SANDBOX_KEY not in said.out + said.err
        assert "hidden-wk" not in said.out + said.err


def test_an_address_nobody_answers_at(shop: Shop) -> None:
    port = free_port()
    shop.settings["iterable"]["base_url"] = f"http://127.0.0.1:{port}"
    (line,) = shop.wrong()
    assert line.startswith("Iterable can't be reached: ")
    assert f"no answer from 127.0.0.1 (Connect call failed ('127.0.0.1', {port}))" in line


def test_a_key_that_is_refused(shop: Shop) -> None:
    (line,) = shop.wrong(SEGUE_ITERABLE__API_KEY="wrong-key")
    assert line.startswith("iterable.api_key: ")
    assert "401 BadApiKey: the key is not valid" in line


@pytest.mark.parametrize("said", ["email", "userId"])
def test_a_project_of_another_type(shop: Shop, said: str) -> None:
    shop.settings["project"]["type"] = said
    (line,) = shop.wrong()
    assert line == (
        f"project.type: the file says {said}, Iterable's answers say hybrid"
        " (email, userId or hybrid, as the project was made)"
    )


def test_a_key_without_the_right_to_write(shop: Shop, faults: Any) -> None:
    faults(path="/api/events/trackBulk", status=403, body='{"code":"Forbidden","msg":"no"}')
    assert shop.wrong() == ["iterable.api_key: the key may not write to events/trackBulk"]


def test_a_right_that_nobody_can_tell(shop: Shop, faults: Any) -> None:
    faults(path="/api/events/trackBulk", status=500)
    said = shop.check()
    assert said.code == 0
    assert "? not checkable: whether the key may write to events/trackBulk\n" in said.out


def test_names_iterable_does_not_have_or_has_otherwise(shop: Shop) -> None:
    audience = {"action": "subscribe_list", "audience": "a"}
    shop.settings["mappings"] = [
        {**audience, "name": "a", "list": "VIP"},
        {**audience, "name": "b", "list": "New users"},
        {**audience, "name": "c", "list": "Made by us", "create": True},
        {**audience, "name": "d", "list": 1002},
        {**audience, "name": "e", "list": 77},
        {
            "name": "f",
            "action": "update_subscriptions",
            "subscribe": 'event = "Out"',
            "unsubscribe": {"channels": ["Marketing Mail"], "message_types": ["Receipts"]},
        },
    ]
    assert shop.wrong() == [
        (
            "mappings[0].list: Iterable has no list 'VIP';"
            " its lists: Cart Abandoners, Gold Members, New users, Newsletter"
        ),
        "mappings[1].list: list 'New users' is dynamic; only a static list can be edited",
        (
            "mappings[4].list: Iterable has no list 77;"
            " its lists: Cart Abandoners, Gold Members, New users, Newsletter"
        ),
        (
            "mappings[5].unsubscribe: Iterable has no channel 'Marketing Mail'; its channels:"
            " Marketing Email, Marketing Push, Marketing SMS, Transactional Email"
        ),
    ]
    said = shop.check().out
    assert "✔ mappings[2].list: list 'Made by us' will be made\n" in said
    assert "✔ mappings[3].list: list 1002 is there\n" in said
    assert said.splitlines()[-1] == "4 mistakes, marked ✘ above."


WRONG = """\
project: {type: hybird}
iterabel: {}
ingest: {port: eighty}
reconcile: {schedule: sometimes, max_share: 7}
store: {url: "mysql://db/segue"}
mappings:
- name: a
  action: upsert
  subscribe: type == "identify"
- action: track_event
  preset: segment
  subscribe: event = "A" and
- {name: b, action: subscribe_list, audience: x, list: true, creat: true}
"""


def test_a_wrong_file_gives_one_line_for_each_mistake(segue: Segue) -> None:
    segue.write(WRONG)
    ended = segue("check")
    assert (ended.code, ended.out) == (1, "")
    places = [line.partition(": ")[0] for line in ended.lines]
    assert places == [
        "project.type (segue.yaml line 1)",
        "store.url (segue.yaml line 5)",
        "ingest.port (segue.yaml line 3)",
        "reconcile.schedule (segue.yaml line 4)",
        "reconcile.max_share (segue.yaml line 4)",
        "iterabel (segue.yaml line 2)",
        "mappings[0].action (segue.yaml line 8)",
        "mappings[0].subscribe (segue.yaml line 9)",
        "mappings[1].name (segue.yaml line 10)",
        "mappings[1].subscribe (segue.yaml line 12)",
        "mappings[2].creat (segue.yaml line 13)",
        "mappings[2].list (segue.yaml line 13)",
    ]
    allowed = {
        0: "'email', 'userId' or 'hybrid'",
        1: "sqlite:///<file>",
        5: "did you mean 'iterable'?",
        6: ", ".join(DELIVERED),
        10: "did you mean create?",
    }
    for number, words in allowed.items():
        assert words in ended.lines[number]
    as_json = segue("check", "--json")
    assert as_json.code == 1
    assert as_json.json == {"file": str(segue.config), "problems": ended.lines}


def test_the_store_is_looked_at(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "segue.db").touch()
    assert "! the store has no tables yet; run: segue migrate\n" in shop.check().out
    port = free_port()
    shop.settings["store"]["url"] = f"postgresql://u:hidden@127.0.0.1:{port}/segue"
    (line,) = shop.wrong()
    assert line == (
        f"store.url: the store postgresql://127.0.0.1:{port}/segue is unavailable:"
        " no connection (Connection refused)"
    )
