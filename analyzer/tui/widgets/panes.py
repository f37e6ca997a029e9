"""The four panes and how they share the screen."""

from __future__ import annotations

from typing import Final, NamedTuple

from textual import events
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
NARROW: Final = 64
"""Below this width tree and bytes stand below each other."""
SMALL: Final = 14
"""Below this height only the pane in front is seen; Tab, Enter and Esc lead to the others."""
BYTES_16, BYTES_8 = 76, 42
"""Cells that 16 and 8 bytes per line take; the rest is the tree's."""


class Border(NamedTuple):
    """A border that can be dragged: whose share it changes, and in which sense."""

    share: str
    sign: int
    vertical: bool
    """It moves up and down."""


BORDERS: Final[dict[str, tuple[dict[str, str], frozenset[str]]]] = {
    "stacked": (
        {"messages": "connections", "tree": "messages", "hex": "messages"},
        frozenset({"hex"}),
    ),
    "columns": (
        {"messages": "connections", "tree": "connections", "hex": "messages"},
        frozenset({"tree", "hex"}),
    ),
    "rows": ({"messages": "connections", "tree": "messages", "hex": "tree"}, frozenset()),
}
"""By layout: whose share the upper border of a pane changes; panes whose left edge is a border."""
MOST: Final = 60
"""Lines or cells a pane can be given or deprived of."""


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
    Panes.-small { layout: vertical; }
    Panes.-small Lines { height: 0; border: none; }
    Panes.-small Lines.-front { height: 1fr; border-top: heavy $accent; }
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
        self.small = False
        self._dragged: tuple[Border, int, int] | None = None
        """The border that is dragged, where that began, and the share it had then."""

    def compose(self) -> ComposeResult:
        # Before there are panes: a class that changes later styles all of them once more.
        if self.layout_name not in LAYOUTS:
            width = self.app.size.width
            self.layout_name = (
                "columns" if width >= WIDE else "stacked" if width >= NARROW else "rows"
            )
        self.all[1].add_class("-front")
        self.rearrange()
        yield from self.all

    def rearrange(self) -> None:
        """Take over what was changed."""
        self.remove_class(*(f"-{name}" for name in (*LAYOUTS, "zoom", "empty", "small")))
        self.small = self.app.size.height < SMALL
        name = "empty" if self.empty else self.layout_name
        self.add_class("-zoom" if self.zoomed else "-small" if self.small else f"-{name}")
        self.fit()

    def fit(self) -> None:
        """Size what depends on the screen, on the number of connections and on somebody's wish.

        Connections get two lines of frame and one each, never more than a fifth of the screen.
        """
        screen, more = self.app.size, self.shares
        if self.small != (screen.height < SMALL):
            self.rearrange()
            return
        if self.small:
            self.connections.styles.height = None  # as the style sheet says
            return
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

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """The focused pane comes to the front of a small screen."""
        for pane in self.all:
            pane.set_class(pane is event.widget, "-front")

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
        self.shares[name] = _clamp(self.shares.get(name, 0) + sign * step * size, -MOST, MOST)
        self.fit()

    # Borders are dragged

    def border_at(self, x: int, y: int) -> Border | None:
        """Return the border that stands at a cell of the screen."""
        if self.zoomed or self.empty or self.small:
            return None
        rows, columns = BORDERS[self.layout_name]
        for pane in self.all[1:]:
            region, name = pane.region, pane.id or ""
            if y == region.y and region.x <= x < region.right and name in rows:
                return Border(rows[name], 1, vertical=True)
            if x == region.x and region.y < y < region.bottom and name in columns:
                return Border("hex", -1, vertical=False)
        return None

    def on_mouse_down(self, event: events.MouseDown) -> None:
        border = self.border_at(event.screen_x, event.screen_y)
        if border is not None:
            at = event.screen_y if border.vertical else event.screen_x
            self._dragged = border, at, self.shares.get(border.share, 0)
            self.capture_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self._dragged is not None:
            border, start, share = self._dragged
            at = event.screen_y if border.vertical else event.screen_x
            self.shares[border.share] = _clamp(share + border.sign * (at - start), -MOST, MOST)
            self.fit()

    def on_mouse_up(self) -> None:
        if self._dragged is not None:
            self._dragged = None
            self.release_mouse()

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
