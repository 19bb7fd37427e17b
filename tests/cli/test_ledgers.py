"""`segue audit` and `segue explain`, run on a store that a lane has worked on."""

from pathlib import Path
from typing import Any

import pytest

from tests.cli.commanding import Segue
from tests.outbound.bench import bench
from tests.outbound.test_audit import file_of, filled, rows_of, without

pytestmark = pytest.mark.anyio


@pytest.fixture
def segue(segue: Segue) -> Segue:
    """With a configuration whose store is the bench's."""
    segue.write(
        {
            "project": {"name": "shop", "type": "hybrid"},
            "iterable": {"api_key": "not-needed-here"},
            "sources": {"web": {"write_key": "not-needed-here"}},
            "store": {"url": f"sqlite:///{segue.folder / 'segue.db'}"},
        }
    )
    return segue


async def test_audit_says_balanced_or_names_the_message(tmp_path: Path, segue: Segue) -> None:
    async with bench(tmp_path) as b:
        await filled(b)
        code, out, _ = segue("audit")
        assert code == 0
        assert out.splitlines()[-1] == "Balanced."
        assert "13 accepted" in out
        row = rows_of(file_of(b), "message")[6]
        with without(file_of(b), "message", row):
            code, out, _ = segue("audit")
            assert code == 2
            assert f"position 7 (shard {row[1]}, message m6): the log has no row here" in out
            ended = segue("audit", "--json")
            assert ended.code == 2
        report = ended.json
        assert not report["balanced"]
        assert report["found"] == len(report["problems"])


async def test_explain_masks_persons_unless_asked(tmp_path: Path, segue: Segue) -> None:
    async with bench(tmp_path) as b:
        await filled(b)
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


async def test_explain_of_nobody_is_one_line(tmp_path: Path, segue: Segue) -> None:
    async with bench(tmp_path) as b:
        await filled(b)
        for name in ("nobody@x.org", "no-such-message", "\udcff"):
            code, out, err = segue("explain", name)
            assert (code, out) == (1, "")
            assert len(err.splitlines()) == 1
            assert "nobody@" not in err
