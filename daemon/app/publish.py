"""Publishes the configured mapping: names become ids, and a changed text becomes a new version."""

import json
import logging
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import anyio
import msgspec

from daemon.clients.iterable.catalog import ListInfo, Named
from daemon.clients.iterable.client import IterableClient
from daemon.domain.commands import Group
from daemon.domain.identity import ProjectType
from daemon.domain.ports import Clock
from daemon.errors import ConfigurationError, ServiceError, Unauthorized
from daemon.mapping.blocks import DEFAULT, Blocks, read
from daemon.mapping.catalog import WORDS, Catalog, Need
from daemon.mapping.mappings import Mappings
from daemon.store import Connection
from daemon.store import mappings as versions
from daemon.store.database import Database

log = logging.getLogger(__name__)
_FIRST_WAIT = 1.0
_LONGEST_WAIT = 60.0
_OPT_IN = "OptIn"


class Publisher:
    """Knows the mapping in force. `catalog` is what its names were resolved with.

    `opt_in_types`: message types of policy OptIn go by Iterable's list of who is subscribed.
    """

    def __init__(
        self,
        database: Database,
        client: IterableClient,
        clock: Clock,
        project: ProjectType,
        configured: Sequence[dict[str, Any]],
        *,
        opt_in_types: bool = True,
    ) -> None:
        self._database = database
        self._client = client
        self._clock = clock
        self._project = project
        self._opt_in_types = opt_in_types
        self._configured = list(configured) or DEFAULT
        self._blocks: Blocks = read(self._configured)
        self.catalog = Catalog()
        self.current: Mappings | None = None

    def mappings(self) -> Mappings:
        """The mapping in force. It is asked for only once there is one."""
        if self.current is None:
            raise ConfigurationError("no mapping is published yet")
        return self.current

    async def publish(self) -> Mappings:
        """Resolve names and publish, waiting for Iterable as long as it must.

        What the last version resolved serves where Iterable can't be asked. Raises
        ConfigurationError for a name Iterable doesn't have, or has twice.
        """
        wait = _FIRST_WAIT
        while True:
            try:
                return await self._publish(await self._resolve())
            except ServiceError as error:
                remembered = await self._remembered()
                if remembered is not None:
                    return await self._publish(remembered)
                if isinstance(error, Unauthorized):
                    raise ConfigurationError(f"iterable.api_key: {error}") from error
                log.warning("names can't be resolved yet, waiting for Iterable: %s", error)
            await anyio.sleep(wait)
            wait = min(wait * 2, _LONGEST_WAIT)

    async def _resolve(self) -> Catalog:
        """What every name means. What an unchanged text has meant before it means now, too."""
        needs = [need for need in self._blocks.needs() if isinstance(need.reference, str)]
        groups = {need.group for need in needs}
        typed = any(need.group == "messageType" for need in self._blocks.needs())
        lists = await self._client.lists() if "emailList" in groups else []
        channels = await self._client.channels() if "messageChannel" in groups else []
        types = await self._client.message_types() if typed else []
        before = await self._known_before()
        there: dict[Group, Sequence[Named]] = {
            "emailList": lists,
            "messageChannel": channels,
            "messageType": types,
        }
        meant: dict[Group, dict[str, int]] = {
            group: {found.name: found.id for found in there[group]} for group in there
        }
        problems: list[str] = []
        for need in needs:
            name = str(need.reference)
            kept = before.find(need.group, need.reference)
            if kept in {found.id for found in there[need.group]}:
                self._tell_of_new_name(need, kept, meant[need.group])
                meant[need.group][name] = kept
            else:
                problems += _doubts(need, there[need.group])
        if problems:
            raise ConfigurationError(problems)
        for need in needs:
            name = str(need.reference)
            if need.create and name not in meant["emailList"]:
                meant["emailList"][name] = await self._client.create_list(name)
        return Catalog(
            lists=meant["emailList"],
            channels=meant["messageChannel"],
            message_types=meant["messageType"],
            opt_in=[found.id for found in types if self._opt_in_types and found.policy == _OPT_IN],
        )

    async def _known_before(self) -> Catalog:
        """What the last version resolved, if its text is the configured one."""
        row = await self._database.read(versions.latest)
        if row is None or row.body != self._body():
            return Catalog()
        return msgspec.json.decode(row.catalog, type=Catalog)

    def _tell_of_new_name(self, need: Need, kept: int, meant: dict[str, int]) -> None:
        if meant.get(str(need.reference)) != kept:
            now = next((name for name, number in meant.items() if number == kept), "")
            log.warning(
                "%s: %s %r goes on as number %d, which Iterable calls %r by now",
                need.place,
                WORDS[need.group],
                need.reference,
                kept,
                now,
            )

    def _body(self) -> str:
        return json.dumps(self._configured, sort_keys=True, ensure_ascii=False)

    async def _remembered(self) -> Catalog | None:
        row = await self._database.read(versions.latest)
        if row is None:
            return None
        catalog = msgspec.json.decode(row.catalog, type=Catalog)
        known = all(
            catalog.find(need.group, need.reference) is not None for need in self._blocks.needs()
        )
        if not self._opt_in_types:
            catalog = msgspec.structs.replace(catalog, opt_in=[])
        return catalog if known else None

    async def _publish(self, catalog: Catalog) -> Mappings:
        needed = _needed(catalog, self._blocks)
        body = self._body()
        stored = msgspec.json.encode(needed).decode()
        digest = sha256(f"{self._project}\n{body}\n{stored}".encode()).hexdigest()
        now = self._clock.now()

        def publish(connection: Connection) -> int:
            latest = versions.latest(connection)
            if latest is not None and latest.digest == digest:
                return latest.version
            return versions.publish(
                connection, published_at=now, digest=digest, body=body, catalog=stored
            )

        version = await self._database.write(publish)
        self.current = self._blocks.publish(version, self._project, needed)
        self.catalog = catalog
        return self.current


def _doubts(need: Need, there: Sequence[Named]) -> list[str]:
    """Why a name can't be used, if so; what is missing is told where the mapping is published."""
    found = [each for each in there if each.name == need.reference]
    if len(found) > 1:
        ids = ", ".join(str(number) for number in sorted(each.id for each in found))
        many = f"several {WORDS[need.group]}s"
        return [f"{need.place}: {many} are called {need.reference!r}; give one of the ids {ids}"]
    if found and isinstance(found[0], ListInfo) and not found[0].editable:
        kind = found[0].type.lower()
        return [f"{need.place}: {need.reference!r} is a {kind} list; it can't be edited"]
    return []


def _needed(catalog: Catalog, blocks: Blocks) -> Catalog:
    """Only what the mapping uses, so that a new list elsewhere makes no new version."""
    names: dict[str, dict[str, int]] = {"emailList": {}, "messageChannel": {}, "messageType": {}}
    types = set()
    for need in blocks.needs():
        identifier = catalog.find(need.group, need.reference)
        if identifier is not None and isinstance(need.reference, str):
            names[need.group][need.reference] = identifier
        if need.group == "messageType":
            types.add(identifier)
    opt_in = sorted(one for one in catalog.opt_in if one in types)
    return Catalog(names["emailList"], names["messageChannel"], names["messageType"], opt_in)
