"""Columns of values per frame: sums over windows of time, slopes, short forms."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from analyzer.index import BLOCK, Array

_DENSE: Final = 4
"""Windows per value up to which empty ones are kept in between."""


class Windows(NamedTuple):
    """Arrays with one entry per window, ascending; windows far apart leave out empty ones."""

    start: Array
    """In the unit of the times."""
    sums: Array
    counts: Array


def compact(column: Array) -> Array:
    """Return the column; one value for all rows where they are equal, as they nearly always are."""
    if len(column) and bool((column == column[0]).all()):
        return np.broadcast_to(column[:1].copy(), len(column))
    return column


def is_one(column: Array) -> bool:
    """Whether a column is one value for all rows, by `compact`."""
    return len(column) > 0 and column.strides[0] == 0


def slope(x: Array, y: Array) -> float:
    """Return the slope of the line of least squares; 0 where all `x` are equal."""
    away = x - x.mean()
    spread = float(np.square(away).sum())
    return float((away * (y - y.mean())).sum()) / spread if spread else 0.0


def per_window(times: Array, width: int, values: Array) -> Windows:
    """Add up `values` by windows of `width` that begin at the least of `times`."""
    if not len(times):
        none = np.zeros(0, np.int64)
        return Windows(none, none, none)
    low = int(times.min())
    windows = (int(times.max()) - low) // width + 1
    if windows <= _DENSE * len(times) + 1000:
        kept = np.arange(windows)
        total, count = _summed(times, low, width, values, windows)
    else:  # a clock that jumps by days: only windows that hold something
        kept, number = np.unique((times - low) // width, return_inverse=True)
        total = np.bincount(number, values, len(kept))
        count = np.bincount(number, minlength=len(kept))
    return Windows(low + kept * width, total.round().astype(np.int64), count)


def _summed(times: Array, low: int, width: int, values: Array, windows: int) -> tuple[Array, Array]:
    """Add up and count block by block: what is made on the way is more than the result."""
    total, count = np.zeros(windows), np.zeros(windows, np.int64)
    for at in range(0, len(times), BLOCK):
        number = (times[at : at + BLOCK] - low) // width
        first = int(number.min())
        number -= first
        part = np.bincount(number)
        count[first : first + len(part)] += part
        total[first : first + len(part)] += np.bincount(number, values[at : at + BLOCK])
    return total, count


def complete(windows: Windows, width: int, end: int) -> Windows:
    """Leave out a last window that goes on behind `end`: what it adds up to is no rate."""
    if len(windows.start) > 1 and int(windows.start[-1]) + width > end:
        return Windows(*(column[:-1] for column in windows))
    return windows
