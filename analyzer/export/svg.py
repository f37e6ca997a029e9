"""Plots as the numbers an SVG needs: axes with round ticks, paths in pixels. No markup here."""

from __future__ import annotations

from math import ceil, floor, log10
from typing import Final, NamedTuple

from analyzer.check.plots import Curve, Plot

WIDTH: Final = 720
HEIGHT: Final = 200
LEFT: Final = 62
BOTTOM: Final = 34
TOP: Final = 10
RIGHT: Final = 14
TICKS: Final = 5


class Tick(NamedTuple):
    """A mark of an axis: pixels from the left or the top, and the number there."""

    at: float
    label: str


class Line(NamedTuple):
    """A curve: SVG path data."""

    name: str
    path: str


class Drawing(NamedTuple):
    """A plot laid out on `WIDTH` × `HEIGHT` pixels."""

    title: str
    note: str
    x_label: str
    y_label: str
    filled: bool
    lines: list[Line]
    x_ticks: list[Tick]
    y_ticks: list[Tick]


class _Axis:
    """Numbers from `low` to `high` on pixels from `start` to `end`."""

    def __init__(
        self, low: float, high: float, start: float, end: float, *, exact: bool = False
    ) -> None:
        """`exact`: it ends with the data, not with the next tick."""
        step = _step(high - low)
        self.first = ceil(low / step) * step if exact else floor(low / step) * step
        self.low = low if exact else self.first
        self.high = max(high, low + step / 100) if exact else ceil(high / step) * step
        if self.high == self.low:
            self.high += step
        self.step = step
        self.start, self.end = start, end

    def at(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)

    def ticks(self) -> list[Tick]:
        count = floor((self.high - self.first) / self.step + 0.001)
        values = [self.first + number * self.step for number in range(count + 1)]
        return [Tick(self.at(value), _label(value, self.step)) for value in values]


def _step(span: float) -> float:
    """Return a round distance of ticks: 1, 2 or 5 times a power of ten."""
    if span <= 0:
        return 1.0
    rough = span / TICKS
    power = 10.0 ** floor(log10(rough))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)


def _label(value: float, step: float) -> str:
    digits = max(0, -floor(log10(step)))
    text = f"{value:,.{min(digits, 3)}f}"
    return "0" if float(text.replace(",", "")) == 0 else text


def draw(plot: Plot) -> Drawing:
    """Lay out a plot."""
    xs = [value for curve in plot.curves for value in (*curve.x, _end(plot.style, curve))]
    ys = [value for curve in plot.curves for value in curve.y]
    x_axis = _Axis(min(xs), max(xs), LEFT, WIDTH - RIGHT, exact=True)
    y_axis = _Axis(min(0.0, *ys), max(0.0, *ys), HEIGHT - BOTTOM, TOP)
    lines = [Line(curve.name, _path(plot.style, curve, x_axis, y_axis)) for curve in plot.curves]
    return Drawing(
        plot.title, plot.note, plot.x_label, plot.y_label, plot.style == "bars",
        lines, x_axis.ticks(), y_axis.ticks(),
    )  # fmt: skip


def _path(style: str, curve: Curve, x_axis: _Axis, y_axis: _Axis) -> str:
    if style == "bars":
        return _bars(curve, x_axis, y_axis)
    points = [(x_axis.at(x), y_axis.at(y)) for x, y in zip(curve.x, curve.y, strict=True)]
    if style == "step":
        first, *others = points
        pieces = [f"M{first[0]} {first[1]}", *(f"H{x}V{y}" for x, y in others)]
        return "".join([*pieces, f"H{x_axis.at(_end(style, curve))}"])
    return "M" + "L".join(f"{x} {y}" for x, y in points)


def _end(style: str, curve: Curve) -> float:
    """Return the x where a curve ends: bars are as wide as high, the last step as the others."""
    if style == "bars":
        return max(x + y for x, y in zip(curve.x, curve.y, strict=True))
    if style == "step" and len(curve.x) > 1:
        return curve.x[-1] + (curve.x[-1] - curve.x[0]) / (len(curve.x) - 1)
    return curve.x[-1]


def _bars(curve: Curve, x_axis: _Axis, y_axis: _Axis) -> str:
    """Durations over their starts: bars as wide as they last, a pixel between them."""
    zero, pieces = y_axis.at(0), []
    for x, y in zip(curve.x, curve.y, strict=True):
        width = round(max(x_axis.at(x + y) - x_axis.at(x) - 1, 0.5), 1)
        pieces.append(f"M{x_axis.at(x)} {zero}V{y_axis.at(y)}h{width}V{zero}z")
    return "".join(pieces)
