"""`python -m tests.bench [family …]`: the project's own benchmark; README.md says what it tells."""

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from rich.console import Console
from rich.table import Table

from tests.bench.families import FAMILIES
from tests.bench.figures import Figure, Scale, summed_up


def main() -> None:
    asked = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that no process is left behind
    with TemporaryDirectory(prefix="segue-bench-", ignore_cleanup_errors=True) as folder:
        scale = Scale(quick=asked.quick, folder=Path(folder))
        for family in asked.families or FAMILIES:
            figures = _measured(family, scale, asked.runs or scale.of(5, 1))
            _print(family, figures, as_json=asked.json)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("families", nargs="*", metavar="family", help=", ".join(FAMILIES))
    parser.add_argument("--runs", type=int, help="how often each is measured; 5, quickly 1")
    parser.add_argument("--quick", action="store_true", help="small sizes: shows that it works")
    parser.add_argument("--json", action="store_true", help="one object a figure and line")
    asked = parser.parse_args()
    unknown = set(asked.families) - set(FAMILIES)
    if unknown:
        parser.error(
            f"no such family: {', '.join(sorted(unknown))}; there are {', '.join(FAMILIES)}"
        )
    return asked


def _measured(family: str, scale: Scale, runs: int) -> list[Figure]:
    samples = []
    for number in range(runs):
        sys.stderr.write(f"{family}: run {number + 1} of {runs}\n")
        samples.append(FAMILIES[family](scale))
    return summed_up(family, samples)


def _print(family: str, figures: Sequence[Figure], *, as_json: bool) -> None:
    if as_json:
        for figure in figures:
            sys.stdout.write(msgspec.json.encode(figure).decode() + "\n")
        sys.stdout.flush()
        return
    Console(width=None if sys.stdout.isatty() else 180).print(_table(family, figures))


def _table(family: str, figures: Sequence[Figure]) -> Table:
    runs = max(figure.runs for figure in figures)
    title = f"{family}: median of {runs} runs" if runs > 1 else f"{family}: one run"
    table = Table(title=title, title_justify="left")
    for name in ("figure", "value", "range", "unit", "reference", "ratio", "CPU seconds"):
        table.add_column(name, justify="left" if name in ("figure", "unit") else "right")
    for figure in figures:
        table.add_row(
            figure.figure,
            _number(figure.value),
            f"{_number(figure.low)} to {_number(figure.high)}",
            figure.unit,
            _reference(figure),
            "" if figure.ratio is None else f"{figure.ratio:.3g}",
            ", ".join(f"{name} {_number(seconds)}" for name, seconds in figure.cpu.items()),
        )
    return table


def _reference(figure: Figure) -> str:
    return "" if figure.reference is None else f"{_number(figure.reference)} ({figure.against})"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


if __name__ == "__main__":
    main()
