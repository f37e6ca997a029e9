"""Curves in braille: each cell holds 2 × 4 dots."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

BLANK: Final = 0x2800
DOTS: Final = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
"""Bit of the dot in row, column of a cell (Unicode, Braille Patterns)."""


class Columns(NamedTuple):
    """The least and greatest value in each of the plot's dot columns; NaN where there is none."""

    low: Array
    high: Array


def columns(
    times: npt.NDArray[np.integer[Any]],
    values: npt.NDArray[Any],
    start: float,
    end: float,
    count: int,
) -> Columns:
    """Divide the values from `start` to `end` into `count` columns. `times` must ascend."""
    # Whole numbers: for others all times would be made into such first.
    bounds = np.ceil(np.linspace(start, end, count + 1)).astype(np.int64)
    edges = np.searchsorted(times, bounds)
    edges[-1] = np.searchsorted(times, np.int64(np.floor(end)), side="right")
    full = np.flatnonzero(edges[1:] > edges[:-1])
    low, high = np.full(count, np.nan), np.full(count, np.nan)
    if len(full):
        inside = values[edges[0] : edges[-1]]
        starts = edges[full] - edges[0]
        low[full] = np.minimum.reduceat(inside, starts)
        high[full] = np.maximum.reduceat(inside, starts)
    return Columns(low, high)


def draw(found: Columns, bottom: float, top: float, rows: int, kind: str) -> list[str]:
    """Return `rows` lines of braille with the values between `bottom` and `top`."""
    height = rows * 4
    known = np.flatnonzero(~np.isnan(found.low))
    if not len(known):
        return [" " * (len(found.low) // 2)] * rows
    scale = (height - 1) / (top - bottom) if top > bottom else 0.0
    low = (found.low - bottom) * scale
    high = (found.high - bottom) * scale
    if kind == "bars":
        low[known] = np.minimum((0 - bottom) * scale, high[known])
    elif kind == "line":
        low, high = _joined(low, high, known)
    with np.errstate(invalid="ignore"):
        level = np.arange(height)[::-1, None]
        grid = (level >= np.floor(low + 0.5)) & (level <= np.floor(high + 0.5))
    cells = grid.reshape(rows, 4, -1, 2).astype(np.int64)
    codes = np.einsum("rdcx,dx->rc", cells, DOTS) + BLANK
    return ["".join(map(chr, line)).replace(chr(BLANK), " ") for line in codes.tolist()]


def _joined(low: Array, high: Array, known: npt.NDArray[np.int64]) -> tuple[Array, Array]:
    """Draw lines between columns that hold values: nothing is known in between, but eyes follow."""
    at = np.arange(len(low))
    inside = (at >= known[0]) & (at <= known[-1])
    middle = np.where(inside, np.interp(at, known, (low[known] + high[known]) / 2), np.nan)
    low = np.where(np.isnan(low), middle, low)
    high = np.where(np.isnan(high), middle, high)
    step = np.append(middle[1:], np.nan)
    reach = np.where(np.isnan(step), middle, (middle + step) / 2)
    back = np.append(np.nan, reach[:-1])
    back = np.where(np.isnan(back), middle, back)
    return (
        np.fmin(low, np.fmin(reach, back)),
        np.fmax(high, np.fmax(reach, back)),
    )
