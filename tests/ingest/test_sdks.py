"""Segment's own SDKs against the drop-in, over real sockets."""

import json
import shutil
import subprocess
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest
from segment.analytics.client import Client

from daemon.errors import MailboxFull, StoreUnavailable
from daemon.ingest.intake import Intake
from tests.ingest.serving import KEY, Memory, Serving, serving

pytestmark = pytest.mark.anyio


def send(url: str, failed: list[Exception], messages: int, **options: Any) -> None:
    """What a customer's program does; runs in a thread."""
    client = Client(
        KEY, host=url, on_error=lambda error, _batch: failed.append(error), timeout=10, **options
    )
    for number in range(messages):
        client.track(f"user-{number}", "Seen \u2028 \U0001f600", {"number": number, "half": 0.5})
    client.identify(42, {"email": "Ann@Example.com", "gone": None})
    client.group("user-1", "acme", {"plan": "pro"})
    client.alias("anon-1", "user-1")
    client.page("user-1", "Docs", "Start")
    client.screen(anonymous_id="anon-2", name="Home")
    if not client.sync_mode:
        client.flush()
        client.join()


async def run_sdk(served: Serving, messages: int, **options: Any) -> list[Exception]:
    failed: list[Exception] = []
    await anyio.to_thread.run_sync(partial(send, served.url, failed, messages, **options))
    return failed


@pytest.mark.parametrize("options", [{"gzip": False}, {"gzip": True}, {"sync_mode": True}])
async def test_the_python_sdk_delivers_every_call(options: dict[str, Any]) -> None:
    async with serving(real_clock=True) as served:
        began = time.time() * 1000  # noqa: TID251 -- the SDK looks at the real clock too
        assert await run_sdk(served, 250 if "gzip" in options else 3, **options) == []
    memory = served.memory
    assert memory.rejected == []
    messages = memory.messages
    count = len(messages) - 5
    assert [m.user_id for m in messages[:count]] == [f"user-{n}" for n in range(count)]
    identify, group, alias, page, screen = messages[count:]
    assert (identify.user_id, identify.email) == ("42", "ann@example.com")
    assert identify.traits == {"email": "Ann@Example.com", "gone": None}
    assert (group.group_id, alias.previous_id, page.category) == ("acme", "anon-1", "Docs")
    assert (screen.name, screen.user_key) == ("Home", "a:anon-2")
    assert messages[0].event == "Seen \u2028 \U0001f600"
    assert len({m.message_id for m in messages}) == count + 5
    for message in messages:
        assert began - 5000 < message.effective_at <= message.received_at


async def test_the_python_sdk_comes_again_after_an_outage_and_after_backpressure() -> None:
    memory = Memory()
    answers: list[Exception] = [
        StoreUnavailable("away", retry_after=1),
        MailboxFull("full", retry_after=1),
    ]

    async def save(group: Sequence[Intake]) -> None:
        if answers:
            raise answers.pop(0)
        await memory.save(group)

    async with serving(save=save) as served:
        assert await run_sdk(served, 3) == []
    assert len(memory.messages) == 8


async def test_the_python_sdk_gives_up_at_once_on_an_unknown_write_key() -> None:
    async with serving(sources={}) as served:
        failed = await run_sdk(served, 1)
    assert [getattr(error, "status", None) for error in failed] == [401]


NODE_PROGRAM = """
const { Analytics } = require('@segment/analytics-node')
const client = new Analytics({ writeKey: process.argv[2], host: process.argv[3], flushAt: 7 })
const failed = []
client.on('error', error => failed.push(String(error.reason)))
for (let n = 0; n < 20; n++)
  client.track({
    userId: 'user-' + n, event: 'Seen', properties: { n, text: '\\u2028\\ud83d\\ude00' }
  })
client.identify({ anonymousId: 'anon-1', traits: { email: 'Ann@Example.com' } })
client.closeAndFlush().then(() => console.log(JSON.stringify(failed)))
"""


@pytest.fixture(scope="session")
def node_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which Node.js finds Segment's SDK."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("Node.js is not installed")
    folder = tmp_path_factory.mktemp("node")
    (folder / "program.js").write_text(NODE_PROGRAM)
    install = ["npm", "install", "--no-audit", "--no-fund", "@segment/analytics-node@3.1.0"]
    try:
        subprocess.run(install, cwd=folder, check=True, capture_output=True, timeout=60)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        pytest.skip("@segment/analytics-node can't be installed here")
    return folder


async def test_the_node_sdk_delivers_every_call(node_folder: Path) -> None:
    async with serving(real_clock=True) as served:
        done = await anyio.run_process(
            ["node", "program.js", KEY, served.url], cwd=node_folder, stderr=None
        )
    assert json.loads(done.stdout) == []
    assert served.memory.rejected == []
    messages = served.memory.messages
    assert sorted(m.user_id for m in messages if m.user_id) == sorted(
        f"user-{n}" for n in range(20)
    )
    assert messages[0].properties["text"] == "\u2028\U0001f600"
    assert {m.email for m in messages} == {None, "ann@example.com"}
