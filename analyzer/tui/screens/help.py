"""The help sheet, made from the bindings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.style import Style
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.strip import Strip

from analyzer.tui.cells import fit, strip
from analyzer.tui.widgets.lines import Lines

Section = tuple[str, Sequence[Binding]]


class HelpLines(Lines):
    """Section titles and one line per key."""

    def __init__(self, sections: Sequence[Section]) -> None:
        super().__init__(id="sheet")
        self.set_title("Keys")
        self._lines: list[tuple[str, str]] = []
        for title, bindings in sections:
            self._lines.extend([("", ""), ("", title)] if self._lines else [("", title)])
            self._lines.extend((b.key_display or b.key, b.description) for b in bindings)

    def line_count(self) -> int:
        return len(self._lines)

    def draw(self, index: int, width: int, base: Style, selected: bool) -> Strip:
        name, text = self._lines[index]
        if not name:
            return strip([(f" {text}", self.part("header", selected))], width, base)
        return strip([(f"  {fit(name, 7)}", self.part("s2c", selected)), (text, None)], width, base)


class HelpScreen(ModalScreen[None]):
    """Any of Esc, q and ? goes back; the rest moves as in every list."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,f1", "app.pop_screen"),
        Binding("g", "end(True)"),
        Binding("G", "end(False)"),
    ]
    DEFAULT_CSS = """
    HelpScreen { align: center middle; }
    HelpScreen HelpLines { width: 100; max-width: 100%; height: 90%; background: $surface; }
    """

    def __init__(self, sections: Sequence[Section]) -> None:
        super().__init__()
        self._sections = sections

    def compose(self) -> ComposeResult:
        yield HelpLines(self._sections)

    def action_end(self, first: bool) -> None:
        lines = self.query_one(HelpLines)
        if first:
            lines.action_first()
        else:
            lines.action_last()
