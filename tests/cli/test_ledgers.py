"""`segue audit` and `segue explain`, run on a store that a lane has worked on."""

import shutil
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.cli.commanding import Segue
from tests.outbound.bench import bench
from tests.outbound.test_audit import filled, rows_of, without


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store in which something of every kind has happened."""
    folder = tmp_path_factory.mktemp("ledgers")

    async def work() -> None:
        async with bench(folder) as b:
            await filled(b)

    anyio.run(work)
    return folder / "segue.db"


@pytest.fixture
def segue(segue: Segue, store: Path) -> Segue:
    """With a copy of it."""
    copy = segue.folder / "segue.db"
    shutil.copyfile(store, copy)
    segue.write(
        {
            "project": {"name": "shop", "type": "hybrid"},
            "iterable": {"api_key": "not-needed-here"},
            "sources": {"web": {"write_key": "not-needed-here"}},
            "store": {"url": f"sqlite:///{copy}"},
        }
    )
    return segue


def test_audit_says_balanced_or_names_the_message(segue: Segue) -> None:
    code, out, _ = segue("audit")
    assert code == 0
    assert out.splitlines()[-1] == "Balanced."
    assert "13 accepted" in out
    file = str(segue.folder / "segue.db")
    row = rows_of(file, "message")[6]
    with without(file, "message", row):
        code, out, _ = segue("audit")
        assert code == 2
        assert f"position 7 (shard {row[1]}, message m6): the log has no row here" in out
        assert out.splitlines()[-1].startswith("Not balanced: ")
        ended = segue("audit", "--json")
        assert ended.code == 2
    report = ended.json
    assert not report["balanced"]
    assert report["found"] == len(report["problems"])


def test_explain_masks_persons_unless_asked(segue: Segue) -> None:
    for flags in ([], ["--json"]):
        code, out, _ = segue("explain", "ann@x.org", *flags)
        assert code == 0
        assert "ann@x.org" not in out
        assert "a***@x.org" in out
        assert "delivered" in out
    code, out, _ = segue("explain", "m1", "--unmasked")
    assert code == 0
    assert "ann@x.org" in out
    assert "n = 2" in out
    found: dict[str, Any] = segue("explain", "u:1", "--json", "--unmasked").json
    assert found["traits"] == {"email": "ann@x.org", "n": 2}


def test_explain_of_nobody_is_one_line(segue: Segue) -> None:
    for name in ("nobody@x.org", "no-such-message", "\udcff"):
        code, out, err = segue("explain", name)
        assert (code, out) == (1, "")
        assert len(err.splitlines()) == 1
        assert "nobody@" not in err
