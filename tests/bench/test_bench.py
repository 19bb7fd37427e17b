"""Every family really runs, small; its facts must agree, however fast or slow the machine is."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from tests.bench.families import FAMILIES
from tests.bench.figures import Sample, percentile, summed_up
from tests.bench.generator import Load, get, post, send
from tests.bench.processes import empty_route, sandbox
from tests.databases import WITHOUT_POSTGRES

Figures: TypeAlias = dict[str, dict[str, Any]]

pytestmark = pytest.mark.timeout(240)

COMMAND = [sys.executable, "-m", "tests.bench"]
README = Path(__file__).parent / "README.md"
SECONDS = 110


@pytest.fixture(scope="module")
def everything() -> list[dict[str, Any]]:
    """All families, half of them beside the other half: most of their time is waiting."""
    names = list(FAMILIES)
    with _measuring(names[::2]) as some, _measuring(names[1::2]) as others:
        return [*_figures(some), *_figures(others)]


@contextmanager
def _measuring(families: list[str]) -> Iterator["subprocess.Popen[str]"]:
    command = [*COMMAND, *families, "--quick", "--json"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.terminate()


def _figures(process: "subprocess.Popen[str]") -> list[dict[str, Any]]:
    output, said = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, said
    return [json.loads(line) for line in output.splitlines()]


@pytest.fixture
def measured(everything: list[dict[str, Any]], request: pytest.FixtureRequest) -> Figures:
    """The figures of the family the test is named after."""
    family = request.node.name.removeprefix("test_").partition("_")[0]
    figures = {each["figure"]: each for each in everything if each["family"] == family}
    for figure in figures.values():
        _check(figure)
    return figures


def _check(figure: dict[str, Any]) -> None:
    assert figure["low"] == figure["value"] == figure["high"]
    assert figure["runs"] == 1
    assert figure["unit"]
    assert all(seconds >= 0 for seconds in figure["cpu"].values())
    if figure["reference"]:
        assert figure["ratio"] == pytest.approx(figure["value"] / figure["reference"], rel=0.01)
        assert figure["against"]
    assert f"`{figure['figure'].partition(',')[0]}" in README.read_text()


@pytest.mark.slow
def test_ingest_accepts_what_is_in_the_log(measured: Figures) -> None:
    assert len(measured) == 3
    counts = measured["ingest batches of 100"]["counts"]
    assert counts["accepted"] == counts["in the log"] > 100
    assert set(measured["ingest batches of 100"]["cpu"]) == {"daemon", "generator"}


@pytest.mark.slow
def test_drain_delivers_every_event_once_and_keeps_the_limits(measured: Figures) -> None:
    for figure in measured.values():
        counts = figure["counts"]
        if counts:
            assert counts["events in Iterable"] == counts["events"] > 0
            assert counts["failed rows"] == counts["answers of 429"] == 0
    assert measured["drain track within limits: 429"]["value"] == 0
    assert measured["drain track within limits: rows a call"]["value"] <= 1000
    assert set(measured["drain mixed"]["cpu"]) == {"daemon", "sandbox"}
    assert set(measured["ingest beside a drain"]["cpu"]) == {"daemon", "sandbox", "generator"}


@pytest.mark.slow
def test_latency_is_that_of_every_message_sent(measured: Figures) -> None:
    for figure in measured.values():
        counts = figure["counts"]
        assert counts["arrived"] == counts["sent"] > 0
        assert counts["answers of 429"] == 0
    p50, p99 = (measured[f"latency {share} within limits"]["value"] for share in ("p50", "p99"))
    assert p50 <= p99
    behind = measured["opt-outs p99 behind unsent changes"]["counts"]
    assert behind["users marked"] == 1000


@pytest.mark.slow
def test_sweep_finds_the_tampered_and_no_others(measured: Figures) -> None:
    counts = measured["sweep"]["counts"]
    assert counts == {"users": 2000, "in sync": 1998, "drifted": 2}
    both, memory = measured["sweep and sandbox"], measured["sweep memory"]
    inside = both["reference"]
    assert measured["sweep"]["value"] == pytest.approx(both["value"] - inside, rel=0.01)
    assert memory["value"] >= memory["reference"]


@pytest.mark.slow
def test_store_holds_what_was_put_into_it(measured: Figures) -> None:
    for name in ("SQLite",) if WITHOUT_POSTGRES else ("SQLite", "PostgreSQL"):
        log = measured[f"accept, {name}"]["counts"]
        assert log == {"messages": 2000, "in the log": 2000}
        assert measured[f"users.load, {name}"]["counts"] == {"users": 1000, "loaded": 1000}


@pytest.mark.slow
def test_client_keeps_published_limits(measured: Figures) -> None:
    assert measured["client within limits: 429"]["value"] == 0
    counts = measured["client users/bulkUpdate"]["counts"]
    assert counts["calls"] == counts["calls counted"] > 0


def test_a_figure_is_the_median_of_its_runs_with_their_range() -> None:
    runs = [
        [Sample("speed", value, "m/s", reference, "light", {"daemon": cpu}, {"rows": 2})]
        for value, reference, cpu in ((3.0, 30.0, 1.0), (1.0, 5.0, 5.0), (2.0, 10.0, 2.0))
    ]
    (figure,) = summed_up("optics", runs)
    assert (figure.family, figure.figure) == ("optics", "speed")
    assert (figure.low, figure.value, figure.high) == (1, 2, 3)
    assert (figure.reference, figure.ratio) == (10, 0.2)
    assert figure.cpu == {"daemon": 2}
    assert figure.counts == {"rows": 6}


def test_a_percentile_is_a_value_that_was_measured() -> None:
    values = [float(value) for value in range(200, 0, -1)]
    assert percentile(values, 0.5) == 100
    assert percentile(values, 0.99) == 198
    assert percentile([7.0], 0.01) == 7


def test_a_family_nobody_knows_is_refused_by_name() -> None:
    done = subprocess.run([*COMMAND, "speed"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "no such family: speed" in done.stderr


def test_answers_other_than_200_are_no_throughput(tmp_path: Path) -> None:
    with (
        empty_route(tmp_path) as route,
        pytest.raises(RuntimeError, match="not answered with 200"),
    ):
        send(Load(route.port, [get("/")], 2, 0.05))


def test_waiting_for_a_free_connection_counts_as_latency(tmp_path: Path) -> None:
    with sandbox(tmp_path, limits=False) as iterable:
        iterable.tell("/faults", {"path": "/api/users/update", "delay_ms": 50})
        request = post("/api/users/update", b'{"userId":"1"}', "Api-Key: sandbox-api-key")
        took = send(Load(iterable.port, [request], 1, 0.1, rate=100)).took
    assert len(took) == 10
    assert took[-1] >= 10 * 50 - 100
