"""The dialog that chooses the columns of the list, their order, and what it is sorted by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from rich.style import Style
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import ModalScreen
from textual.strip import Strip

from analyzer.tui.cells import fit, strip
from analyzer.tui.keys import COLUMNS
from analyzer.tui.picker import Sorting
from analyzer.tui.widgets.lines import Lines
from analyzer.tui.widgets.messages import MessageList


class Choice(NamedTuple):
    """What the dialog ends with; columns None means: what fits."""

    columns: tuple[str, ...] | None
    sorting: Sorting


class ColumnLines(Lines):
    """One line per column: shown or not, title, what it is."""

    BINDINGS: ClassVar[list[BindingType]] = [*COLUMNS]

    def __init__(self, messages: MessageList) -> None:
        super().__init__(id="columns")
        self._sorts = messages.listing.SORTS
        sort = "s r sort, " if self._sorts else ""
        self.set_title(f"Columns: Space shows, < > moves, {sort}d resets, Enter applies")
        self._known = messages.listing.COLUMNS
        self._fitting = messages.fitting()
        self.set_out(messages.columns, messages.sorting)

    def set_out(self, shown: Sequence[str], sorting: Sorting) -> None:
        """Begin with these columns, those that are not shown below them."""
        self.shown = set(shown)
        self.names = [name for name in shown if name in self._known]
        self.names += [name for name in self._known if name not in self.shown]
        self.sorting = sorting
        self.changed = False

    def reset(self) -> None:
        """Begin with what fits, in the order of the capture."""
        self.set_out(self._fitting, Sorting() if self._sorts else self.sorting)
        self.refresh()

    def line_count(self) -> int:
        return len(self.names) + 1

    @property
    def name_here(self) -> str:
        return [*self.names, "info"][self.cursor]

    def draw(self, index: int, width: int, base: Style, selected: bool) -> Strip:
        name = [*self.names, "info"][index]
        column = self._known.get(name)
        box = "[x]" if name in self.shown or column is None else "[ ]"
        arrow = " "
        if self._sorts and self.sorting.column == name:
            arrow = "▾" if self.sorting.reverse else "▴"
        text = column.text if column else "what the message says; always there"
        title = column.title if column else "info"
        parts = [(f" {box} {arrow} ", None), (fit(title, 10), self.part("s2c", selected)),
                 (text, self.part("dim", selected))]  # fmt: skip
        return strip(parts, width, base)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Chunks and segments stay in wire order."""
        return self._sorts or action not in ("sort", "reverse")

    def action_show_or_hide(self) -> None:
        if self.cursor < len(self.names):
            self.shown ^= {self.name_here}
            self.changed = True
            self.refresh()

    def action_shift(self, step: int) -> None:
        to = self.cursor + step
        if self.cursor < len(self.names) and 0 <= to < len(self.names):
            self.names.insert(to, self.names.pop(self.cursor))
            self.changed = True
            self.move_to(to)
            self.refresh()

    def action_sort(self) -> None:
        self.sorting = Sorting(self.name_here)
        self.refresh()

    def action_reverse(self) -> None:
        name = self.name_here
        self.sorting = Sorting(name, not (self.sorting.column == name and self.sorting.reverse))
        self.refresh()

    def choice(self) -> tuple[str, ...]:
        return tuple(name for name in self.names if name in self.shown)


class ColumnScreen(ModalScreen[Choice | None]):
    """Ends with a choice; Esc and q leave everything as it is."""

    BINDINGS: ClassVar[list[BindingType]] = []
    DEFAULT_CSS = """
    ColumnScreen { align: center middle; }
    ColumnScreen ColumnLines { width: 78; max-width: 100%; max-height: 90%; background: $surface; }
    """

    def __init__(self, messages: MessageList) -> None:
        super().__init__()
        self._before = messages.chosen.get(messages.listing.UNIT)
        self._lines = ColumnLines(messages)

    def compose(self) -> ComposeResult:
        self._lines.styles.height = self._lines.line_count() + 2
        yield self._lines

    def action_accept(self) -> None:
        columns = self._lines.choice() if self._lines.changed else self._before
        self.dismiss(Choice(columns, self._lines.sorting))

    def action_reset(self) -> None:
        self._before = None
        self._lines.reset()

    def action_leave(self) -> None:
        self.dismiss(None)
