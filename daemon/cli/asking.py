"""What `segue check` asks Iterable, by calls that change nothing."""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

from daemon.cli.findings import Finding, Kind
from daemon.clients.http import Secret, open_http
from daemon.clients.iterable.budgets import Budgets
from daemon.clients.iterable.catalog import ListInfo, Named
from daemon.clients.iterable.client import IterableClient
from daemon.clients.iterable.endpoints import effective_limits
from daemon.clients.iterable.probe import Probe
from daemon.domain.commands import Group
from daemon.domain.identity import ProjectType
from daemon.errors import ServiceError
from daemon.mapping.catalog import WORDS, Need
from daemon.settings import IterableSettings


async def ask_iterable(
    settings: IterableSettings, key: Secret, project: ProjectType, needs: Sequence[Need]
) -> list[Finding]:
    """Whether Iterable can be reached, is what the file says, and has the names it names."""
    async with open_http(connections=2) as http:
        client = IterableClient(
            http,
            base_url=settings.url,
            api_key=key,
            budgets=Budgets(effective_limits(overrides=settings.limits)),
            seconds=settings.timeout_seconds,
        )
        probe = await client.probe()
        findings = judge_probe(probe, project, settings.url)
        if probe.authorized:
            readers: dict[Group, Callable[[], Awaitable[Sequence[Named]]]] = {
                "emailList": client.lists,
                "messageChannel": client.channels,
                "messageType": client.message_types,
            }
            for group, reader in readers.items():
                wanted = [need for need in needs if need.group == group]
                if wanted:
                    findings += await _names(group, wanted, reader)
        return findings


def judge_probe(probe: Probe, project: ProjectType, url: str) -> list[Finding]:
    """What a probe says of the settings."""
    if not probe.reachable:
        reasons = probe.problems or (f"{url} gives no answer",)
        return [Finding(Kind.WRONG, f"Iterable can't be reached: {why}") for why in reasons]
    if not probe.authorized:
        reasons = probe.problems or ("Iterable refuses the key",)
        return [Finding(Kind.WRONG, f"iterable.api_key: {why}") for why in reasons]
    if probe.project is None and not any(right is not None for right in probe.rights.values()):
        why = "; ".join(probe.problems) or "none of Iterable's paths is there"
        return [Finding(Kind.WRONG, f"what answers at {url} is not Iterable's API: {why}")]
    findings = [
        Finding(Kind.RIGHT, f"Iterable answers at {url} and takes the API key"),
        _judge_type(probe.project, project),
    ]
    for endpoint, right in probe.rights.items():
        match right:
            case True:
                findings.append(Finding(Kind.RIGHT, f"the key may write to {endpoint}"))
            case False:
                text = f"iterable.api_key: the key may not write to {endpoint}"
                findings.append(Finding(Kind.WRONG, text))
            case None:
                text = f"whether the key may write to {endpoint}"
                findings.append(Finding(Kind.UNKNOWN, text))
    return findings


def _judge_type(found: ProjectType | None, said: ProjectType) -> Finding:
    if found is None:
        return Finding(Kind.UNKNOWN, f"whether the project identifies users by {said}")
    if found is not said:
        allowed = "email, userId or hybrid, as the project was made"
        text = f"project.type: the file says {said}, Iterable's answers say {found} ({allowed})"
        return Finding(Kind.WRONG, text)
    return Finding(Kind.RIGHT, f"the project's type is {found}")


async def _names(
    group: Group, needs: Sequence[Need], reader: Callable[[], Awaitable[Sequence[Named]]]
) -> list[Finding]:
    try:
        there = await reader()
    except ServiceError as error:
        return [Finding(Kind.UNKNOWN, f"the names of {WORDS[group]}s: {error}")]
    return [judge_name(need, there) for need in needs]


def judge_name(need: Need, there: Sequence[Named]) -> Finding:
    """Whether a name, or an id, that a mapping names is there, once, and of use."""
    one, many = WORDS[need.group], f"{WORDS[need.group]}s"
    called = repr(need.reference) if isinstance(need.reference, str) else str(need.reference)
    found = [each for each in there if need.reference in {each.id, each.name}]
    if not found and need.create and isinstance(need.reference, str):
        return Finding(Kind.RIGHT, f"{need.place}: {one} {called} will be made")
    if not found:
        names = ", ".join(sorted(each.name for each in there)) or "none"
        text = f"{need.place}: Iterable has no {one} {called}; its {many}: {names}"
        return Finding(Kind.WRONG, text)
    if isinstance(need.reference, str) and Counter(each.name for each in found)[need.reference] > 1:
        ids = ", ".join(str(each.id) for each in found)
        text = f"{need.place}: several {many} are called {called}; give one of the ids {ids}"
        return Finding(Kind.WRONG, text)
    known = found[0]
    if isinstance(known, ListInfo) and not known.editable:
        kind = known.type.lower()
        text = f"{need.place}: list {called} is {kind}; only a static list can be edited"
        return Finding(Kind.WRONG, text)
    return Finding(Kind.RIGHT, f"{need.place}: {one} {called} is there")
