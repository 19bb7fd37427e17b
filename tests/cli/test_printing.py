"""What is printed is aligned, clean and readable, whoever wrote the words in it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from daemon.cli.printing import clean, count, moment, say, say_table, span

ROWS = [
    ("us***03", "channel Marketing Email", "re-subscribed after opt-out", ""),
    ("us***05", "field plan", "edited in Iterable, 25 Nov 04:06", ""),
]


def test_a_table_is_aligned_and_has_no_more_than_it_needs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    say_table(("USER", "PART", "CAUSE", "MARK"), ROWS)
    assert capsys.readouterr().out == (
        "  USER     PART                     CAUSE\n"
        "  us***03  channel Marketing Email  re-subscribed after opt-out\n"
        "  us***05  field plan               edited in Iterable, 25 Nov 04:06\n"
    )
    say_table(("USER", "", "MARK"), [(row[0], "", "! first") for row in ROWS], indent=0)
    assert capsys.readouterr().out == "USER     MARK\nus***03  ! first\nus***05  ! first\n"


def test_nothing_printed_can_move_a_cursor_or_is_taken_for_markup(
    capsys: pytest.CaptureFixture[str],
) -> None:
    nasty = "[red]\x1b[2J\x07\x9bok\r:smile:"
    say(nasty)
    say_table(("NAME",), [(nasty,)], indent=0)
    plain = "[red][2Jok:smile:"
    assert capsys.readouterr().out == f"{plain}\nNAME\n{plain}\n"
    assert clean("a\tb\nc") == "a\tb\nc"


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (0, "0.0 s"),
        (1_849, "1.8 s"),
        (41_400, "41 s"),
        (185_000, "3 min 5 s"),
        (86_400_000 * 12 + 3_600_000 * 4 + 5_000, "12 d 4 h"),
    ],
)
def test_a_span_names_two_units(length: int, words: str) -> None:
    assert span(length) == words


def test_numbers_and_times() -> None:
    assert (count(1, "user"), count(48_211, "user")) == ("1 user", "48,211 users")
    assert count(2, "user still differs", "users still differ") == "2 users still differ"
    assert moment(1_795_579_545_000) == "25 Nov 04:05"
    assert moment(None) == "—"


def test_a_terminal_that_cannot_show_a_sign_gets_another(tmp_path: Path) -> None:
    """Where a terminal takes only ASCII, output is poorer, but there."""
    config = tmp_path / "segue.yaml"
    config.write_text("project: {type: hybrid}")
    done = subprocess.run(
        [sys.executable, "-m", "daemon", "--config", str(config), "check"],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},  # noqa: TID251
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"+ {config}: 2 mappings, 0 sources" in done.stdout
    assert done.stderr == ""
