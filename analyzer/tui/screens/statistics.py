"""Counts per connection, type, chunk stream, message stream and track, and TCP below."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from rich.style import Style
from textual import on
from textual.binding import BindingType
from textual.strip import Strip
from textual.widget import Widget

from analyzer.tui.cells import ARROWS, Part, fit, rate, span, strip, volume
from analyzer.tui.data.statistics import Line, Section, TcpLine, sections, tcp_lines
from analyzer.tui.keys import key
from analyzer.tui.screens.computed import ComputedView, own
from analyzer.tui.views import Jump
from analyzer.tui.widgets.lines import Lines

BAR = "▏▎▍▌▋▊▉█"
ROOMY = 100
"""From this width on all columns are shown."""


class Tables(Lines):
    """All tables below each other; titles carry the names of the columns."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.items: list[Section | Line | TcpLine | str] = []
        self._most = 1

    def show(self, found: list[Section], tcp: list[TcpLine]) -> None:
        self.items = []
        for section in found:
            self.items += [section, *section.lines, ""]
        if tcp:
            self.items += ["TCP", *tcp]
        everything = found[0].lines if found else []
        self._most = max(sum(line.bytes for line in everything), 1)
        self.lines_changed()

    def line_count(self) -> int:
        return len(self.items)

    @property
    def item(self) -> Section | Line | TcpLine | str:
        return self.items[self.cursor] if self.items else ""

    def draw(self, index: int, width: int, base: Style, selected: bool) -> Strip:
        item = self.items[index]
        if isinstance(item, Line):
            return strip(self._line(item, width, selected), width, base)
        if isinstance(item, TcpLine):
            return strip(_tcp(item, width), width, base)
        header = self.part("header", selected)
        if isinstance(item, Section):
            name = _name_width(width)
            text = (
                f"{fit(item.title, name + 2)} {'messages':>9} {'bytes':>9} {'share':<11}"
                f"{'mean':>8} {'bit/s':>6} {'msg/s':>6}"
            )
            text += f" {'shortest':>9} {'longest':>10}" if width >= ROOMY else ""
            return strip([(text, header)], width, base)
        if item:
            text = (
                f"{fit(item, 20)} {'segments':>9} {'bytes':>9} {'sent again':>10} "
                f"{'reordered':>9} {'window shut':>14} {'missing':>9} {'round trip':>10}"
            )
            if width < ROOMY:
                text = (
                    f"{fit(item, 8)} {'segments':>9} {'bytes':>9} {'again':>6} "
                    f"{'window shut':>14} {'missing':>9} {'round trip':>10}"
                )
            return strip([(text, header)], width, base)
        return strip([], width, base)

    def _line(self, item: Line, width: int, selected: bool) -> list[Part]:
        per = f"{item.per_second:.1f}" if item.per_second else "-"
        side = self.part(("c2s", "s2c")[item.direction], selected)
        return [
            (f"{ARROWS[item.direction]} ", side),
            (fit(item.name, _name_width(width)), None),
            (f" {item.messages:>9,} {volume(item.bytes):>9} ", None),
            (_bar(item.bytes / self._most, 6), side),
            (f" {item.bytes / self._most:>3.0%} ", None),
            (f"{volume(item.bytes / max(item.messages, 1)):>8}", None),
            (f" {rate(item.rate) if item.rate else '-':>6} {per:>6}", None),
            *(
                [(f" {item.least:>9,} {item.most:>10,}", self.part("dim", selected))]
                if width >= ROOMY
                else []
            ),
        ]


def _name_width(width: int) -> int:
    return min(max(width - 60, 18), 30)


def _bar(share: float, width: int) -> str:
    eighths = round(share * width * 8)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (BAR[rest - 1] if rest else "")).ljust(width)


def _tcp(item: TcpLine, width: int) -> list[Part]:
    shut = f"{item.zero_windows}× {span(item.zero_window_ns)}" if item.zero_windows else "-"
    trip = span(item.trip_ns) if item.trip_ns is not None else "-"
    name = f"{ARROWS[item.direction]} {item.connection}"
    carried = f"{item.segments:>9,} {volume(item.bytes):>9}"
    lost = f"{shut:>14} {volume(item.missing):>9} {trip:>10}"
    if width < ROOMY:
        return [(f"{name:<8} {carried} {item.retransmitted:>6,} {lost}", None)]
    again = f"{item.retransmitted:>10,} {item.out_of_order:>9,}"
    return [(f"{name:<20} {carried} {again} {lost}", None)]


class StatisticsScreen(ComputedView):
    """Tables of one connection, or of the whole capture."""

    NAME = "statistics"
    WHOLE = True
    BINDINGS: ClassVar[list[BindingType]] = own(
        key("enter", "go", "Show the messages that are counted here", "messages", show="Enter")
    )
    AUTO_FOCUS = "#statistics"

    def content(self) -> Iterable[Widget]:
        self.lines = Tables(id="statistics")
        yield self.lines

    def compute(self, connection: int | None) -> tuple[list[Section], list[TcpLine]]:
        return sections(self.session, connection), tcp_lines(self.session, connection)

    def shown(self, data: object) -> None:
        assert isinstance(data, tuple)
        self.lines.show(*data)

    def empty(self, lines: list[str]) -> None:
        self.lines.empty = lines
        self.lines.show([], [])

    @on(Lines.Chosen)
    def action_go(self) -> None:
        """Show the messages of a line."""
        item = self.lines.item
        if isinstance(item, Line):
            self.dismiss(Jump(filter=item.filter))
        elif isinstance(item, TcpLine):
            self.dismiss(Jump(connection=int(item.connection[1:])))
