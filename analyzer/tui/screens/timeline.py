"""Timelines: what changes over the life of a connection, as plots with one cursor."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.binding import BindingType
from textual.widget import Widget

from analyzer.tui.data.series import Series
from analyzer.tui.data.timeline import series
from analyzer.tui.keys import key
from analyzer.tui.screens.computed import ComputedView, own
from analyzer.tui.views import Jump
from analyzer.tui.widgets.lines import Lines
from analyzer.tui.widgets.plot import PLOT, Plots


class TimelineScreen(ComputedView):
    """Plots of one connection: rates, clocks, pictures, TCP."""

    NAME = "timeline"
    BINDINGS: ClassVar[list[BindingType]] = own(
        key("enter", "go", "Go to the message under the cursor", "message", show="Enter"), *PLOT
    )
    AUTO_FOCUS = "#plots"

    def content(self) -> Iterable[Widget]:
        self.plots = Plots(id="plots")
        self._placed: int | None = None
        yield self.plots

    def compute(self, connection: int | None) -> list[Series]:
        assert connection is not None
        return series(self.session, connection)

    def shown(self, data: object) -> None:
        assert isinstance(data, list)
        connection, row = self.connection, self.focus_at.row
        self.plots.empty = ["Nothing changes over time here: no media, hardly any bytes."]
        fresh = self._placed != connection
        self._placed = connection
        self.plots.show(data, keep=not fresh)
        if fresh and row is not None and row < len(self.session.messages):
            self.plots.go_to(self.session.value(row, "time_ns"))
        self.plots.set_title(f"{len(data)} plots")

    def empty(self, lines: list[str]) -> None:
        self.plots.show([], keep=False)
        self.plots.empty = lines
        self.plots.refresh()

    def let_go(self) -> bool:
        self.plots.series = []
        return True

    def row_here(self) -> int | None:
        return self.plots.row

    @on(Lines.Chosen)
    def action_go(self) -> None:
        """Go to the message under the cursor."""
        row = self.plots.row
        if row is None:
            self.say("no message here")
        else:
            self.dismiss(Jump(row))
