"""The chunk interleave strip: how the chunk streams share one direction."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import BindingType
from textual.widget import Widget

from analyzer.tui.cells import volume
from analyzer.tui.data.interleave import Interleave, interleave
from analyzer.tui.keys import key
from analyzer.tui.screens.computed import ComputedView, own
from analyzer.tui.views import Focus, Jump
from analyzer.tui.widgets.lanes import Lanes
from analyzer.tui.widgets.lines import Lines

if TYPE_CHECKING:
    from analyzer.session import Session

SIDES = ("client → server", "server → client")


class InterleaveScreen(ComputedView):
    """Chunks of one direction in stream order, a lane for each chunk stream."""

    NAME = "interleave"
    GROWS = True
    BINDINGS: ClassVar[list[BindingType]] = own(
        key("enter", "go", "Go to the message", "message", show="Enter"),
        key("d", "side", "The other direction", "side", show="d"),
        key("plus,equals_sign", "scale(-1)", "Fewer chunks in a line", "closer", show="+"),
        key("minus", "scale(1)", "More chunks in a line", "wider", show="-"),
    )
    AUTO_FOCUS = "#lanes"

    def __init__(self, session: Session, focus: Focus) -> None:
        super().__init__(session, focus)
        self._direction: int | None = None
        if focus.row is not None and focus.row < len(session.messages):
            self._direction = session.value(focus.row, "direction")
        self._placed = False

    def content(self) -> Iterable[Widget]:
        self.lines = Lanes(self.session, id="lanes")
        yield self.lines

    def compute(self, connection: int | None) -> Interleave:
        assert connection is not None
        if self._direction is None:  # the side that says more
            tcp = self.session.connections[connection].tcp
            self._direction = int(tcp[1].bytes > tcp[0].bytes)
        return interleave(self.session, connection, self._direction)

    def shown(self, data: object) -> None:
        assert isinstance(data, Interleave) and self._direction is not None
        self.lines.empty = [f"No chunk from {SIDES[self._direction].split()[0]}. d shows the other"]
        self.lines.show(data)
        if not self._placed:
            self._placed = True
            self.lines.scale_to(0)
            row = self.focus_at.row
            self.lines.go_to((data.of_row(row) if row is not None else None) or 0)
        self.lines.set_title(
            f"{SIDES[self._direction]}: {len(data):,} chunks, {volume(data.bytes)}, "
            f"{len(data.lanes)} chunk streams"
        )

    def empty(self, lines: list[str]) -> None:
        self.lines.chunks = None
        self.lines.empty = lines
        self.lines.lines_changed()

    def let_go(self) -> bool:
        self.lines.chunks = None
        return True

    def row_here(self) -> int | None:
        return self.lines.row

    def action_connection(self, step: int) -> None:
        self._direction = None
        self._placed = False
        super().action_connection(step)

    def action_side(self) -> None:
        self._direction = 1 - (self._direction or 0)
        self._placed = False
        self.focus_at = Focus(None, self.connection)
        self.recompute()

    def action_scale(self, step: int) -> None:
        self.lines.scale_to(self.lines.scale + step)

    @on(Lines.Chosen)
    def action_go(self) -> None:
        """Go to the message of the chunk."""
        if self.lines.row is not None:
            self.dismiss(Jump(self.lines.row))
