"""Golden cases of a mapping: a message in, the requests it comes to.

    mappings: [...]        the blocks; left out: the configuration's
    project: hybrid        the project's type; left out: the configuration's
    names:                 ids of what blocks name
      lists: {VIP: 4711}
      channels: {Marketing Email: 11}
      message_types: {Newsletter: 21}
    cases:
    - about: An order becomes a purchase.
      message: {type: track, userId: u1, event: Order Completed, properties: {...}}
      requests:
      - {method: POST, path: /api/commerce/trackPurchase, json: {...}}
      errors: ["orders: total: is required"]

`requests` are those of all blocks in their order, as for a single message: nothing is known of the
user, so what is state is sent in full. `errors` (left out: none) are what a message lacks, and
what had to be left out of a request.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from daemon.domain.identity import ProjectType
from daemon.errors import ConfigurationError
from daemon.mapping.catalog import Catalog
from daemon.mapping.declarations.problems import ActionFailed
from daemon.mapping.declarations.saying import one_of
from daemon.mapping.registry.blocks import Ready, read_blocks
from daemon.mapping.subscribe.compiling import same

_KEYS = ("mappings", "project", "names", "cases")
_CASE_KEYS = ("about", "message", "requests", "errors")
_NAMES = ("lists", "channels", "message_types")


class Case(msgspec.Struct, frozen=True):
    """One message and what is expected of it. `place` is where it stands."""

    about: str
    place: str
    message: dict[str, Any]
    requests: list[Any]
    errors: list[str]


class Suite(msgspec.Struct, frozen=True):
    """The cases of a file and the mappings they are about."""

    project: ProjectType
    blocks: tuple[Ready, ...]
    cases: tuple[Case, ...]


class Verdict(msgspec.Struct, frozen=True):
    """What a case came to; it is right where the two are equal."""

    case: Case
    requests: list[Any]
    errors: list[str]

    @property
    def right(self) -> bool:
        return same(self.requests, self.case.requests) and self.errors == self.case.errors


def read_suite(document: object, mappings: Sequence[object], project: ProjectType | None) -> Suite:
    """A file's cases; `mappings` and `project` are the configuration's.

    Raises ConfigurationError with one line for each mistake.
    """
    if not isinstance(document, Mapping) or not isinstance(document.get("cases"), list):
        raise ConfigurationError("must be a block with `cases`, a list")
    problems = _unknown(document, _KEYS, "")
    said = document.get("project", project)
    if said not in list(ProjectType):
        problems.append(f"project: {one_of(said, list(ProjectType))}")
    cases = [
        _case(case, f"cases[{number}]", problems) for number, case in enumerate(document["cases"])
    ]
    catalog = _catalog(document.get("names", {}), problems)
    blocks = document.get("mappings", mappings)
    if not isinstance(blocks, list):
        problems.append("mappings: must be a list of blocks")
    if problems:
        raise ConfigurationError(problems)
    ready = tuple(block.ready(catalog) for block in read_blocks(blocks))
    return Suite(ProjectType(said), ready, tuple(case for case in cases if case))


def judge(suite: Suite, case: Case) -> Verdict:
    """Perform every block on a case's message."""
    requests: list[Any] = []
    errors: list[str] = []
    for block in suite.blocks:
        try:
            outcome = block.perform(case.message, suite.project)
        except ActionFailed as failed:
            errors += [f"{block.name}: {problem}" for problem in failed.problems]
            continue
        if outcome is not None:
            requests += msgspec.to_builtins(outcome.requests)
            errors += [f"{block.name}: {problem}" for problem in outcome.problems]
    return Verdict(case, requests, errors)


def _case(case: object, place: str, problems: list[str]) -> Case | None:
    if not isinstance(case, Mapping):
        problems.append(f"{place}: must be a block with message and requests")
        return None
    problems += _unknown(case, _CASE_KEYS, f"{place}.")
    message, requests = case.get("message"), case.get("requests", [])
    errors = case.get("errors", [])
    if not isinstance(message, dict):
        problems.append(f"{place}.message: must be Segment's message, a block")
        return None
    for name, value in (("requests", requests), ("errors", errors)):
        if not isinstance(value, list):
            problems.append(f"{place}.{name}: must be a list")
            return None
    if "requests" not in case and not errors:
        problems.append(f"{place}.requests: is required; [] says that nothing is sent")
    return Case(str(case.get("about", place)), place, message, requests, errors)


def _unknown(found: Mapping[Any, Any], allowed: tuple[str, ...], place: str) -> list[str]:
    return [f"{place}{key}: {one_of(key, list(allowed))}" for key in found if key not in allowed]


def _catalog(names: object, problems: list[str]) -> Catalog:
    if not isinstance(names, Mapping):
        problems.append("names: must be a block with lists, channels or message_types")
        return Catalog()
    problems += _unknown(names, _NAMES, "names.")
    try:
        return msgspec.convert(dict(names), Catalog)
    except msgspec.ValidationError as error:
        problems.append(f"names: {error}")
        return Catalog()
