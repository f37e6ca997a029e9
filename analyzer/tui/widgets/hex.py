"""The bytes of one message, tied to the tree at two levels: layer and field."""

from __future__ import annotations

from bisect import bisect_right
from itertools import groupby
from typing import ClassVar, Final

from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.message import Message
from textual.strip import Strip

from analyzer.tui.byte_views import (
    HEADER,
    LINK,
    MISSING,
    NETWORK,
    OTHER,
    TRANSPORT,
    Block,
    ByteView,
)
from analyzer.tui.cells import Part, strip
from analyzer.tui.keys import HEX
from analyzer.tui.widgets.layers import layer
from analyzer.tui.widgets.lines import Lines

WIDTHS: Final = (32, 16, 8, 4)
"""Bytes per line that are tried, widest first."""

Ranges = list[tuple[int, int]]
_STYLES: Final = {
    HEADER: "chunk",
    OTHER: "other",
    MISSING: "missing",
    LINK: "link",
    NETWORK: "network",
    TRANSPORT: "transport",
}
_ASCII: Final = "".join(chr(c) if 0x20 <= c < 0x7F else "·" for c in range(256))


class HexPane(Lines):
    """Lines of bytes. `at` (the byte cursor) counts in the view, titles not included."""

    BINDINGS: ClassVar[list[BindingType]] = [*HEX]
    DEFAULT_CSS = """
    HexPane > .lines--chunk { color: $text-muted; text-style: dim; }
    HexPane > .lines--other { color: $text-disabled; text-style: dim; }
    HexPane > .lines--link { color: $text-secondary; text-style: dim; }
    HexPane > .lines--network { color: $text-success; text-style: dim; }
    HexPane > .lines--transport { color: $text-warning; text-style: dim; }
    HexPane > .lines--missing { color: $text-error; }
    HexPane > .lines--inlayer { background: $panel-lighten-1; }
    HexPane > .lines--infield {
        background: $accent;
        color: auto;
        text-style: bold;
    }
    HexPane > .lines--byte { text-style: reverse bold; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "lines--chunk",
        "lines--other",
        "lines--link",
        "lines--network",
        "lines--transport",
        "lines--missing",
        "lines--inlayer",
        "lines--infield",
        "lines--byte",
    }

    class ByteMoved(Message):
        """The byte cursor was moved by a person."""

        def __init__(self, space: str, offset: int, reveal: bool = False) -> None:
            super().__init__()
            self.space = space
            self.offset = offset
            self.reveal = reveal

    class Outside(Message):
        """The byte cursor was moved to a byte that belongs to no field; `text` says what it is."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.view = ByteView("message", lambda at, length: b"")
        self.at = 0
        self.per_line = 16
        self.layer_ranges: Ranges = []
        self.field_ranges: Ranges = []
        self._block_lines: list[int] = []
        self._block_starts: list[int] = []
        self._digits = 4
        self._count = 0

    # Content

    def show_view(self, view: ByteView) -> None:
        self.view = view
        self.at = 0
        self._arrange()
        self.scroll_now(0)

    def highlight(self, layers: Ranges, fields: Ranges, move: bool) -> None:
        """Mark a layer's and a field's bytes; `move` brings the field into sight."""
        self.layer_ranges, self.field_ranges = layers, fields
        if move and (fields or layers):
            self.at = (fields or layers)[0][0]
            self.goto(self._line_of(self.at))
            self._to_byte()
        self.refresh()

    def show_byte(self, at: int) -> None:
        """Put the byte cursor somewhere without telling."""
        self.at = at
        self._to_byte()

    def selected_bytes(self) -> bytes:
        """Return the bytes of the highlighted field, else the byte under the cursor."""
        wanted = self.field_ranges or [(self.at, self.at + 1)]
        out = b""
        for low, high in wanted:
            first = max(bisect_right(self._block_starts, low) - 1, 0)
            for block in self.view.blocks[first:]:
                start, end = max(low, block.at), min(high, block.at + block.length)
                if start >= high:
                    break
                if start < end:
                    out += self.view.read(block, start - block.at, end - start)
        return out

    # Lines

    def _arrange(self) -> None:
        highest = max((b.address + b.length for b in self.view.blocks), default=0)
        self._digits = max(len(f"{highest:x}"), 4)
        width = self.scrollable_content_region.width - self._digits - 3
        fits = [n for n in WIDTHS if 4 * n + (n - 1) // 8 + 1 <= width]
        self.per_line = fits[0] if fits else WIDTHS[-1]
        self._block_lines = []
        self._block_starts = [block.at for block in self.view.blocks]
        line = 0
        for block in self.view.blocks:
            self._block_lines.append(line)
            line += bool(block.title) + -(-block.length // self.per_line)
        self._count = line
        self.lines_changed()
        self._to_byte()

    def on_resize(self, event: events.Resize) -> None:
        self._arrange()

    def line_count(self) -> int:
        return self._count

    def _line_of(self, at: int) -> int:
        index = bisect_right(self._block_starts, at) - 1
        if index < 0:
            return 0
        block = self.view.blocks[index]
        return self._block_lines[index] + bool(block.title) + (at - block.at) // self.per_line

    def _place(self, line: int) -> tuple[Block, int]:
        """Return the block of a line and the offset of its first byte (-1: the title)."""
        index = bisect_right(self._block_lines, line) - 1
        block = self.view.blocks[index]
        within = line - self._block_lines[index] - bool(block.title)
        return block, within * self.per_line if within >= 0 else -1

    def _to_byte(self) -> None:
        self.move_to(self._line_of(self.at), tell=False)
        if self.cursor == 1 and self.scroll_offset.y == 1:
            self.scroll_now(0)  # the first title comes with its first line
        self.refresh()

    # Keys and mouse

    def _byte_to(self, at: int, reveal: bool = False) -> None:
        at = max(min(at, self.view.size - 1), 0)
        self.at = at
        self._to_byte()
        if place := self.view.field_at(at):
            self.post_message(self.ByteMoved(*place, reveal))
        elif text := self.view.describe(at):
            self.post_message(self.Outside(text))

    def action_step(self, count: int) -> None:
        self._byte_to(self.at + count)

    def action_move(self, lines: int) -> None:
        self._vertical(self.cursor + lines, 1 if lines > 0 else -1)

    def action_move_page(self, pages: int) -> None:
        self._vertical(self.cursor + pages * self.page, pages)

    def action_first(self) -> None:
        self._byte_to(0)

    def action_last(self) -> None:
        self._byte_to(self.view.size - 1)

    def action_choose(self) -> None:
        self._byte_to(self.at, reveal=True)

    def _vertical(self, line: int, step: int) -> None:
        """Move to another line in the same column, over titles."""
        if not self._count:
            return
        block, start = self._place(self.cursor)
        column = self.at - block.at - max(start, 0)
        line = max(min(line, self._count - 1), 0)
        block, start = self._place(line)
        if start < 0:
            line = line + 1 if step > 0 or line == 0 else line - 1
            block, start = self._place(line)
        self._byte_to(block.at + min(start + column, block.length - 1))

    def on_click(self, event: events.Click) -> None:
        event.prevent_default()
        offset = event.get_content_offset(self)
        if offset is None or self.scroll_offset.y + offset.y >= self._count:
            return
        block, start = self._place(self.scroll_offset.y + offset.y)
        if start < 0:
            return
        x = offset.x - self._digits - 2
        hex_width = 3 * self.per_line + (self.per_line - 1) // 8
        column = min(max(x, 0) // 25 * 8 + max(x, 0) % 25 // 3, self.per_line - 1)
        if x >= hex_width + 1:
            column = min(x - hex_width - 1, self.per_line - 1)
        self._byte_to(block.at + min(start + column, block.length - 1))

    # Drawing

    def draw(self, index: int, width: int, base: Style, selected: bool) -> Strip:
        base = self.get_component_rich_style(
            "lines--plain"
        )  # the byte cursor is enough, no line cursor
        block, start = self._place(index)
        if start < 0:
            return strip([(f"── {block.title} ", self._dim())], width, base)
        data = self.view.read(block, start, self.per_line)
        low = block.at + start
        kinds = self._kinds(low, len(data))
        parts: list[Part] = [(f"{block.address + start:0{self._digits}x}  ", self._dim())]
        parts.extend(self._hex(data, kinds, low))
        missing = self.per_line - len(data)
        gaps = (self.per_line - 1) // 8 - (max(len(data), 1) - 1) // 8
        parts.append((" " * (3 * missing + gaps + 1), None))
        position = 0
        for kind, group in groupby(kinds):
            size = len(list(group))
            text = "".join(_ASCII[b] for b in data[position : position + size])
            if kind[0] == MISSING:
                text = "·" * size
            parts.append((text, self._style(kind)))
            position += size
        return strip(parts, width, base)

    def _dim(self) -> Style:
        return layer(self, "lines--dim")

    def _kinds(self, low: int, size: int) -> list[tuple[int, int]]:
        """Return (kind, level) per byte; level 1 is the layer, 2 the field, 3 the cursor."""
        out = [(OTHER, 0)] * size
        for piece in self.view.pieces_in(low, low + size):
            start, end = max(piece.at - low, 0), min(piece.at + piece.length - low, size)
            for at in range(start, end):
                out[at] = (piece.kind, 0)
        for level, marked in ((1, self.layer_ranges), (2, self.field_ranges)):
            for at in _inside(marked, low, low + size):
                out[at] = (out[at][0], level)
        if low <= self.at < low + size:
            out[self.at - low] = (out[self.at - low][0], 3 if self.has_focus else 2)
        return out

    def _style(self, kind: tuple[int, int]) -> Style | None:
        name = _STYLES.get(kind[0])
        level = (None, "inlayer", "infield", "byte")[kind[1]]
        style = layer(self, f"lines--{name}") if name else None
        if level is None:
            return style
        over = layer(self, f"lines--{level}")
        return style + over if style else over

    def _hex(self, data: bytes, kinds: list[tuple[int, int]], low: int) -> list[Part]:
        """Return the hex column; the space between two bytes of one field is marked too."""
        parts: list[Part] = []
        text, current = "", kinds[0] if kinds else (0, 0)
        for index, (byte, kind) in enumerate(zip(data, kinds, strict=True)):
            gap = ("  " if index % 8 == 0 else " ") if index else ""
            if kind == current:
                text += gap
            else:
                parts.append((text, self._style(current)))
                joined = min(kind[1], current[1])
                between = self._style((0, min(joined, 2))) if joined else None
                parts.append((gap, between))
                text, current = "", kind
            if kind[0] == MISSING:
                text += "··"
            else:
                text += "**" if self.view.is_hidden(low + index) else f"{byte:02x}"
        parts.append((text, self._style(current)))
        parts.append((" ", None))
        return [part for part in parts if part[0]]


def _inside(marked: Ranges, low: int, high: int) -> list[int]:
    """Return the positions relative to `low` that lie in one of the sorted ranges."""
    out: list[int] = []
    first = max(bisect_right(marked, (low, 1 << 62)) - 1, 0)
    for start, end in marked[first:]:
        if start >= high:
            break
        out.extend(range(max(start - low, 0), min(end, high) - low))
    return out
