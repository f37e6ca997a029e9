"""The ladder: handshake, commands and replies, first media and the end of a connection."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.binding import BindingType
from textual.widget import Widget

from analyzer.tui.data.ladder import Ladder, Mark, ladder, marks
from analyzer.tui.keys import key
from analyzer.tui.model import Findings
from analyzer.tui.screens.computed import ComputedView, own
from analyzer.tui.views import Jump
from analyzer.tui.widgets.ladder import LadderLines
from analyzer.tui.widgets.lines import Lines


class LadderScreen(ComputedView):
    """A sequence diagram of one connection."""

    NAME = "ladder"
    GROWS = True
    HANDSHAKES = True
    BINDINGS: ClassVar[list[BindingType]] = own(
        key("enter", "go", "Go to the message", "message", show="Enter")
    )
    AUTO_FOCUS = "#ladder"

    def content(self) -> Iterable[Widget]:
        self.lines = LadderLines(self.session, id="ladder")
        self._placed: int | None = None
        yield self.lines

    def compute(self, connection: int | None) -> tuple[Ladder, dict[int, Mark]]:
        assert connection is not None
        findings = self.snapshot.findings if self.snapshot else Findings()
        found = ladder(self.session, connection, findings)
        return found, marks(found, findings)

    def shown(self, data: object) -> None:
        assert isinstance(data, tuple)
        found, marked = data
        connection = self.connection
        if connection is not None:
            view = self.session.connections[connection]
            self.lines.peers = (f"client {view.client}", f"server {view.server}")
        self.lines.show(found, marked)
        if self._placed != connection:
            self._placed = connection
            row = self.focus_at.row
            self.lines.goto((found.of_row(row) if row is not None else None) or 0)

    def empty(self, lines: list[str]) -> None:
        self.lines.ladder = None
        self.lines.empty = lines
        self.lines.lines_changed()

    def row_here(self) -> int | None:
        return self.lines.row

    @on(Lines.Chosen)
    def action_go(self) -> None:
        """Go to the message of the line, of an event to the nearest one."""
        row = self.lines.near
        if row is None:
            self.say("there is no message here")
        else:
            self.dismiss(Jump(row))
