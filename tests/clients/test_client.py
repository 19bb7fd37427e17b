"""The client against the sandbox, over real sockets."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import anyio
import msgspec
import pytest

from daemon.clients.bucket import Rate
from daemon.clients.iterable.answers import INVALID_LIST
from daemon.clients.iterable.client import IterableClient
from daemon.domain.commands import Endpoint, Verdict
from daemon.domain.identity import IterableIdentity, ProjectType
from daemon.errors import (
    EndpointMissing,
    Refused,
    ServerFailed,
    ServiceError,
    Throttled,
    TooLarge,
    Unauthorized,
    Unreachable,
)
from daemon.sandbox.settings import RateRule
from tests.clients.calls import call, command, envelope, people, verdicts
from tests.clients.served import Canned, iterable, nobody, response, sandbox, settings

pytestmark = pytest.mark.anyio

ANN = IterableIdentity("ann@x.io")
HYBRID = ProjectType.HYBRID
NOW = 1_760_000_000_000


async def _plan_of(client: IterableClient, who: IterableIdentity = ANN) -> Any:
    return (await client.get_user(who, HYBRID, NOW)).fields.get("plan")


async def test_fields_that_were_sent_are_read_back() -> None:
    async with sandbox() as box, iterable(box.base_url) as client:
        rows = [
            command("Ann@X.io", dataFields={"plan": "pro", "home": {"city": "Rome"}}),
            command("bad@", dataFields={"plan": "free"}),
            command(None, "u1", dataFields={"plan": "max"}),
        ]
        outcome = await client.send(call(Endpoint.BULK_UPDATE, *rows))
        assert verdicts(outcome) == {1: Verdict.INVALID}
        ann = await client.get_user(IterableIdentity("ann@x.io"), HYBRID, NOW)
        assert (ann.exists, ann.as_of, ann.identity.email) == (True, NOW, "ann@x.io")
        assert ann.fields["home"] == {"city": "Rome"}
        assert ann.profile_updated_at > 1_600_000_000_000
        assert await _plan_of(client, IterableIdentity(None, "u1")) == "max"
        assert (await client.get_fields())["home.city"] == "string"


@pytest.mark.parametrize("miss", ["json", "text", "empty"])
@pytest.mark.parametrize(
    "who", [ANN, IterableIdentity(None, "nobody"), IterableIdentity("a+b@x.io")]
)
async def test_a_user_who_is_not_there_is_observed_as_such(
    who: IterableIdentity, miss: str
) -> None:
    async with sandbox(settings(user_id_miss=miss)) as box, iterable(box.base_url) as client:
        seen = await client.get_user(who, HYBRID, NOW)
    assert (seen.exists, seen.identity, seen.fields) == (False, who, {})


@pytest.mark.parametrize("user_id", ["a/b+c%d e", "ünïcode?&=", "..", "#x"])
async def test_identifiers_of_any_spelling_are_found_again(user_id: str) -> None:
    async with Canned(response(b"{}")) as server, iterable(server.base_url) as client:
        await client.get_user(IterableIdentity(None, user_id), HYBRID, NOW)
    line = server.requests[0].split(b"\r\n")[0].decode()
    assert line.startswith("GET /api/users/byUserId?userId=")
    assert parse_qs(urlsplit(line.split(" ")[1]).query) == {"userId": [user_id]}


async def test_a_plus_in_an_address_survives() -> None:
    async with sandbox() as box, iterable(box.base_url) as client:
        await client.send(call(Endpoint.BULK_UPDATE, command("a+b@x.io", dataFields={"plan": 1})))
        assert await _plan_of(client, IterableIdentity("a+b@x.io")) == 1


async def test_a_user_without_the_projects_key_cannot_be_asked_for() -> None:
    async with iterable("http://127.0.0.1:1") as client:
        with pytest.raises(ValueError, match="key"):
            await client.get_user(IterableIdentity(None, "u1"), ProjectType.EMAIL, NOW)


async def test_a_malformed_address_is_no_proof_of_absence() -> None:
    async with sandbox() as box, iterable(box.base_url) as client:
        with pytest.raises(Refused):
            await client.get_user(IterableIdentity("ann@"), HYBRID, NOW)


async def test_a_read_cut_short_is_no_proof_of_absence() -> None:
    async with Canned(response(b'{"user":')) as server, iterable(server.base_url) as client:
        with pytest.raises(Unreachable):
            await client.get_user(ANN, HYBRID, NOW)


async def test_events_are_sent_and_disallowed_ones_skipped() -> None:
    chosen = settings(disallowed_event_names=("Hidden",))
    async with sandbox(chosen) as box, iterable(box.base_url) as client:
        rows = [
            command(None, "u1", eventName=name, id=name, createdAt=1_760_000_000)
            for name in ("Seen", "Hidden")
        ]
        assert verdicts(await client.send(call(Endpoint.TRACK_BULK, *rows))) == {1: Verdict.SKIPPED}


async def test_a_type_clash_refuses_the_call_and_names_the_field() -> None:
    async with sandbox() as box, iterable(box.base_url) as client:
        await client.send(call(Endpoint.BULK_UPDATE, command("a@x.io", dataFields={"age": 3})))
        clash = command("b@x.io", dataFields={"age": "secret"})
        with pytest.raises(Refused, match="field age is long") as caught:
            await client.send(call(Endpoint.BULK_UPDATE, clash, command("c@x.io")))
    assert "secret" not in f"{caught.value} {caught.value.params}"


async def test_lists_are_joined_and_left_without_touching_channels() -> None:
    async with sandbox() as box, iterable(box.base_url) as client:
        joined = await client.send(people(Endpoint.LIST_SUBSCRIBE, "ann@x.io", target=1001))
        assert joined.failed == []
        assert (await client.get_user(ANN, HYBRID, NOW)).lists == [1001]
        async with client.list_users(1001) as members:
            assert [member async for member in members] == ["ann@x.io"]
        leave = people(Endpoint.LIST_UNSUBSCRIBE, "ann@x.io", "nobody@x.io", target=1001)
        assert (await client.send(leave)).failed == []
        ann = await client.get_user(ANN, HYBRID, NOW)
        assert (ann.lists, ann.unsubscribed_channels) == ([], [])


async def test_leaving_a_list_says_that_the_channel_stays() -> None:
    body = msgspec.json.encode({"successCount": 1, "failCount": 0})
    async with Canned(response(body)) as server, iterable(server.base_url) as client:
        await client.send(people(Endpoint.LIST_UNSUBSCRIBE, "a@x.io", target=7))
    assert server.requests[0].endswith(b'"channelUnsubscribe":false}')


async def test_opt_outs_go_by_whatever_key_their_rows_name() -> None:
    async with sandbox() as box, iterable(box.base_url) as client:
        await client.send(call(Endpoint.BULK_UPDATE, command("ann@x.io"), command(None, "u1")))
        who = [command("ann@x.io"), command(None, "u1")]
        key = {"target": 2001, "group": "messageChannel"}
        out = await client.send(call(Endpoint.SUBSCRIPTIONS, *who, action="unsubscribe", **key))
        assert (out.status, out.failed) == (202, [])
        for identity in (ANN, IterableIdentity(None, "u1")):
            assert (await client.get_user(identity, HYBRID, NOW)).unsubscribed_channels == [2001]
        await client.send(call(Endpoint.SUBSCRIPTIONS, who[0], action="subscribe", **key))
        assert (await client.get_user(ANN, HYBRID, NOW)).unsubscribed_channels == []


async def test_where_incremental_opt_outs_are_not_enabled_the_endpoint_is_missing() -> None:
    chosen = settings(subscriptions_feature=False)
    async with sandbox(chosen) as box, iterable(box.base_url) as client:
        key = {"target": 2001, "group": "messageChannel", "action": "unsubscribe"}
        with pytest.raises(EndpointMissing):
            await client.send(people(Endpoint.SUBSCRIPTIONS, "ann@x.io", **key))


async def test_whole_subscription_arrays_are_written() -> None:
    async with sandbox() as box, iterable(box.base_url) as client:
        await client.send(call(Endpoint.BULK_UPDATE, command("ann@x.io")))
        row = command("ann@x.io", unsubscribedChannelIds=[2003, 2001])
        assert (await client.send(call(Endpoint.UPDATE_SUBSCRIPTIONS, row))).failed == []
        assert (await client.get_user(ANN, HYBRID, NOW)).unsubscribed_channels == [2001, 2003]


async def test_an_email_is_changed_and_a_taken_one_is_a_conflict() -> None:
    async with sandbox(settings(project_type="email")) as box, iterable(box.base_url) as client:
        rows = [command(f"{name}@x.io", dataFields={"plan": name}) for name in ("ann", "bob")]
        await client.send(call(Endpoint.BULK_UPDATE, *rows))

        async def change(old: str, new: str) -> dict[int, Verdict]:
            row = command(None, None, currentEmail=old, newEmail=new)
            return verdicts(await client.send(call(Endpoint.UPDATE_EMAIL, row)))

        assert await change("ann@x.io", "bob@x.io") == {0: Verdict.CONFLICT}
        assert await change("nobody@x.io", "new@x.io") == {0: Verdict.NOT_FOUND}
        assert await change("ann@x.io", "anna@x.io") == {}
        anna = await client.get_user(IterableIdentity("anna@x.io"), ProjectType.EMAIL, NOW)
        assert anna.fields["plan"] == "ann"


@pytest.mark.parametrize("wording", ["documented", "params", "legacy", "plain"])
async def test_a_429_in_every_wording_pauses_the_endpoint_and_only_that(wording: str) -> None:
    slow = RateRule(1, 1000, 1)
    limits = {"POST /api/users/bulkUpdate": slow, "GET /api/users/getByEmail": slow}
    chosen = settings(limits=True, limit_overrides=limits, limit_body=wording)
    async with sandbox(chosen) as box, iterable(box.base_url) as client:
        row = people(Endpoint.BULK_UPDATE, "a@x.io")
        await client.send(row)
        with pytest.raises(Throttled):
            await client.send(row)
        states = client._budgets.states()
        assert states[Endpoint.BULK_UPDATE].paused_for > 0.5
        assert states[Endpoint.TRACK_BULK].paused_for == 0.0
        await client.get_user(ANN, HYBRID, NOW)
        with pytest.raises(Throttled):
            await client.get_user(ANN, HYBRID, NOW)
        assert client._budgets.states()[Endpoint.GET_USER].throttled == 1


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"status": 500}, ServerFailed),
        ({"status": 503, "body": "upstream"}, ServerFailed),
        ({"status": 413, "body": "too large"}, TooLarge),
        ({"status": 400, "body": envelope("BatchTooLarge")}, TooLarge),
        ({"status": 401, "body": envelope("BadApiKey")}, Unauthorized),
        ({"status": 200, "body": envelope("BadParams")}, Refused),
        ({"drop_after_apply": True}, Unreachable),
        ({"hang": True}, Unreachable),
    ],
)
async def test_faults_become_our_errors(fault: dict[str, Any], kind: type[ServiceError]) -> None:
    async with sandbox() as box, iterable(box.base_url, seconds=0.5) as client:
        await box.fault("/api/users/bulkUpdate", times=1, **fault)
        with pytest.raises(ServiceError) as caught:
            await client.send(people(Endpoint.BULK_UPDATE, "a@x.io"))
        assert type(caught.value) is kind
        assert (await client.send(people(Endpoint.BULK_UPDATE, "a@x.io"))).failed == []


async def test_what_a_project_holds_is_listed() -> None:
    async with sandbox() as box, iterable(box.base_url) as client:
        kinds = {item.name: item.type for item in await client.lists()}
        assert kinds["New users"] == "Dynamic"
        sms = next(item for item in await client.channels() if item.id == 2002)
        assert (sms.name, sms.type, sms.medium) == ("Marketing SMS", "Marketing", "SMS")
        digest = next(item for item in await client.message_types() if item.id == 3002)
        assert (digest.channel_id, digest.policy) == (2001, "OptIn")


async def test_a_new_list_is_handed_out_once_it_takes_subscribers() -> None:
    async with sandbox(settings(list_settle_ms=700)) as box, iterable(box.base_url) as client:
        made = await client.create_list("Segment: churn risk")
        joined = await client.send(people(Endpoint.LIST_SUBSCRIBE, "ann@x.io", target=made))
        assert joined.failed == []
        assert made in [item.id for item in await client.lists()]


async def test_an_unknown_list_is_refused_with_a_code_of_its_own() -> None:
    async with sandbox() as box, iterable(box.base_url) as client:
        with pytest.raises(Refused) as caught:
            await client.send(people(Endpoint.LIST_SUBSCRIBE, "ann@x.io", target=99))
        assert caught.value.code == INVALID_LIST
        with pytest.raises(Refused):
            async with client.list_users(99):
                pass


async def test_an_export_gives_every_user_over_several_files() -> None:
    async with (
        sandbox(settings(export_file_bytes=2_000)) as box,
        iterable(box.base_url) as client,
    ):
        rows = [command(f"u{n}@x.io", dataFields={"n": n}) for n in range(60)]
        await client.send(call(Endpoint.BULK_UPDATE, *rows))
        job = await client.start_export(only_fields=("email", "n"))
        status = await client.export_files(job)
        while status.state in {"enqueued", "running"}:
            await anyio.sleep(0.02)
            status = await client.export_files(job)
        assert (status.state, status.truncated) == ("completed", False)
        assert len(status.files) > 1
        lines: list[bytes] = []
        for file in status.files:
            async with client.download(file.url) as read:
                lines += [line async for line in read]
        users = [msgspec.json.decode(line) for line in lines]
        assert {user["n"] for user in users} == set(range(60))
        later = await client.export_files(job, after=status.files[0].name)
        assert later.files == status.files[1:] or len(later.files) == len(status.files) - 1


async def test_an_export_names_its_window_as_iterable_reads_it() -> None:
    async with Canned(response(b'{"jobId":7}')) as server, iterable(server.base_url) as client:
        assert await client.start_export("customEvent", start=0, end=1_760_000_000_999) == 7
    sent = msgspec.json.decode(server.requests[0].split(b"\r\n\r\n")[1])
    assert sent == {
        "dataTypeName": "customEvent",
        "outputFormat": "application/x-json-stream",
        "startDateTime": "1970-01-01 00:00:00 +00:00",
        "endDateTime": "2025-10-09 08:53:20 +00:00",
    }


async def test_a_download_carries_no_key_and_says_when_its_address_expired() -> None:
    file = response(b"a\r\n\n{broken\nlast")
    async with Canned(file) as server, iterable(server.base_url) as client:
        async with client.download(f"{server.base_url}/file?sig=a%2Bb") as lines:
            assert [line async for line in lines] == [b"a", b"{broken", b"last"]
        server.answer = response(b"Request has expired", "403 Forbidden")
        with pytest.raises(Refused) as caught:
            async with client.download(f"{server.base_url}/file"):
                pass
        assert caught.value.code == "LinkExpired"
        server.answer = response(b"", "503 Slow Down")
        with pytest.raises(ServerFailed):
            async with client.download(f"{server.base_url}/file"):
                pass
    assert all(b"api-key" not in request.lower() for request in server.requests)
    assert b"sig=a%2Bb" in server.requests[0]


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1/file",
        "http://localhost:1/file",
        "file:///etc/passwd",
        "ftp://127.0.0.1/x",
        "https:///x",
        "",
        "http://[::1",
    ],
)
async def test_a_download_from_elsewhere_must_be_https(url: str) -> None:
    async with iterable("http://127.0.0.1:1") as client:
        with pytest.raises(Refused) as caught:
            async with client.download(url):
                pass
    assert caught.value.code == "UnsafeLink"


@pytest.mark.parametrize("kind", list(ProjectType))
async def test_a_probe_tells_the_project_type_and_the_rights(kind: ProjectType) -> None:
    chosen = settings(project_type=kind.value)
    async with sandbox(chosen) as box, iterable(box.base_url) as client:
        probe = await client.probe()
    assert (probe.reachable, probe.authorized, probe.project) == (True, True, kind)
    assert set(probe.rights.values()) == {True}
    assert probe.problems == ()


async def test_a_probe_tells_a_wrong_key_by_a_single_call() -> None:
    async with sandbox() as box, iterable(box.base_url, key="wrong") as client:
        probe = await client.probe()
        calls = (await box.post("/api/lists", {})).status_code
    assert (probe.reachable, probe.authorized, probe.project) == (True, False, None)
    assert (probe.rights, calls) == ({}, 400)
    assert "the key is not valid" in probe.problems[0]


async def test_a_probe_tells_rights_that_are_missing() -> None:
    async with sandbox() as box, iterable(box.base_url) as client:
        refusal = envelope("BadApiKey", "Disabled API key or insufficient privileges")
        await box.fault("/api/users/bulkUpdate", status=401, body=refusal)
        await box.fault("/api/events/trackBulk", status=500)
        probe = await client.probe()
    assert probe.rights[Endpoint.BULK_UPDATE] is False
    assert probe.rights[Endpoint.TRACK_BULK] is None
    assert probe.rights[Endpoint.LIST_SUBSCRIBE] is True
    assert len(probe.problems) == 2


async def test_a_probe_of_nothing_says_so() -> None:
    with nobody() as url:
        async with iterable(url) as client:
            probe = await client.probe()
    assert (probe.reachable, probe.authorized, probe.rights) == (False, None, {})


async def test_a_probe_that_cannot_tell_the_type_says_so() -> None:
    async with sandbox() as box, iterable(box.base_url) as client:
        await box.fault("/api/users/forgottenUserIds", status=500)
        probe = await client.probe()
    assert probe.project is None
    assert len(probe.problems) == 1


async def test_another_service_behind_the_address_is_noticed() -> None:
    other = response(b'{"hello": "world"}')
    async with Canned(other) as server, iterable(server.base_url) as client:
        with pytest.raises(Unreachable, match="base URL"):
            await client.lists()


async def test_bulk_limits_are_used_almost_in_full_without_a_429() -> None:
    seconds = 3.0
    most = seconds * Rate(10).per_second
    async with sandbox(settings(limits=True)) as box, iterable(box.base_url, limits=True) as client:
        budget = client._budgets[Endpoint.TRACK_BULK]
        answered = 0

        async def lane() -> None:
            nonlocal answered
            while True:
                wait = budget.take(anyio.current_time())
                if wait:
                    await anyio.sleep(wait)
                    continue
                await client.send(call(Endpoint.TRACK_BULK))
                answered += 1

        with anyio.move_on_after(seconds):
            async with anyio.create_task_group() as group:
                for _ in range(3):
                    group.start_soon(lane)
        assert 0.5 * most < answered <= most + 1
        assert budget.state(anyio.current_time()).throttled == 0
