"""The message list: columns formatted at render time, nothing kept per message."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.style import Style
from textual.strip import Strip

from analyzer.tui.cells import ARROWS, GLYPHS, Part, fit, seconds, strip
from analyzer.tui.model import Findings, Rows, position_of
from analyzer.tui.widgets.lines import Lines

if TYPE_CHECKING:
    from analyzer.session import Session

WIDE: Final = 110
"""From this width on, message number and frame have columns of their own."""
NAMES: Final = (
    "connection", "direction", "csid", "msid", "type_id", "timestamp", "length", "time_ns",
    "last_frame", "flags",
)  # fmt: skip
KINDS: Final = {8: "audio", 9: "video", 15: "data", 16: "data", 17: "command", 18: "data"} | {
    19: "data", 20: "command", 22: "video"
}  # fmt: skip
COMPLETE: Final = 1
KEPT: Final = 2000
"""Info texts kept."""


class Column(NamedTuple):
    name: str
    width: int
    right: bool = True


class MessageList(Lines):
    """One line per RTMP message."""

    HEADER = 1
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

    def __init__(self, session: Session, *, id: str) -> None:
        super().__init__(id=id)
        self.session = session
        self.rows: Rows = np.empty(0, dtype=np.int64)
        self.marks: set[int] = set()
        self.findings = Findings()
        self.needle = ""
        self._data: dict[str, NDArray[np.generic]] = {}
        self._info: dict[int, str] = {}
        self._columns: list[Column] = []
        self._decimals = 6

    # Rows

    @property
    def row(self) -> int | None:
        """The row under the cursor."""
        return int(self.rows[self.cursor]) if self.cursor < len(self.rows) else None

    def set_rows(self, rows: Rows, findings: Findings | None = None) -> None:
        """Show `rows`; the cursor stays on its message where that is still shown."""
        row = self.row
        self.rows = rows
        if findings is not None and findings is not self.findings:
            self.findings = findings
            self._info.clear()
        table = self.session.messages
        self._data = {name: table.column(name) for name in NAMES}
        self._measure()
        position = None if row is None else position_of(rows, row, self.cursor)
        if position is None:
            position = min(self.cursor, max(len(rows) - 1, 0)) if row is None else 0
        moved = position != self.cursor
        self.set_reactive(MessageList.cursor, position)
        self.lines_changed()
        if moved:
            self.show_cursor()
        if self.row != row:
            self.post_message(self.Moved(self, position))

    def line_count(self) -> int:
        return len(self.rows)

    def goto(self, position: int) -> None:
        """Put the cursor on a message far away, with some lines of context around it."""
        top = self.scroll_offset.y
        if not top <= position < top + self.page:
            self.scroll_to(y=max(position - self.page // 3, 0), animate=False)
        self.move_to(position)

    def info(self, row: int) -> str:
        text = self._info.get(row)
        if text is None:
            try:
                text = self.session.info(row)
            except Exception as error:  # costs one cell, not the program
                return f"[not decoded: {type(error).__name__}]"
            if not int(self._data["flags"][row]) & COMPLETE:
                text = f"[cut] {text}"
            if len(self._info) >= KEPT:
                self._info.clear()
            self._info[row] = text
        return text

    # Drawing

    def on_resize(self, event: object) -> None:
        self._measure()

    def _measure(self) -> None:
        """Fit the columns to the largest values there are."""
        width = self.scrollable_content_region.width
        if not width or not self._data or not len(self.rows):
            return

        def digits(name: str) -> int:
            return len(str(int(self._data[name][: int(self.rows.max()) + 1].max())))

        wide = width >= WIDE
        self._decimals = 6 if wide else 3
        last = int(self._data["time_ns"][self.rows[-1]])
        columns = [
            Column("time", max(len(seconds(last, self._decimals)), 5)),
            Column("conn", max(digits("connection") + 1, 4), right=False),
            Column("dir", 3, right=False),
            Column("csid", max(digits("csid"), 4)),
            Column("msid", max(digits("msid"), 4)),
            Column("type", 20 if wide else 12, right=False),
            Column("timestamp", 9 if digits("timestamp") < 10 else 10),
            Column("length", max(digits("length"), 6)),
        ]
        if wide:
            columns.insert(0, Column("no", max(len(str(len(self.rows))), 3)))
            columns.insert(2, Column("frame", max(digits("last_frame"), 5)))
        self._columns = columns

    def draw_header(self, width: int, base: Style) -> Strip:
        names = (fit(c.name, c.width, c.right) for c in self._columns)
        return strip(
            [("  " + " ".join(names) + "  info" if self._columns else "", None)], width, base
        )

    def draw(self, index: int, width: int, base: Style, selected: bool) -> Strip:
        row = int(self.rows[index])
        worst = self.findings.worst(row)
        kind = KINDS.get(int(self._data["type_id"][row]), "control")
        parts: list[Part] = [
            ("◆" if row in self.marks else " ", None),
            (GLYPHS.get(worst or "", " "), self.part(worst, selected) if worst else None),
        ]
        for column in self._columns:
            text, style = self._cell(column.name, index, row, kind)
            text = fit(text, column.width, column.right)
            parts.append((text + " ", self.part(style, selected) if style else None))
        info = self.info(row)
        style = kind if kind in {"audio", "video"} else ""
        hit = self.needle and self.needle in info.lower()
        layer = self.part("hit" if hit else style, selected) if hit or style else None
        used = 2 + sum(column.width + 1 for column in self._columns)
        parts.append((" " + fit(info, width - used - 1), layer))
        return strip(parts, width, base)

    def _cell(self, name: str, index: int, row: int, kind: str) -> tuple[str, str]:
        """Return a cell's text and the name of its style."""
        if name == "no":
            return str(index + 1), "dim"
        if name == "time":
            return seconds(int(self._data["time_ns"][row]), self._decimals), ""
        if name == "frame":
            return str(self._data["last_frame"][row]), "dim"
        if name == "conn":
            return f"c{self._data['connection'][row]}", ""
        if name == "dir":
            direction = int(self._data["direction"][row])
            return f" {ARROWS[direction]}", ("c2s", "s2c")[direction]
        if name == "type":
            return self.session.type_name(row), kind
        return str(self._data[name][row]), ""
