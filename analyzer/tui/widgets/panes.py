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


def _clamp(value: int, low: int, high: int) -> int:
    return max(min(value, high), low)


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
        self.layout_name = ""
        self.picked = ""
        """The layout that somebody chose; the screen's width chooses otherwise."""
        self.shares: dict[str, int] = {}
        """Lines (connections, upper panes) and cells (bytes) somebody gave or took."""

    def compose(self) -> ComposeResult:
        # Before there are panes: a class that changes later styles all of them once more.
        if self.layout_name not in LAYOUTS:
            self.layout_name = "columns" if self.app.size.width >= WIDE else "stacked"
        self.rearrange()
        yield from self.all

    def rearrange(self) -> None:
        """Take over what was changed."""
        self.remove_class(*(f"-{name}" for name in (*LAYOUTS, "zoom", "empty")))
        name = "zoom" if self.zoomed else "empty" if self.empty else self.layout_name
        self.add_class(f"-{name}")
        self.fit()

    def fit(self) -> None:
        """Size what depends on the screen, on the number of connections and on somebody's wish.

        Connections get two lines of frame and one each, never more than a fifth of the screen.
        """
        screen, more = self.app.size, self.shares
        height = min(self.connections.line_count() + 2, max(screen.height // 5, 4))
        height = _clamp(height + more.get("connections", 0), 3, screen.height // 2)
        self.connections.styles.height = "1fr" if self.zoomed else height
        if self.zoomed or self.empty:
            self.styles.grid_columns = ("1fr",)
            self.styles.grid_rows = "1fr" if self.zoomed else f"{height} 1fr"
            return
        rest = max(screen.height - height - 3, 6)
        if self.layout_name == "rows":
            first = _clamp(rest * 4 // 10 + more.get("messages", 0), 3, rest - 6)
            second = _clamp((rest - first) // 2 + more.get("tree", 0), 3, rest - first - 3)
            self.styles.grid_columns = ("1fr",)
            self.styles.grid_rows = f"{height} {first} {second} 1fr"
            return
        right = BYTES_16 if screen.width >= BYTES_16 + BYTES_8 else BYTES_8
        right = _clamp(right + more.get("hex", 0), 20, screen.width - 20)
        self.styles.grid_columns = ("1fr", right)
        first = _clamp(rest * 3 // 5 + more.get("messages", 0), 3, rest - 3)
        self.styles.grid_rows = f"{height} {first} 1fr"

    def grow(self, pane: Lines, step: int) -> None:
        """Make a pane larger (1) or smaller (-1) at the cost of its neighbours."""
        name = pane.id or ""
        sign = 1
        if name in ("tree", "hex") and self.layout_name != "rows":
            # Tree and bytes share their line: what one gains the other one loses.
            sign, name = (1 if name == "hex" else -1), "hex"
        elif name == "hex":
            sign, name = -1, "tree"
        size = 4 if name == "hex" else 2
        self.shares[name] = _clamp(self.shares.get(name, 0) + sign * step * size, -60, 60)
        self.fit()

    def next_layout(self) -> str:
        self.layout_name = LAYOUTS[(LAYOUTS.index(self.layout_name) + 1) % len(LAYOUTS)]
        self.picked = self.layout_name
        self.zoomed = False
        self.rearrange()
        return self.layout_name

    def zoom(self, pane: Lines | None) -> None:
        """Show one pane alone; None: all of them again."""
        self.zoomed = pane is not None
        for item in self.all:
            item.set_class(item is pane, "-zoomed")
        self.rearrange()
