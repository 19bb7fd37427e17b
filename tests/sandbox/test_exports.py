"""Exports (iterable.md §12)."""

import csv
import json
from typing import Any

import pytest

from tests.sandbox.world import World

ANN = "ann@example.com"
ALL_USERS = "/api/export/data.json?dataTypeName=user&range=All"


def rows(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def people(world: World, count: int, size: int = 0) -> None:
    users = [
        {"email": f"u{n}@example.com", "dataFields": {"n": n, "pad": "x" * size}}
        for n in range(count)
    ]
    world.post("/api/users/bulkUpdate", {"users": users})


def start(world: World, **more: Any) -> int:
    body = {"dataTypeName": "user", "outputFormat": "application/x-json-stream", **more}
    job: int = world.post("/api/export/start", body)["jobId"]
    return job


def test_a_user_row_flattens_internals_and_equals_the_point_read_otherwise() -> None:
    world = World(project_type="hybrid")
    fields = {"plan": "gold", "home": {"city": "Rome"}}
    world.post("/api/users/update", {"email": ANN, "userId": "1", "dataFields": fields})
    world.post("/api/lists/subscribe", {"listId": 1001, "subscribers": [{"userId": "1"}]})
    answer = world.ask("GET", ALL_USERS)
    assert answer.headers["content-type"] == "application/x-json-stream"
    (row,) = rows(answer.text)
    read = world.fields(ANN)
    internal = read.pop("itblInternal")
    assert row == read | {f"itblInternal.{k}": v for k, v in internal.items()}
    assert row["userListIds"] == [1001]


def test_users_are_chosen_by_when_their_profile_changed() -> None:
    world = World()
    people(world, 1)
    world.now += 3_600_000
    world.post("/api/users/update", {"email": ANN})
    base = "/api/export/data.json?dataTypeName=user"
    since = f"{base}&startDateTime=2023-11-14%2022:30:00&endDateTime=2023-11-15%2000:00:00"
    assert [r["email"] for r in rows(world.ask("GET", since).text)] == [ANN]
    assert len(rows(world.ask("GET", f"{base}&range=Today").text)) == 2
    assert rows(world.ask("GET", f"{base}&range=Yesterday").text) == []
    assert world.ask("GET", base).status_code == 400
    assert world.ask("GET", f"{base}&startDateTime=nonsense").status_code == 400
    assert world.ask("GET", f"{base}&range=Sometime").status_code == 400


def test_fields_can_be_picked_or_left_out() -> None:
    world = World()
    people(world, 2)
    assert rows(world.ask("GET", f"{ALL_USERS}&onlyFields=email,n").text)[0].keys() == {
        "email",
        "n",
    }
    assert "n" not in rows(world.ask("GET", f"{ALL_USERS}&omitFields=n").text)[0]


def test_events_and_purchases_are_exported_with_their_fields_beside_them() -> None:
    world = World()
    event = {"email": ANN, "eventName": "e", "id": "1", "dataFields": {"sku": "a"}}
    world.post("/api/events/track", event)
    item = {"id": "i", "name": "n", "price": 2.0, "quantity": 1}
    world.post("/api/commerce/trackPurchase", {"user": {"email": ANN}, "items": [item], "total": 2})
    custom = world.ask("GET", "/api/export/data.json?dataTypeName=customEvent&range=All").text
    assert rows(custom)[0] | {"sku": "a", "eventName": "e"} == rows(custom)[0]
    bought = world.ask("GET", "/api/export/data.json?dataTypeName=purchase&range=All").text
    assert rows(bought)[0]["total"] == 2


def test_a_type_the_sandbox_never_holds_is_empty_and_an_unknown_one_refused() -> None:
    world = World()
    assert world.ask("GET", "/api/export/data.json?dataTypeName=smsSend&range=All").text == ""
    unknown = world.ask("GET", "/api/export/data.json?dataTypeName=nonsense&range=All")
    assert unknown.status_code == 400


def test_a_csv_has_created_at_first_and_reads_back() -> None:
    world = World()
    people(world, 3)
    query = "dataTypeName=user&range=All&onlyFields=email,n"
    answer = world.ask("GET", f"/api/export/data.csv?{query}")
    assert answer.headers["content-type"].startswith("text/csv")
    read = list(csv.DictReader(answer.text.splitlines()))
    assert list(read[0]) == ["createdAt", "email", "n"]
    assert [r["n"] for r in read] == ["0", "1", "2"]


def test_a_job_is_queued_runs_and_is_done_and_its_files_page() -> None:
    world = World(export_queue_ms=1000, export_run_ms=1000, export_file_bytes=2000)
    people(world, 40, size=200)
    job = start(world)
    path = f"/api/export/{job}/files"
    assert world.get(path) == {
        "jobId": job,
        "jobState": "enqueued",
        "exportTruncated": False,
        "files": [],
    }
    world.now += 1000
    assert world.get(path)["jobState"] == "running"
    world.now += 1000
    first = world.get(path)
    assert first["jobState"] == "completed"
    assert len(first["files"]) == 10
    seen: list[str] = []
    page = first["files"]
    while page:
        for file in page:
            seen += [r["email"] for r in rows(world.ask("GET", file["url"]).text)]
        page = world.get(f"{path}?startAfter={page[-1]['file']}")["files"]
    assert sorted(seen) == sorted(f"u{n}@example.com" for n in range(40))


def jobs(world: World) -> dict[int, dict[str, Any]]:
    return {j["id"]: j for j in world.get("/api/export/jobs")["jobs"]}


def test_four_jobs_run_at_a_time_and_the_others_wait_in_line() -> None:
    world = World(export_queue_ms=0, export_run_ms=1000)
    first = [start(world) for _ in range(4)]
    world.now += 100
    waiting = [start(world), start(world)]
    states = [j["jobState"] for j in jobs(world).values()]
    assert states == ["running"] * 4 + ["enqueued"] * 2
    world.ask("DELETE", f"/api/export/{first[0]}")
    assert jobs(world)[waiting[0]]["jobState"] == "running"
    assert jobs(world)[waiting[1]]["jobState"] == "enqueued"
    world.now += 899
    assert jobs(world)[waiting[1]]["jobState"] == "enqueued"
    world.now += 1
    assert jobs(world)[waiting[1]]["jobState"] == "running"
    world.now += 1000
    assert {j["jobState"] for j in jobs(world).values()} == {"cancelled", "completed"}


def test_files_appear_while_a_job_runs() -> None:
    world = World(export_queue_ms=0, export_run_ms=1000, export_file_bytes=2000)
    people(world, 16, size=200)
    job = start(world)
    path, counts = f"/api/export/{job}/files", []
    for _ in range(5):
        answer = world.get(path)
        counts.append((answer["jobState"], len(answer["files"])))
        world.now += 250
    assert counts[0] == ("running", 0)
    assert counts == sorted(counts, key=lambda c: c[1])
    assert counts[1][1] < counts[2][1] < counts[3][1] < counts[4][1]
    assert [s for s, _ in counts] == ["running"] * 4 + ["completed"]
    late = world.ask("GET", f"/_export/{job}/9999?expires={world.now + 1}")
    assert late.status_code == 404


def test_a_job_tells_its_bytes_and_its_end_once_it_has_ended() -> None:
    world = World(export_queue_ms=0, export_run_ms=1000)
    people(world, 3, size=100)
    job = start(world)
    assert "endTime" not in jobs(world)[job]
    world.now += 1000
    done = jobs(world)[job]
    assert done["endTime"] == "2023-11-14T22:13:21.000+00:00"
    assert done["scheduledStartTime"] == "2023-11-14T22:13:20.000+00:00"
    assert done["bytesExported"] > 300


def test_some_lines_lack_a_comma_when_a_setting_asks_for_it() -> None:
    world = World(export_broken_every=3)
    people(world, 9)
    broken = []
    for number, line in enumerate(world.ask("GET", ALL_USERS).text.splitlines(), 1):
        try:
            json.loads(line)
        except json.JSONDecodeError:
            broken.append(number)
    assert broken == [3, 6, 9]


def test_the_region_of_a_telephone_number_stands_in_reads_and_exports() -> None:
    world = World()
    fields = {"phoneNumber": "+5583999999939"}
    world.post("/api/users/update", {"email": ANN, "dataFields": fields})
    assert world.fields(ANN)["itblInternal"]["regionCode"] == "BR"
    assert rows(world.ask("GET", ALL_USERS).text)[0]["itblInternal.regionCode"] == "BR"


@pytest.mark.parametrize("delimiter", ["", "ab", '"', "%0A"])
def test_a_delimiter_is_one_character(delimiter: str) -> None:
    query = f"dataTypeName=user&range=All&delimiter={delimiter}"
    assert World().ask("GET", f"/api/export/data.csv?{query}").status_code == 400


def test_a_job_shows_what_was_there_when_it_ran() -> None:
    world = World(export_queue_ms=0, export_run_ms=0)
    people(world, 1)
    url = world.get(f"/api/export/{start(world)}/files")["files"][0]["url"]
    world.post("/api/users/update", {"email": "u0@example.com", "dataFields": {"n": 99}})
    assert rows(world.ask("GET", url).text)[0]["n"] == 0


def test_a_file_needs_no_key_and_its_address_expires() -> None:
    world = World(export_queue_ms=0, export_run_ms=0, export_url_ms=60_000)
    people(world, 1)
    url = world.get(f"/api/export/{start(world)}/files")["files"][0]["url"]
    world.key = None
    assert world.ask("GET", url).status_code == 200
    world.now += 60_000
    late = world.ask("GET", url)
    assert late.status_code == 403
    assert "Request has expired" in late.text


def test_jobs_are_listed_cancelled_and_refused() -> None:
    world = World()
    job = start(world)
    assert [j["id"] for j in world.get("/api/export/jobs?jobState=Enqueued")["jobs"]] == [job]
    assert world.ask("DELETE", f"/api/export/{job}").status_code == 200
    assert world.get("/api/export/jobs")["jobs"][0]["jobState"] == "cancelled"
    assert world.ask("GET", "/api/export/999/files").status_code == 404
    wrong = {"dataTypeName": "user", "outputFormat": "xml"}
    assert world.post("/api/export/start", wrong, 400)["code"] == "BadParams"
    assert world.ask("POST", "/api/export/start", b"[").status_code == 400


def test_a_job_can_write_csv() -> None:
    world = World(export_queue_ms=0, export_run_ms=0)
    people(world, 2)
    file = world.get(f"/api/export/{start(world, outputFormat='text/csv')}/files")["files"][0]
    assert file["file"].endswith(".csv")
    assert len(list(csv.DictReader(world.ask("GET", file["url"]).text.splitlines()))) == 2


@pytest.mark.parametrize(
    ("query", "names"), [("", ["emailSubscribe"]), ("&includeCustomEvents=true", None)]
)
def test_one_users_events_are_exported_oldest_first(query: str, names: list[str] | None) -> None:
    world = World()
    world.post("/api/events/track", {"email": ANN, "eventName": "e"})
    world.post("/api/lists/subscribe", {"listId": 1001, "subscribers": [{"email": ANN}]})
    text = world.ask("GET", f"/api/export/userEvents?email={ANN}{query}").text
    expected = ["customEvent", "emailSubscribe"] if names is None else names
    assert [r["eventType"] for r in rows(text)] == expected
    assert world.ask("GET", "/api/export/userEvents").status_code == 400
    malformed = world.ask("GET", "/api/export/userEvents?email=foo@").json()
    assert malformed["code"] == "InvalidEmailAddressError"
