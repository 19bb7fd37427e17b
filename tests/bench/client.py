"""The client by itself: as many calls as Iterable's limits allow, and as many as it can."""

import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import msgspec
from pydantic import SecretStr

from daemon.clients.http import open_http
from daemon.clients.iterable.budgets import Budgets
from daemon.clients.iterable.client import IterableClient
from daemon.clients.iterable.endpoints import ENDPOINTS, MAX_ROWS, effective_limits
from daemon.domain.commands import Call, CallKey, Command, Endpoint
from daemon.domain.identity import IterableIdentity, ProjectType
from daemon.sandbox.settings import SandboxSettings
from tests.bench.figures import Sample, Scale
from tests.bench.generator import Load, get, send
from tests.bench.people import person
from tests.bench.processes import Sandbox, metered, sandbox
from tests.bench.traffic import EVENTS, user_id

_KEY = SandboxSettings().api_key
_SOMEBODY = IterableIdentity(user_id=user_id(0))
_READERS = 32
_LIMITED = {Endpoint.BULK_UPDATE: 4, Endpoint.TRACK_BULK: 4, Endpoint.GET_USER: 8}
"""How many calls are made at once to each."""


class Made(msgspec.Struct):
    """How many calls were made, by endpoint. `cpu` is this process's."""

    calls: dict[Endpoint, int]
    seconds: float = 0.0
    cpu: float = 0.0

    def per_second(self, endpoint: Endpoint) -> float:
        return self.calls[endpoint] / self.seconds


def measure(scale: Scale) -> list[Sample]:
    with TemporaryDirectory(dir=scale.folder) as name:
        return [*_within_limits(scale, Path(name)), _without_limits(scale, Path(name))]


def _within_limits(scale: Scale, folder: Path) -> list[Sample]:
    with sandbox(folder) as iterable:
        with metered(sandbox=iterable) as cpu:
            made = _busy(iterable, _LIMITED, scale.of(10.0, 0.5), limits=True)
        total = iterable.counts()["total"]
    cpu["client"] = made.cpu
    facts = {"calls": sum(made.calls.values()), "calls counted": total["calls"]}
    samples = []
    for endpoint in _LIMITED:
        limit = ENDPOINTS[endpoint].published
        assert limit is not None
        figure, value = f"client {endpoint}", made.per_second(endpoint)
        reference, against = limit.per_second, "Iterable's limit"
        samples.append(Sample(figure, value, "calls/s", reference, against, cpu, facts))
    return [*samples, Sample("client within limits: 429", total["throttled"], "answers")]


def _without_limits(scale: Scale, folder: Path) -> Sample:
    """Point reads as fast as they come, beside the generator's of the same user."""
    seconds = scale.of(5.0, 0.3)
    headers = (f"Api-Key: {_KEY}",)
    bare = get(f"/api/users/byUserId?userId={user_id(0)}", *headers)
    with sandbox(folder, limits=False, user_id_miss="empty") as iterable:
        raw = send(Load(iterable.port, [bare], _READERS, seconds, warm_up=0.1))
        with metered(sandbox=iterable) as cpu:
            made = _busy(iterable, {Endpoint.GET_USER: _READERS}, seconds, limits=False)
    return Sample(
        figure="client point reads without limits",
        value=made.per_second(Endpoint.GET_USER),
        unit="calls/s",
        reference=raw.per_second,
        against="the same by the load generator",
        cpu={**cpu, "client": made.cpu},
    )


def _busy(
    iterable: Sandbox, at_once: Mapping[Endpoint, int], seconds: float, *, limits: bool
) -> Made:
    """Make calls for so long, each endpoint's `at_once`, as its budget allows."""
    work = partial(_calls, iterable.url, at_once, seconds, limits=limits)
    return anyio.run(work, backend_options={"use_uvloop": True})


async def _calls(
    address: str, at_once: Mapping[Endpoint, int], seconds: float, *, limits: bool
) -> Made:
    made = Made(dict.fromkeys(at_once, 0))
    calls = {each: _full_call(each) for each in at_once if each is not Endpoint.GET_USER}
    budgets = Budgets(effective_limits(off=not limits))
    async with open_http() as http:
        client = IterableClient(http, base_url=address, api_key=SecretStr(_KEY), budgets=budgets)
        cpu, began = time.process_time(), time.perf_counter()

        async def work(endpoint: Endpoint) -> None:
            while time.perf_counter() < began + seconds:
                if endpoint in calls:
                    await _send(client, budgets, calls[endpoint])
                else:
                    await client.get_user(_SOMEBODY, ProjectType.HYBRID, 0)
                made.calls[endpoint] += 1

        async with anyio.create_task_group() as group:
            for endpoint, workers in at_once.items():
                for _ in range(workers):
                    group.start_soon(work, endpoint)
        made.seconds, made.cpu = time.perf_counter() - began, time.process_time() - cpu
    return made


async def _send(client: IterableClient, budgets: Budgets, call: Call) -> None:
    await budgets.acquire(call.key.endpoint)
    outcome = await client.send(call)
    if outcome.failed:
        raise RuntimeError(f"{call.key.endpoint} refused {len(outcome.failed)} rows")


def _full_call(endpoint: Endpoint) -> Call:
    """A call with as many rows as there may be."""
    numbers = range(MAX_ROWS)
    if endpoint is Endpoint.BULK_UPDATE:
        rows = [person(number).iterable for number in numbers]
    else:
        rows = [{"userId": user_id(n), "eventName": EVENTS[0], "id": str(n)} for n in numbers]
    commands = [
        Command(f"u:{user_id(number)}", 0, None, user_id(number), rows[number], 0)
        for number in numbers
    ]
    return Call(CallKey(endpoint), commands)
