"""The four panes and how they share the screen."""

from __future__ import annotations

from typing import Final

from textual.app import ComposeResult
from textual.containers import Container

from analyzer.tui.widgets.connections import ConnectionList
from analyzer.tui.widgets.hex import HexPane
from analyzer.tui.widgets.lines import Lines
from analyzer.tui.widgets.messages import MessageList
from analyzer.tui.widgets.tree import TreePane

LAYOUTS: Final = ("stacked", "columns", "rows")
WIDE: Final = 160
"""From this width on the messages have a column of their own."""
BYTES_16, BYTES_8 = 76, 42
"""Cells that 16 and 8 bytes per line take; the rest is the tree's."""


class Panes(Container):
    """A grid that is rearranged without mounting anything anew."""

    DEFAULT_CSS = """
    Panes { layout: grid; height: 1fr; }
    Panes.-stacked { grid-size: 2 3; grid-rows: auto 3fr 2fr; }
    Panes.-stacked #connections, Panes.-stacked #messages { column-span: 2; }
    Panes.-columns { grid-size: 2 3; grid-rows: auto 3fr 2fr; }
    Panes.-columns #connections { column-span: 2; }
    Panes.-columns #messages { row-span: 2; }
    Panes.-rows { grid-size: 1 4; grid-rows: auto 4fr 3fr 3fr; }
    Panes.-empty { grid-size: 1 2; grid-rows: auto 1fr; }
    Panes.-zoom { grid-size: 1 1; grid-rows: 1fr; }
    Panes.-zoom Lines { display: none; }
    Panes.-zoom Lines.-zoomed { display: block; }
    Panes.-empty #tree, Panes.-empty #hex { display: none; }
    """

    def __init__(
        self, connections: ConnectionList, messages: MessageList, tree: TreePane, hexes: HexPane
    ) -> None:
        super().__init__(id="panes")
        self.connections = connections
        self.all: tuple[Lines, ...] = (connections, messages, tree, hexes)
        self.empty = False
        """True when there is no message at all: tree and bytes are hidden."""
        self.zoomed = False
        self._layout_name = ""

    def compose(self) -> ComposeResult:
        yield from self.all

    def on_mount(self) -> None:
        self._layout_name = "columns" if self.app.size.width >= WIDE else "stacked"
        self.rearrange()

    def rearrange(self) -> None:
        """Take over what was changed."""
        self.remove_class(*(f"-{name}" for name in (*LAYOUTS, "zoom", "empty")))
        name = "zoom" if self.zoomed else "empty" if self.empty else self._layout_name
        self.add_class(f"-{name}")
        self.fit()

    def fit(self) -> None:
        """Size what depends on the screen and on the number of connections.

        Connections get two lines of frame and one each, never more than a fifth of the screen.
        """
        screen = self.app.size
        if self.has_class("-stacked") or self.has_class("-columns"):
            right = BYTES_16 if screen.width >= BYTES_16 + BYTES_8 else BYTES_8
            self.styles.grid_columns = ("1fr", right)
        else:
            self.styles.grid_columns = ("1fr",)
        height = min(self.connections.line_count() + 2, max(screen.height // 5, 4))
        self.connections.styles.height = "1fr" if self.zoomed else height

    def next_layout(self) -> str:
        self._layout_name = LAYOUTS[(LAYOUTS.index(self._layout_name) + 1) % len(LAYOUTS)]
        self.zoomed = False
        self.rearrange()
        return self._layout_name

    def zoom(self, pane: Lines | None) -> None:
        """Show one pane alone; None: all of them again."""
        self.zoomed = pane is not None
        for item in self.all:
            item.set_class(item is pane, "-zoomed")
        self.rearrange()
