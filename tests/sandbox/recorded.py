"""Replays the recorded exchanges against the sandbox and says for each one how far they agree.

`python -m tests.sandbox.recorded` prints the table of `daemon/sandbox/README.md`.
"""

import json
import re
import sys
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from daemon.sandbox.event_log import Event
from daemon.sandbox.events import enter
from daemon.sandbox.project import Send
from daemon.sandbox.settings import (
    CampaignSeed,
    ChannelSeed,
    JourneySeed,
    ListSeed,
    MessageTypeSeed,
)
from tests.sandbox.world import World

CASES = Path(__file__).parents[3] / "shared" / "cases" / "iterable_recorded_vcr.json"
README = Path(__file__).parents[2] / "daemon" / "sandbox" / "README.md"
HEAD = "| exchange | method | path | verdict |\n|---|---|---|---|\n"
MISSING = {
    "campaigns": "Segue makes no campaigns and reads no metrics of them",
    "templates": "Segue writes no templates",
    "experiments": "Segue reads no metrics",
    "metadata": "Segue keeps nothing in Iterable's metadata",
    "inApp": "in-app messages are read by apps, not by Segue",
    "email": "rendered messages are for people's browsers",
    "e": "rendered messages are for people's browsers",
}
OLD_ECHO = re.compile(r"\[(/api/\S+)\] body: ")
PEOPLE = (
    ("sample@example.com", None),
    ("user@example.com", None),
    ("sample-1507173084@example.com", "1"),
    ("danny@appleuniversity.com", "84097"),
    ("home@gmail.com", "77116"),
)
OPENED = b'{"messageId":"m","campaignId":1,"templateId":2,"ip":"127.0.0.1","userAgent":"Mozilla"}'
GOOD_CAMPAIGNS = (344851, 4572825, 4445736, 4498067)
CAMPAIGNS = tuple(CampaignSeed(n, f"Campaign {n}", 7090, n) for n in GOOD_CAMPAIGNS)


def cases() -> list[dict[str, Any]]:
    """The recorded exchanges."""
    found: list[dict[str, Any]] = json.loads(CASES.read_text())["cases"]
    return found


def world_for(case: dict[str, Any]) -> World:
    """A project in the state the exchange presupposes, at the moment it was recorded."""
    recorded = parsedate_to_datetime(case["recorded_at"])
    scheduled = re.search(r"from project: (\d+)", str(case["response"]))
    lists = [ListSeed(58508, "new users", "Dynamic"), ListSeed(56545, "Gene's test list")]
    if case["status"] == 200 and case["method"] == "DELETE" and "/lists/" in case["url"]:
        lists.append(ListSeed(61933, "to be deleted"))
    world = World(
        project_id=int(scheduled[1]) if scheduled else 2158,
        limits=case["status"] == 429,
        lists=tuple(lists),
        channels=(ChannelSeed(6540, "Transactional Channel", "Transactional", "Email"),),
        message_types=(MessageTypeSeed(7090, "Transactional Message", 6540),),
        campaigns=() if "templateType" in case["url"] else CAMPAIGNS,
        journeys=(JourneySeed(14898, "Welcome"),),
        user_id_miss="text",
        limit_body="legacy",
    )
    world.now = round(recorded.timestamp() * 1000)
    prepare(case, world)
    return world


def prepare(case: dict[str, Any], world: World) -> None:
    """Put into the project what the recorded answer shows was there."""
    url, status = case["url"], case["status"]
    if "/bulkUpdate" not in url:
        rows = [{"email": e} if u is None else {"email": e, "userId": u} for e, u in PEOPLE]
        world.post("/api/users/bulkUpdate", {"users": rows})
    if "getUsers" in url:
        names = [{"email": f"user{n}@example.com"} for n in range(1, 6)]
        world.post("/api/lists/subscribe", {"listId": 56545, "subscribers": names})
    if url.endswith("/getFields") and status == 200:
        world.project.user_schema.known.update(case["response"]["fields"])
    if "getSentMessages" in url and case["response"]["messages"]:
        world.project.sends.append(sent(world))
    if "/api/events/user@example.com" in url:
        opened = Event("emailOpen", "", "", "user@example.com", None, world.now, world.now, OPENED)
        enter(world.project, opened, world.project.people.by_email.get("user@example.com"))
    if status == 200 and url.endswith("/cancel"):
        world.project.sends += waiting(case, world, case["request_json"] or {})
    if status == 401:
        world.key = "wrong"
    for _ in range(4 if status == 429 else 0):
        world.ask(case["method"], url.removeprefix("https://api.iterable.com"))


def sent(world: World) -> Send:
    """A message that was sent to a user."""
    return Send("m", GOOD_CAMPAIGNS[0], 1, "email", "user@example.com", None, world.now, 1)


def waiting(case: dict[str, Any], world: World, wanted: dict[str, Any]) -> Iterator[Send]:
    """The scheduled messages a recorded cancellation found."""
    ids = re.search(r"scheduledMessageId: ([\d,]+)", case["response"]["msg"])
    assert ids is not None
    by_id = {u: e for e, u in PEOPLE}
    email = wanted.get("email") or by_id.get(wanted.get("userId"))
    later = world.now + 86_400_000
    for one in reversed(ids[1].split(",")):
        campaign = wanted.get("campaignId", GOOD_CAMPAIGNS[1])
        yield Send("m", campaign, 1, "push", email, wanted.get("userId"), later, int(one))


def replay(case: dict[str, Any]) -> tuple[str, httpx.Response]:
    """The verdict on one exchange, and what the sandbox answered."""
    world = world_for(case)
    path = case["url"].removeprefix("https://api.iterable.com")
    body = case["request_json"] if case["method"] in ("POST", "PUT") else None
    answer = world.ask(case["method"], path, body)
    return verdict(case, answer), answer


def verdict(case: dict[str, Any], answer: httpx.Response) -> str:
    """How far an answer agrees with the recorded one."""
    recorded = case["response"]
    page = isinstance(recorded, dict) and "$html_page" in recorded
    if "Action not found" in answer.text:
        if page and recorded["title"] == "Action not found" and answer.status_code == 404:
            return "agrees"
        area = urlsplit(case["url"]).path.removeprefix("/api").split("/")[1]
        return f"endpoint missing ({MISSING[area]})"
    if answer.status_code != case["status"]:
        return f"differs (status {answer.status_code}, recorded {case['status']})"
    if isinstance(recorded, str):
        return text_verdict(case, recorded, answer.text)
    return json_verdict(recorded, answer.json())


def text_verdict(case: dict[str, Any], recorded: str, text: str) -> str:
    """Texts agree in full, or for tables in their header and how they end."""
    if recorded == text:
        return "agrees"
    if (
        "data.csv" in case["url"]
        and recorded.split("\n", maxsplit=1)[0] == text.split("\n", maxsplit=1)[0]
    ):
        return "agrees"
    if "data.json" in case["url"] and '""contentId' in recorded:
        return "differs (the recorded lines are broken JSON: a comma is missing)"
    return "differs (text)"


def json_verdict(recorded: dict[str, Any], answer: dict[str, Any]) -> str:
    """Envelopes agree in code, words and the names of params; other answers in shape and counts."""
    if set(recorded) == {"msg", "code", "params"}:
        return envelope_verdict(recorded, answer)
    missing = shape(recorded) - shape(answer)
    if missing and all(m.startswith(".templates[].") and m.endswith("At: number") for m in missing):
        return "differs (its times are texts in today's contract, numbers in the recording)"
    lists_ = [k for k, v in recorded.items() if isinstance(v, list)]
    emptied = [k for k in lists_ if recorded[k] and not answer.get(k)]
    if emptied:
        return f"differs (nothing of this kind happens in the sandbox: {', '.join(emptied)})"
    if missing:
        return f"differs (without {', '.join(sorted(missing))})"
    wrong = [k for k in ("successCount", "failCount") if recorded.get(k) != answer.get(k)]
    wrong += [k for k in lists_ if k.startswith("invalid") and recorded[k] != answer[k]]
    return f"differs ({', '.join(wrong)})" if wrong else "agrees"


def envelope_verdict(recorded: dict[str, Any], answer: dict[str, Any]) -> str:
    """The verdict on an answer in the main envelope."""
    if recorded["code"] != answer.get("code"):
        return f"differs (code {answer.get('code')}, recorded {recorded['code']})"
    if recorded["msg"] == "" and re.fullmatch(r"Event with id: \S+ tracked\.", answer["msg"]):
        return "differs (today's words and params; the recorded ones are empty)"
    if set(recorded["params"] or {}) != set(answer["params"] or {}):
        return "differs (params)"
    echo = OLD_ECHO.match(recorded["msg"])
    if echo and answer["msg"] == f"[{echo[1]}] Invalid JSON body":
        return "differs (today's wording; the recorded one echoes the request; same code and place)"
    if answer["msg"].startswith("Invalid currentEmail "):
        return f"differs (today's wording: `{answer['msg']}`; same status and code)"
    if numberless(recorded["msg"]) != numberless(answer["msg"]):
        return f"differs (says `{answer['msg']}`)"
    return "agrees"


def numberless(msg: str) -> str:
    """A message without the ids the service made up."""
    return re.sub(r"scheduledMessageId: [\d,]+", "scheduledMessageId", msg)


def shape(value: Any, place: str = "") -> set[str]:
    """The names in a document with their kinds; of a list, those that all its objects have."""
    if isinstance(value, dict):
        found = {f"{place}.{k}" for k in value}
        return found.union(*(shape(v, f"{place}.{k}") for k, v in value.items()))
    if isinstance(value, list) and value and all(isinstance(v, dict) for v in value):
        return set.intersection(*(shape(v, f"{place}[]") for v in value))
    kind = "number" if isinstance(value, (int, float)) else type(value).__name__
    return {f"{place}: {kind}"} if value is not None else set()


def table() -> str:
    """The README's table of every recorded exchange."""
    lines = []
    for case in cases():
        path = urlsplit(case["url"]).path
        lines.append(f"| {case['id']} | {case['method']} | `{path}` | {replay(case)[0]} |\n")
    return HEAD + "".join(lines)


if __name__ == "__main__":
    sys.stdout.write(table())
