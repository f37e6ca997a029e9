"""Plots below each other on one time axis, with one cursor through all of them."""

from __future__ import annotations

from typing import ClassVar, Final

import numpy as np
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.strip import Strip

from analyzer.tui.cells import Part, bit_rate, fit, seconds, strip, volume
from analyzer.tui.data.series import Series
from analyzer.tui.keys import key
from analyzer.tui.widgets.braille import columns, draw
from analyzer.tui.widgets.lines import Lines

AXIS: Final = 13
"""Cells left of a plot: its scale."""
LEAST, MOST = 5, 9
"""Lines of a panel, title included."""
LEAST_SPAN: Final = {"ms": 20.0, "s": 1.0, "": 1.0}
"""What a scale spans at least, by unit: noise of microseconds must not look like a mountain."""
CLOSEST: Final = 1_000_000
"""Nanoseconds across the screen at least."""
PLOT: Final = (
    key("right,l", "step(1)", "Cursor to the right", show="l →"),
    key("left,h", "step(-1)", "Cursor to the left", show="h ←"),
    key("shift+right,greater_than_sign", "step(10)", "Ten cells to the right", show="> S-→"),
    key("shift+left,less_than_sign", "step(-10)", "Ten cells to the left", show="< S-←"),
    key("plus,equals_sign", "zoom(2)", "Closer around the cursor", "closer", show="+"),
    key("minus", "zoom(0.5)", "Wider", "wider", show="-"),
    key("0", "whole", "The whole connection", "all", show="0"),
    key("p", "peak(1)", "Next value that stands out", "peak", show="p"),
    key("P", "peak(-1)", "Previous value that stands out", show="P"),
)


class Plots(Lines):
    """A panel is a title with the read-out, then the curve. The list's cursor is on titles."""

    HEADER = 1
    BINDINGS: ClassVar[list[BindingType]] = [*PLOT]
    DEFAULT_CSS = """
    Plots > .lines--curve { color: $text-accent; }
    Plots > .lines--other { color: $text-success; }
    Plots > .lines--at { text-style: reverse; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"lines--curve", "lines--other", "lines--at"}

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.series: list[Series] = []
        self.at = 0
        """The time under the cursor, nanoseconds."""
        self._whole = (0, 1)
        self._range = (0, 1)
        self._drawn: dict[int, tuple[list[str], float, float]] = {}
        self._drawn_at = (0, 0)
        """Cells and lines of the curves drawn."""

    def show(self, series: list[Series], keep: bool) -> None:
        """Show other curves; `keep` leaves zoom and cursor as they are."""
        self.series = series
        bounds = [(int(item.times[0]), int(item.times[-1])) for item in series]
        low, high = min((b[0] for b in bounds), default=0), max((b[1] for b in bounds), default=1)
        was_whole = self._range == self._whole
        self._whole = (low, max(high, low + CLOSEST))
        if not keep or was_whole:
            self._range = self._whole
        if not keep:
            self.at = low
            self.set_reactive(Lines.cursor, 0)
        self._changed()
        self.lines_changed()

    # Panels and lines

    @property
    def panel_height(self) -> int:
        free = self.scrollable_content_region.height - self.HEADER
        return max(min(free // 3, MOST), LEAST)

    @property
    def panel(self) -> int:
        return min(self.cursor // self.panel_height, max(len(self.series) - 1, 0))

    @property
    def chosen(self) -> Series | None:
        """The series under the cursor."""
        return self.series[self.panel] if self.series else None

    def line_count(self) -> int:
        return len(self.series) * self.panel_height

    def choose(self, panel: int) -> None:
        """Select a panel and bring all of it into sight."""
        panel = max(min(panel, len(self.series) - 1), 0)
        self.move_to(panel * self.panel_height)

    def show_cursor(self) -> None:
        top, high = self.cursor, self.panel_height
        if top < self.scroll_offset.y:
            self.scroll_now(top)
        elif top + high > self.scroll_offset.y + self.page:
            self.scroll_now(top + high - self.page)

    def on_resize(self, event: events.Resize) -> None:
        panel = self.panel
        self._changed()
        self.lines_changed()
        self.choose(panel)

    def _changed(self) -> None:
        self._drawn.clear()
        self.refresh()

    # Time

    @property
    def _cells(self) -> int:
        return max(self.scrollable_content_region.width - AXIS - 1, 4)

    def _time_of(self, cell: int) -> int:
        low, high = self._range
        return low + (high - low) * (2 * cell + 1) // (2 * self._cells)

    def _cell_of(self, time: int) -> int:
        low, high = self._range
        return min(max((time - low) * self._cells // max(high - low, 1), 0), self._cells - 1)

    def go_to(self, time: int) -> None:
        """Put the cursor on a time; the range follows."""
        low, high = self._whole
        self.at = min(max(time, low), high)
        start, end = self._range
        if not start <= self.at <= end:
            self._set_range(self.at - (end - start) // 2, end - start)
        self.refresh()
        self.post_message(self.Moved(self, self.cursor))

    def _set_range(self, start: int, length: int) -> None:
        low, high = self._whole
        length = min(max(length, CLOSEST), high - low)
        start = min(max(start, low), high - length)
        self._range = (start, start + length)
        self._changed()

    def action_step(self, cells: int) -> None:
        cell = self._cell_of(self.at) + cells
        if 0 <= cell < self._cells:
            self.go_to(self._time_of(cell))
        else:
            low, high = self._range
            self.go_to(self.at + cells * max((high - low) // self._cells, 1))

    def action_zoom(self, factor: float) -> None:
        low, high = self._range
        length = int((high - low) / factor)
        self._set_range(self.at - int(length * (self.at - low) / max(high - low, 1)), length)

    def action_whole(self) -> None:
        self._set_range(*(self._whole[0], self._whole[1] - self._whole[0]))

    def action_peak(self, step: int) -> None:
        """Go to the next value far from the usual one."""
        chosen = self.chosen
        if chosen is None:
            return
        times = chosen.times[chosen.outliers]
        later = times[times > self.at] if step > 0 else times[times < self.at][::-1]
        if len(later):
            self.go_to(int(later[0]))

    def action_move(self, lines: int) -> None:
        self.choose(self.panel + lines)

    def action_move_page(self, pages: int) -> None:
        self.choose(self.panel + pages * max(self.page // self.panel_height, 1))

    def action_last(self) -> None:
        self.choose(len(self.series) - 1)

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None or offset.y < self.HEADER:
            return
        line = self.scroll_offset.y + offset.y - self.HEADER
        if line >= self.line_count():
            return
        self.choose(line // self.panel_height)
        if AXIS <= offset.x < AXIS + self._cells:
            self.go_to(self._time_of(offset.x - AXIS))
        if event.chain > 1:
            self.action_choose()

    # What is under the cursor

    def point(self, item: Series) -> int | None:
        """Return the value under the cursor: in its cell the one furthest from the usual, else
        the nearest before it."""
        low, high = self._range
        half = max((high - low) // self._cells // 2, 1)
        first, last = np.searchsorted(item.times, (self.at - half, self.at + half))
        if first < last:
            inside = item.values[first:last]
            return int(first + np.argmax(np.abs(inside - item.extent[1])))
        return int(first) - 1 if first else None

    @property
    def row(self) -> int | None:
        """The message under the cursor in the selected panel, else in any of its direction."""
        chosen = self.chosen
        if chosen is None:
            return None
        led = [item for item in (chosen, *self.series) if len(item.rows)]
        for item in led:
            place = self.point(item)
            if place is not None:
                return int(item.rows[place])
        return int(led[0].rows[0]) if led else None  # before the first message: that one

    # Drawing

    def draw_header(self, width: int, base: Style) -> Strip:
        if not self.series:
            return strip([], width, base)
        low, high = (seconds(time, 3) for time in self._range)
        mark = f"▼{seconds(self.at, 3)} s"
        cell = min(self._cell_of(self.at), max(self._cells - len(mark), 0))
        line = " " * cell + mark
        line = line.ljust(self._cells)
        if cell > len(low) + 1:
            line = low + line[len(low) :]
        if cell + len(mark) + len(high) + 1 < self._cells:
            line = line[: self._cells - len(high)] + high
        return strip([(f"{'time':>{AXIS - 1}} ", None), (line, None)], width, base)

    def draw(self, index: int, width: int, base: Style, selected: bool) -> Strip:
        number, line = divmod(index, self.panel_height)
        item = self.series[number]
        if self._drawn_at != (self._cells, self.panel_height):  # drawn before the resize is told
            self._drawn.clear()
            self._drawn_at = (self._cells, self.panel_height)
        if number not in self._drawn:
            self._drawn[number] = self._plot(item)
        plot, bottom, top = self._drawn[number]
        if not line:
            return strip(self._read_out(item, selected), width, base)
        scale = top if line == 1 else bottom if line == len(plot) else None
        label = "" if scale is None else value(scale, item.unit)
        style = "curve" if item.name.startswith("→") else "other"
        text, cell = plot[line - 1], self._cell_of(self.at)
        under = text[cell] if text[cell] != " " else "│"
        layer = self.part(style, False)
        parts: list[Part] = [
            (f"{fit(label, AXIS - 2, right=True)} │"[:AXIS], self.part("dim", False)),
            (text[:cell], layer),
            (under, self.part("dim" if under == "│" else "at", False)),
            (text[cell + 1 :], layer),
        ]
        return strip(parts, width, base)

    def _read_out(self, item: Series, selected: bool) -> list[Part]:
        place = self.point(item)
        parts: list[Part] = [(f" {item.name}  ", self.part("header", selected))]
        if place is not None:
            when = seconds(int(item.times[place]), 3)
            read = value(float(item.values[place]), item.unit)
            parts.append((f"{read} at {when} s  ", self.part("note", selected)))
        low, usual, high = (value(number, item.unit) for number in item.extent)
        text = f"{low} … {high}, median {usual}"
        parts.append((text, self.part("dim", selected)))
        return parts

    def _plot(self, item: Series) -> tuple[list[str], float, float]:
        found = columns(item.times, item.values, *self._range, self._cells * 2)
        known = found.high[~np.isnan(found.high)]
        bottom = float(np.nanmin(found.low)) if len(known) else 0.0
        top = float(known.max()) if len(known) else 1.0
        if item.kind == "bars" or item.unit in ("bit/s", "B"):
            bottom = min(bottom, 0.0)
        least = LEAST_SPAN.get(item.unit, 1e-9)
        if top - bottom < least:
            middle = (top + bottom) / 2
            bottom, top = middle - least / 2, middle + least / 2
            if float(item.extent[0]) >= 0 > bottom:
                bottom, top = 0.0, top - bottom
        plot = draw(found, bottom, top, self.panel_height - 1, item.kind)
        return plot, bottom, top


def value(number: float, unit: str) -> str:
    """Return a value with its unit, short enough for a scale."""
    if unit == "bit/s":
        return bit_rate(abs(number))
    if unit == "B":
        return f"{'-' if number < 0 else ''}{volume(abs(number))}"
    if unit == "ms" and abs(number) >= 100_000:
        return f"{number / 1000:.0f} s"
    digits = 0 if abs(number) >= 100 or number == int(number) else 1 if abs(number) >= 10 else 2
    return f"{number:.{digits}f} {unit}".strip()
