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
        distance = np.abs(self.values - self.extent[1])
        limit = max(float(np.median(distance)) * FAR, float(distance.max()) / 4)
        far = np.flatnonzero((distance >= limit) & (distance > 0))
        begins = np.diff(far, prepend=-2) > 1
        return np.asarray(far[begins])


NONE: Final = np.zeros(0, np.int64)


def sorted_series(
    name: str, unit: str, times: Rows, found: Column, rows: Rows = NONE, kind: str = "line"
) -> Series:
    """Return a series in the order of time; a capture may be out of order."""
    if len(times) > 1 and bool((np.diff(times) < 0).any()):
        order = np.argsort(times, kind="stable")
        times, found = times[order], found[order]
        rows = rows[order] if len(rows) else rows
    return Series(name, unit, times, found, rows, kind)
