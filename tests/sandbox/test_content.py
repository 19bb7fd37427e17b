"""Campaigns, templates, journeys and webhooks, as they are listed (iterable.md §3.1, §11, §15)."""

from typing import Any

import pytest

from daemon.sandbox.settings import CampaignSeed, JourneySeed
from tests.sandbox.world import World

CAMPAIGNS = tuple(CampaignSeed(n, f"C{9 - n}", 3003, 100 + n) for n in range(1, 6))
JOURNEYS = tuple(JourneySeed(n, f"J{n}") for n in range(1, 13))


def listed(path: str) -> Any:
    return World(campaigns=CAMPAIGNS, journeys=JOURNEYS).get(path)


def test_a_campaign_tells_its_template_medium_and_state() -> None:
    campaign = listed("/api/campaigns")["campaigns"][0]
    assert (campaign["id"], campaign["templateId"]) == (1, 101)
    assert (campaign["messageMedium"], campaign["type"]) == ("SMS", "Triggered")
    assert campaign["campaignState"] == "Running"
    assert listed("/api/campaigns?campaignState=Draft") == {"campaigns": []}


@pytest.mark.parametrize(
    ("path", "name", "total", "ids"),
    [
        ("/api/campaigns?", "campaigns", "totalCampaignsCount", [1, 2, 3, 4, 5]),
        ("/api/templates?", "templates", "totalTemplatesCount", [101, 102, 103, 104, 105]),
        ("/api/journeys?", "journeys", "totalJourneysCount", list(range(1, 13))),
    ],
)
def test_pages_follow_each_other_and_tell_the_total(
    path: str, name: str, total: str, ids: list[int]
) -> None:
    key = "templateId" if name == "templates" else "id"
    page = listed(f"{path}pageSize=2")
    assert page[total] == len(ids)
    seen = [r[key] for r in page[name]]
    assert "previousPageUrl" not in page
    while "nextPageUrl" in page:
        page = listed(page["nextPageUrl"])
        assert "previousPageUrl" in page
        seen += [r[key] for r in page[name]]
    assert seen == ids
    assert len(listed(f"{path}sort=-name")[name]) == min(len(ids), 10)


@pytest.mark.parametrize(
    ("sort", "ids"),
    [("id", [1, 2, 3, 4, 5]), ("-id", [5, 4, 3, 2, 1]), ("name", [5, 4, 3, 2, 1])],
)
def test_campaigns_come_in_the_order_asked_for(sort: str, ids: list[int]) -> None:
    assert [c["id"] for c in listed(f"/api/campaigns?sort={sort}")["campaigns"]] == ids


@pytest.mark.parametrize(
    "query", ["page=0", "page=x", "pageSize=0", "pageSize=1001", "sort=colour", "pageSize=-1"]
)
def test_an_impossible_page_is_refused(query: str) -> None:
    assert World().ask("GET", f"/api/campaigns?{query}").status_code == 400
    assert World().ask("GET", "/api/journeys?pageSize=51").status_code == 400


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("templateType=Triggered", 5),
        ("templateType=Blast", 0),
        ("messageMedium=SMS", 5),
        ("messageMedium=Email", 0),
        ("startDateTime=2017-01-01 00:00:00", 5),
        ("startDateTime=2018-01-01 00:00:00", 0),
        ("endDateTime=2017-01-01 00:00:00", 0),
    ],
)
def test_templates_are_chosen_by_type_medium_and_when_they_were_made(
    query: str, count: int
) -> None:
    assert len(listed(f"/api/templates?{query}")["templates"]) == count


def test_no_journey_is_archived() -> None:
    assert listed("/api/journeys?state=Archived")["journeys"] == []
    assert listed("/api/journeys")["journeys"][0]["name"] == "J1"


def test_webhooks_answer_as_a_cheap_probe() -> None:
    world = World()
    assert world.get("/api/webhooks") == {"webhooks": []}
    world.key = "wrong"
    assert world.ask("GET", "/api/webhooks").status_code == 401
