"""Plots: everything inside the frame, round ticks, whatever the numbers."""

import re

import pytest

from analyzer.check.plots import Curve, Plot
from analyzer.export import svg


def drawn(style: str, x: list[float], y: list[float]) -> svg.Drawing:
    return svg.draw(Plot("title", "s", "kbit/s", style, [Curve("video", x, y)], "note"))


SERIES = [
    ([0, 1, 2, 3], [10, 20, 15, 5]),
    ([0], [0]),
    ([5, 5, 5], [7, 7, 7]),
    ([1.5e6, 1.5e6 + 0.001], [1e9, 2e9]),
    ([0, 1e-3], [-500, 500]),
    ([0, 4_294_967.295], [0.001, 0.002]),
    ([-3, 2], [-7, -2]),
]


@pytest.mark.parametrize("style", ["line", "step", "bars"])
@pytest.mark.parametrize(("x", "y"), SERIES, ids=range(len(SERIES)))
def test_lines_and_ticks_stay_inside(style: str, x: list[float], y: list[float]) -> None:
    if style == "bars":
        y = [abs(value) % 10 for value in y]  # bars are durations
    found = drawn(style, x, y)
    for tick in found.x_ticks:
        assert svg.LEFT - 0.1 <= tick.at <= svg.WIDTH - svg.RIGHT + 0.1
    for tick in found.y_ticks:
        assert svg.TOP - 0.1 <= tick.at <= svg.HEIGHT - svg.BOTTOM + 0.1
    assert len(found.x_ticks) <= 12 and 2 <= len(found.y_ticks) <= 12
    (one,) = found.lines
    assert re.fullmatch(r"(?:[MLHVhz]|-?\d+(?:\.\d+)?|[ ])+", one.path)
    for at in re.findall(r"(?:M|L|H)(-?[\d.]+)", one.path):
        assert svg.LEFT - 0.1 <= float(at) <= svg.WIDTH - svg.RIGHT + 0.1


def test_ticks_are_round_numbers() -> None:
    found = drawn("line", [0, 10], [0, 700])
    assert [tick.label for tick in found.y_ticks] == ["0", "200", "400", "600", "800"]
    assert [tick.label for tick in found.x_ticks] == ["0", "2", "4", "6", "8", "10"]


def test_a_step_holds_until_the_next_and_bars_are_as_wide_as_they_last() -> None:
    assert drawn("step", [0, 1], [1, 1]).lines[0].path.endswith(f"H{svg.WIDTH - svg.RIGHT:.1f}")
    (first, second) = re.findall(r"h([\d.]+)", drawn("bars", [0, 2], [2, 2]).lines[0].path)
    assert first == second
