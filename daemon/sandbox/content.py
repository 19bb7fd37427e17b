"""What people make in Iterable's own pages: campaigns, templates, journeys, webhooks; read only."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from daemon.sandbox.answers import Answer, Call, json, refuse
from daemon.sandbox.dates import parse_parameter, shown_any
from daemon.sandbox.decoding import whole
from daemon.sandbox.project import Project
from daemon.sandbox.settings import GIVEN_AT_START, CampaignSeed

MAKER = "marketer@example.com"
SORTABLE = ("id", "name", "createdAt", "updatedAt", "startAt")
Row = dict[str, Any]


def _page(call: Call, name: str, rows: list[Row], usual: int, most: int) -> Row:
    """One page of rows in the order asked for, with the addresses of its neighbours."""
    number, size = _number(call, "page", 1), _number(call, "pageSize", usual)
    if number == 0 or not 1 <= size <= most:
        raise refuse(f"page must be at least 1, pageSize between 1 and {most}")
    wanted = call.query.get("sort", "id").lstrip("+ ")
    field = wanted.removeprefix("-")
    if field not in SORTABLE:
        raise refuse(f"Invalid sort: {wanted}")
    if field == "id" and name == "templates":
        field = "templateId"
    ordered = sorted(rows, key=lambda row: row.get(field, 0), reverse=wanted.startswith("-"))
    page: Row = {name: ordered[(number - 1) * size : number * size]}
    for label, other, exists in (
        ("nextPageUrl", number + 1, number * size < len(rows)),
        ("previousPageUrl", number - 1, number > 1),
    ):
        if exists:
            query = urlencode({**call.query, "page": other, "pageSize": size})
            page[label] = f"{call.path}?{query}"
    return page


def _number(call: Call, name: str, missing: int) -> int:
    given = whole(call.query.get(name, str(missing)))
    return 0 if given is None else given


def get_campaigns(project: Project, call: Call) -> Answer:
    """GET campaigns."""
    rows = [_campaign(project, c) for c in project.campaigns.values()]
    state = call.query.get("campaignState")
    rows = [r for r in rows if state in (None, r["campaignState"])]
    page = _page(call, "campaigns", rows, 20, 1000)
    return json(page | _counted(call, "totalCampaignsCount", rows))


def _counted(call: Call, name: str, rows: list[Row]) -> Row:
    """The total, which is only told with paging."""
    return {name: len(rows)} if call.query.keys() & {"page", "pageSize"} else {}


def _medium(project: Project, campaign: CampaignSeed) -> str:
    kind = project.message_types.get(campaign.message_type_id)
    channel = None if kind is None else project.channels.get(kind.channel_id)
    return "Email" if channel is None else channel.medium


def _campaign(project: Project, campaign: CampaignSeed) -> Row:
    return {
        "id": campaign.id,
        "createdAt": GIVEN_AT_START,
        "updatedAt": GIVEN_AT_START,
        "name": campaign.name,
        "templateId": campaign.template_id,
        "messageMedium": _medium(project, campaign),
        "createdByUserId": MAKER,
        "campaignState": "Running" if campaign.type == "Triggered" else "Ready",
        "type": campaign.type,
        "labels": [],
    }


def get_templates(project: Project, call: Call) -> Answer:
    """GET templates: one for each campaign; its times are texts, as the contract has them."""
    query = call.query
    kinds: tuple[tuple[str, Callable[[CampaignSeed], str]], ...] = (
        ("templateType", lambda c: c.type),
        ("messageMedium", lambda c: _medium(project, c)),
    )
    chosen = [
        c
        for c in project.campaigns.values()
        if all(query.get(name) in (None, told(c)) for name, told in kinds)
    ]
    start, end = (_bound(query, name) for name in ("startDateTime", "endDateTime"))
    made = (start is None or start <= GIVEN_AT_START) and (end is None or end > GIVEN_AT_START)
    rows = [_template(c) for c in chosen] if made else []
    page = _page(call, "templates", rows, 20, 1000)
    return json(page | _counted(call, "totalTemplatesCount", rows))


def _bound(query: Any, name: str) -> int | None:
    if name not in query:
        return None
    at = parse_parameter(query[name])
    if at is None:
        raise refuse(f"Invalid {name}: {query[name]}")
    return at


def _template(campaign: CampaignSeed) -> Row:
    return {
        "templateId": campaign.template_id,
        "createdAt": shown_any(GIVEN_AT_START),
        "updatedAt": shown_any(GIVEN_AT_START),
        "name": campaign.name,
        "creatorUserId": MAKER,
        "messageTypeId": campaign.message_type_id,
        "campaignId": campaign.id,
    }


def get_journeys(project: Project, call: Call) -> Answer:
    """GET journeys: none of the sandbox's is archived."""
    rows = [
        {
            "id": journey.id,
            "name": journey.name,
            "journeyType": "Published",
            "enabled": True,
            "isArchived": False,
            "createdAt": GIVEN_AT_START,
            "updatedAt": GIVEN_AT_START,
            "creatorUserId": MAKER,
            "triggerEventNames": [],
        }
        for journey in project.journeys.values()
        if call.query.get("state") != "Archived"
    ]
    page = _page(call, "journeys", rows, 10, 50)
    return json(page | {"totalJourneysCount": len(rows)})


def get_webhooks(project: Project, call: Call) -> Answer:  # noqa: ARG001 -- handlers take both
    """GET webhooks: none; a cheap probe of the key."""
    return json({"webhooks": []})
