"""Publishes the configured mapping: names become ids, and a changed text becomes a new version."""

import json
import logging
from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import anyio
import msgspec

from daemon.clients.iterable.client import IterableClient
from daemon.domain.identity import ProjectType
from daemon.domain.ports import Clock
from daemon.errors import ConfigurationError, ServiceError, Unauthorized
from daemon.mapping.blocks import DEFAULT, Blocks, read
from daemon.mapping.catalog import Catalog, Need
from daemon.mapping.mappings import Mappings
from daemon.store import Connection
from daemon.store import mappings as versions
from daemon.store.database import Database

log = logging.getLogger(__name__)
_FIRST_WAIT = 1.0
_LONGEST_WAIT = 60.0
_STATIC = "Standard"
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
        needs = [need for need in self._blocks.needs() if isinstance(need.reference, str)]
        groups = {need.group for need in needs}
        typed = any(need.group == "messageType" for need in self._blocks.needs())
        lists = await self._lists(needs) if "emailList" in groups else {}
        channels = await self._client.channels() if "messageChannel" in groups else []
        types = await self._client.message_types() if typed else []
        return Catalog(
            lists=lists,
            channels={found.name: found.id for found in channels},
            message_types={found.name: found.id for found in types},
            opt_in=[found.id for found in types if self._opt_in_types and found.policy == _OPT_IN],
        )

    async def _lists(self, needs: Sequence[Need]) -> dict[str, int]:
        """Lists by name; those to be created are, where they are missing."""
        found = await self._client.lists()
        names = Counter(each.name for each in found)
        kinds = {each.name: each.type for each in found}
        problems = []
        for need in needs:
            if need.group != "emailList":
                continue
            if names[str(need.reference)] > 1:
                problems.append(
                    f"{need.place}: several lists are called {need.reference!r}; give the id"
                )
            elif kinds.get(str(need.reference), _STATIC) != _STATIC:
                problems.append(
                    f"{need.place}: {need.reference!r} is a dynamic list; it can't be edited"
                )
        if problems:
            raise ConfigurationError(problems)
        lists = {each.name: each.id for each in found}
        for need in needs:
            name = str(need.reference)
            if need.group == "emailList" and need.create and name not in lists:
                lists[name] = await self._client.create_list(name)
        return lists

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
        body = json.dumps(self._configured, sort_keys=True, ensure_ascii=False)
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
