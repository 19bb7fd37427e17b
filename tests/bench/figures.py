"""What was measured: a sample for each run, and the figure all runs of one thing add up to."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import ceil
from pathlib import Path
from statistics import median
from typing import TypeAlias, TypeVar

import msgspec

T = TypeVar("T")


class Scale(msgspec.Struct, frozen=True):
    """How large to measure. `folder` is shared by all runs, for what is costly to prepare."""

    quick: bool
    folder: Path

    def of(self, full: T, small: T) -> T:
        return small if self.quick else full


class Sample(msgspec.Struct, frozen=True):
    """One run's value beside a reference measured in the same run; `against` says what that is.

    `cpu` holds the CPU seconds of each process, `counts` facts that must agree whatever the speed.
    """

    figure: str
    value: float
    unit: str
    reference: float | None = None
    against: str = ""
    cpu: Mapping[str, float] = {}
    counts: Mapping[str, int] = {}

    @property
    def ratio(self) -> float | None:
        return self.value / self.reference if self.reference else None


class Figure(msgspec.Struct, frozen=True):
    """The median of all runs, with their range. `counts` are added up over the runs."""

    family: str
    figure: str
    value: float
    unit: str
    reference: float | None
    ratio: float | None
    against: str
    low: float
    high: float
    runs: int
    cpu: dict[str, float]
    counts: dict[str, int]


Family: TypeAlias = Callable[[Scale], list[Sample]]
"""Measures a family of figures once."""


def summed_up(family: str, runs: Iterable[Sequence[Sample]]) -> list[Figure]:
    """The figures of a family, in the order in which the first run has them."""
    by_name: dict[str, list[Sample]] = {}
    for samples in runs:
        for sample in samples:
            by_name.setdefault(sample.figure, []).append(sample)
    return [_figure(family, samples) for samples in by_name.values()]


def _figure(family: str, samples: Sequence[Sample]) -> Figure:
    first = samples[0]
    values = [sample.value for sample in samples]
    counts: Counter[str] = Counter()
    for sample in samples:
        counts.update(sample.counts)
    return Figure(
        family=family,
        figure=first.figure,
        value=_short(median(values)),
        unit=first.unit,
        reference=_middle(sample.reference for sample in samples),
        ratio=_middle(sample.ratio for sample in samples),
        against=first.against,
        low=_short(min(values)),
        high=_short(max(values)),
        runs=len(samples),
        cpu={name: _short(median(s.cpu[name] for s in samples)) for name in first.cpu},
        counts=dict(counts),
    )


def _middle(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return _short(median(known)) if known else None


def _short(value: float) -> float:
    """Four digits are more than any of this is good for."""
    return float(f"{value:.4g}")


def percentile(values: Iterable[float], share: float) -> float:
    """The smallest value that at least this share of all values doesn't exceed."""
    ordered = sorted(values)
    return ordered[max(ceil(share * len(ordered)) - 1, 0)]
