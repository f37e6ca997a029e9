"""Values over time, for a plot."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from analyzer.tui.data.selection import Column, Rows

SECOND: Final = 1_000_000_000
ARROWS: Final = "→←"
FAR: Final = 6
"""An outlier is so many times as far from the median as values usually are."""


@dataclass
class Series:
    """Values over time. `rows` are the messages they belong to, empty where there are none."""

    name: str
    unit: str
    times: Rows
    """Nanoseconds since the capture's first packet, ascending."""
    values: Column
    rows: Rows
    kind: str = "line"
    """`line`, `points` or `bars` (from zero)."""

    @cached_property
    def extent(self) -> tuple[float, float, float]:
        """The least value, the median and the greatest."""
        found = self.values
        return float(found.min()), float(np.median(found)), float(found.max())

    @cached_property
    def outliers(self) -> Rows:
        """Places of values that stand out: far from the median, one for each burst."""
        distance = np.abs(self.values - np.float64(self.extent[1]))
        limit = max(float(np.median(distance)) * FAR, float(distance.max()) / 4)
        far = np.flatnonzero((distance >= limit) & (distance > 0))
        begins = np.diff(far, prepend=-2) > 1
        return np.asarray(far[begins])


NONE: Final = np.zeros(0, np.int64)
EXACT_MS: Final = 1 << 14
"""Milliseconds up to which 32 bits are exact to microseconds."""


def milliseconds(nanoseconds: Column) -> Column:
    """Return times in ms, as short as a microsecond allows."""
    most = max(int(nanoseconds.max()), -int(nanoseconds.min())) if len(nanoseconds) else 0
    found = np.empty(len(nanoseconds), np.float32 if most < EXACT_MS * 1_000_000 else np.float64)
    np.divide(nanoseconds, 1e6, out=found, casting="same_kind")
    return found


def ascending(times: Rows) -> bool:
    """Whether no time stands before an earlier one."""
    return len(times) < 2 or not bool((times[1:] < times[:-1]).any())


def _short(column: Column) -> Column:
    """Return integers in the smallest type that holds them."""
    if column.dtype.kind not in "iu" or not len(column):
        return column
    low, high = int(column.min()), int(column.max())
    return column.astype(np.result_type(np.min_scalar_type(low), np.min_scalar_type(high)))


def sorted_series(
    name: str, unit: str, times: Rows, found: Column, rows: Rows = NONE, kind: str = "line"
) -> Series:
    """Return a series in the order of time; a capture may be out of order."""
    found = _short(found)
    if not ascending(times):
        order = np.argsort(times, kind="stable")
        times, found = times[order], found[order]
        rows = rows[order] if len(rows) else rows
    return Series(name, unit, times, found, rows, kind)
