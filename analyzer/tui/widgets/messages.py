"""The list in the middle: cells formatted at render time, nothing kept per line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.message import Message
from textual.strip import Strip

from analyzer.tui.cells import GLYPHS, Part, fit, strip
from analyzer.tui.keys import LIST
from analyzer.tui.listings.base import Column, Listing, Rows
from analyzer.tui.listings.messages import MessageListing
from analyzer.tui.model import Findings
from analyzer.tui.picker import Sorting
from analyzer.tui.widgets.lines import Lines

if TYPE_CHECKING:
    from analyzer.session import Session

WIDE: Final = 110
"""From this width on times have microseconds and types their whole name."""
ROOMY: Final = 140
"""From this width on long captures have microseconds, too."""
ROOM: Final = 28
"""Cells the info column has before spare columns are shown."""
HARDLY: Final = 16
"""Cells it has before others go that tell more."""
RESERVED: Final = {
    "no": (5, 5), "time": (9, 10), "delta": (6, 8), "frame": (6, 6), "type": (12, 17),
}  # fmt: skip
"""Cells, narrow and wide, that decide whether the column is shown: those of large values, never of
what is there, so that only the terminal's width adds and removes columns. Others: their least."""
KEPT: Final = 2000
"""Info texts kept."""
GUTTER: Final = 3
"""Cells before the columns: mark, severity, a space."""
INFO: Final = Column("info", "info", "what the message says", 4, right=False)


class MessageList(Lines):
    """One line per message, chunk or TCP segment: whatever the listing has."""

    HEADER = 1
    BINDINGS: ClassVar[list[BindingType]] = [*LIST]
    DEFAULT_CSS = """
    MessageList > .lines--audio { color: $text-muted; }
    MessageList > .lines--video { color: $text-secondary; }
    MessageList > .lines--command { color: $text-success; }
    MessageList > .lines--data { color: $text-accent; }
    MessageList > .lines--control { color: $text-primary; }
    MessageList > .lines--hit { text-style: underline; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "lines--audio", "lines--video", "lines--command", "lines--data", "lines--control",
        "lines--hit",
    }  # fmt: skip

    class HeaderClicked(Message):
        """A column's title was clicked: sort by it."""

        def __init__(self, column: str) -> None:
            super().__init__()
            self.column = column

    def __init__(self, session: Session, *, id: str) -> None:
        super().__init__(id=id)
        self.session = session
        self.listing: Listing = MessageListing(session, np.empty(0, dtype=np.int64))
        self.marks: set[int] = set()
        self.findings = Findings()
        self.pattern: re.Pattern[str] | None = None
        """What was searched for in the info column: matches are underlined."""
        self.sorting = Sorting()
        self.chosen: dict[str, tuple[str, ...]] = {}
        """Columns somebody chose, by the listing's unit."""
        self.follow = False
        """The cursor stays on the last line while others arrive."""
        self._info: dict[int, str] = {}
        self._columns: list[tuple[Column, int]] = []
        """Those in sight, with their cells."""
        self._left = 0
        """Chosen columns that were scrolled out at the left."""
        self._right = 0
        """Chosen columns that wait at the right."""
        self._cut = 0
        """Decimals of times that are left out: a long capture has fewer."""

    # Rows

    @property
    def row(self) -> int | None:
        """The message row under the cursor; None where no message stands."""
        row = self.place
        return row if row is not None and row >= 0 else None

    @property
    def place(self) -> int | None:
        """The row or the extra under the cursor; None without lines."""
        return self.listing.row(self.cursor) if self.cursor < len(self.listing) else None

    @property
    def rows(self) -> Rows:
        """All rows, in the order of the lines."""
        return self.listing.rows(0, len(self.listing))

    def show(self, listing: Listing, findings: Findings) -> None:
        """Show a listing; the cursor stays on its message where that is still there."""
        at = self.place
        same = type(listing) is type(self.listing)
        self.listing, self.findings = listing, findings
        self._info.clear()
        self._left *= same
        self._measure()
        if self.follow and len(listing):
            position: int | None = len(listing) - 1
        else:
            position = None if at is None else listing.place(at, self.cursor if same else -1)
        if position is None:
            position = min(self.cursor, max(len(listing) - 1, 0)) if at is None else 0
        moved = position != self.cursor
        self.set_reactive(MessageList.cursor, position)
        self.lines_changed()
        if moved:
            self.show_cursor()
        if self.place != at:
            self.post_message(self.Moved(self, position))

    def line_count(self) -> int:
        return len(self.listing)

    def info(self, line: int) -> str:
        text = self._info.get(line)
        if text is None:
            try:
                text = self.listing.info(line)
            except Exception as error:  # costs one cell, not the program
                return f"[not decoded: {type(error).__name__}]"
            if len(self._info) >= KEPT:
                self._info.clear()
            self._info[line] = text
        return text

    def line_text(self, line: int) -> str:
        """Return a line as it is shown, with a tab between two columns and all of its info."""
        cells = [self.listing.cell(column.name, line)[0].strip() for column, _ in self._columns]
        return "\t".join([*cells, self.info(line)])

    # Columns

    @property
    def columns(self) -> Sequence[str]:
        """The names of the columns that are shown: those that were chosen, else what fits."""
        chosen = self.chosen.get(self.listing.UNIT)
        return self.fitting() if chosen is None else chosen

    def fitting(self) -> Sequence[str]:
        """Return the names of the columns that fit."""
        width = self.scrollable_content_region.width
        names = list(self.listing.SHOWN)
        for spare, room in ((self.listing.SPARE, ROOM), (self.listing.LAST, HARDLY)):
            for name in spare:
                if width - GUTTER - self._reserved(names) < room:
                    names.remove(name)
        return names

    def _reserved(self, names: Sequence[str]) -> int:
        """Return how many cells these columns have, whatever they say."""
        wide = self.scrollable_content_region.width >= WIDE
        known = self.listing.COLUMNS
        cells = ((RESERVED[n][wide] if n in RESERVED else known[n].width) for n in names)
        return sum(cells) + len(names)

    def _in_sight(self) -> Sequence[str]:
        """Return the columns to be drawn: of chosen ones those that leave info its cells."""
        names = [name for name in self.columns if name in self.listing.COLUMNS]
        self._right = 0
        if self.listing.UNIT not in self.chosen:
            self._left = 0
            return names
        width = self.scrollable_content_region.width
        room = width - GUTTER - min(HARDLY, width // 4)
        self._left = min(self._left, max(len(names) - 1, 0))
        while self._left and self._reserved(names[self._left - 1 :]) <= room:
            self._left -= 1  # never farther than the last column asks for
        del names[: self._left]
        while len(names) > 1 and self._reserved(names) > room:
            names.pop()
            self._right += 1
        return names

    def action_scroll_columns(self, step: int) -> None:
        """Bring chosen columns into sight that there is no room for."""
        if step < 0 < self._left or step > 0 < self._right:
            self._left += step
            self._measure()
            self.refresh()

    def choose_columns(self, names: Sequence[str] | None) -> None:
        """Show these columns of the listing; None: what fits."""
        if names is None:
            self.chosen.pop(self.listing.UNIT, None)
        else:
            self.chosen[self.listing.UNIT] = tuple(names)
        self._measure()
        self.refresh()

    def on_resize(self, event: object) -> None:
        self._measure()

    def _measure(self) -> None:
        """Fit the columns to the largest values there are."""
        width = self.scrollable_content_region.width
        if not width or not len(self.listing):
            return
        wide = width >= WIDE
        self.listing.decimals = 6 if wide else 3
        self._cut = 0
        self._columns = []
        for name in self._in_sight():
            column = self.listing.COLUMNS[name]
            cells = max(self.listing.width(name, wide), len(column.title))
            if name == "time" and WIDE <= width < ROOMY and cells > RESERVED[name][True]:
                self._cut = 3
            if name == "delta":  # sorting makes any difference possible: those lose decimals
                cells = RESERVED[name][wide] + self._cut
            self._columns.append((column, cells - self._cut * (name in ("time", "delta"))))

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None or offset.y >= self.HEADER:
            return
        event.prevent_default()
        left = GUTTER
        for column, width in self._columns:
            if left <= offset.x < left + width + 1:
                self.post_message(self.HeaderClicked(column.name))
                return
            left += width + 1
        self.post_message(self.HeaderClicked("info"))

    # Drawing

    def draw_header(self, width: int, base: Style) -> Strip:
        if not self._columns:
            return strip([], width, base)
        names = "".join(self._titled(column, cells) for column, cells in self._columns)
        left, right = "‹" if self._left else " ", "›" if self._right else " "
        text = f"{left:{GUTTER}}{names}{right}{self._titled(INFO, len(INFO.title))}"
        return strip([(text, None)], width, base)

    def _titled(self, column: Column, cells: int) -> str:
        """Return the title with the space behind it, where an arrow tells that the list is sorted
        by this column: no other column moves for it."""
        arrow = " "
        if self.sorted and self.sorting.column == column.name:
            arrow = "▾" if self.sorting.reverse else "▴"
        if column.right:
            return fit(column.title, cells, right=True) + arrow
        return fit(column.title + arrow, cells + 1)

    @property
    def sorted(self) -> bool:
        """Whether the lines are in another order than that of the wire: only messages can be."""
        return self.listing.SORTS and self.sorting != Sorting()

    def _cell(self, column: Column, cells: int, line: int) -> tuple[str, str]:
        """Return what a column says, times with as many decimals as there is room for."""
        text, style = self.listing.cell(column.name, line)
        if column.name == "time" and self._cut:
            text = text[: -self._cut]
        elif column.name == "delta" and len(text) > cells:
            text = text[:cells].rstrip(".")
        return fit(text, cells, column.right), style

    def draw(self, index: int, width: int, base: Style, selected: bool) -> Strip:
        row = self.listing.row(index)
        worst = self.findings.worst(row)
        parts: list[Part] = [
            ("◆" if row in self.marks else " ", None),
            (f"{GLYPHS.get(worst or '', ' ')} ", self.part(worst, selected) if worst else None),
        ]
        used = GUTTER
        for column, cells in self._columns:
            if used + cells + 1 > width:
                break
            text, style = self._cell(column, cells, index)
            parts.append((text + " ", self.part(style, selected) if style else None))
            used += cells + 1
        info = self.info(index)
        kind = self.listing.kind(index)
        style = kind if kind in ("audio", "video", "error", "dim") or row < 0 else ""
        hit = self.pattern is not None and self.pattern.search(info)
        layer = self.part("hit" if hit else style, selected) if hit or style else None
        parts.append((" " + fit(info, width - used - 1), layer))
        return strip(parts, width, base)
