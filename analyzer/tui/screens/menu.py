"""A small menu over the screen: one key or Enter chooses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.style import Style
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.strip import Strip

from analyzer.tui.cells import strip
from analyzer.tui.widgets.lines import Lines

Item = tuple[str, str]
"""(key, what it does)."""


class MenuLines(Lines):
    """The items, one a line."""

    def __init__(self, title: str, items: Sequence[Item]) -> None:
        super().__init__(id="menu")
        self.set_title(title)
        self.items = items

    def line_count(self) -> int:
        return len(self.items)

    def draw(self, index: int, width: int, base: Style, selected: bool) -> Strip:
        key, text = self.items[index]
        return strip([(f"  {key}  ", self.part("s2c", selected)), (text, None)], width, base)


class MenuScreen(ModalScreen[str | None]):
    """Ends with the key of the item, None after Esc."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "dismiss(None)")]
    DEFAULT_CSS = """
    MenuScreen { align: center middle; }
    MenuScreen MenuLines { width: 40; max-width: 100%; max-height: 90%; background: $surface; }
    """

    def __init__(self, title: str, items: Sequence[Item]) -> None:
        super().__init__()
        self._lines = MenuLines(title, items)

    def compose(self) -> ComposeResult:
        self._lines.styles.height = len(self._lines.items) + 2
        yield self._lines

    def on_key(self, event: events.Key) -> None:
        if any(event.character == key for key, _ in self._lines.items):
            event.stop()
            event.prevent_default()
            self.dismiss(event.character)

    @on(Lines.Chosen)
    def _chosen(self, event: Lines.Chosen) -> None:
        self.dismiss(self._lines.items[event.index][0])
