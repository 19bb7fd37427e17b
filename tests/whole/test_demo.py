"""`segue demo`, as the README runs it, against a naive model of the same traffic."""

import json
import subprocess
import sys

import pytest

from daemon.cli.demonstration.model import expect
from daemon.cli.demonstration.traffic import write_traffic

SEED, USERS = 3, 100


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_the_demo_comes_to_what_its_traffic_says() -> None:
    command = [sys.executable, "-m", "daemon", "demo", "--json"]
    done = subprocess.run(
        [*command, "--seed", str(SEED), "--users", str(USERS)],
        capture_output=True,
        text=True,
        timeout=230,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    expected = expect(write_traffic(SEED, USERS))
    assert {name: figures[name] for name in ("accepted", "rejected", "duplicates")} == {
        "accepted": expected.accepted,
        "rejected": expected.rejected,
        "duplicates": expected.duplicates,
    }
    assert figures["applied"] == expected.applied
    assert figures["unchanged"] == expected.unchanged
    assert figures["superseded"] == expected.superseded
    assert figures["delivered"] == len(expected.events)
    assert figures["waiting"] == len(expected.waiting)
    assert figures["dead"] == 0
    assert figures["drift_found"] == figures["drift_repaired"] == 4
    assert figures["drift_after"] == 0
    assert figures["audit_balanced"] is True
