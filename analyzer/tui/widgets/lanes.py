"""Chunks as lines, chunk streams as lanes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from rich.style import Style
from textual.strip import Strip

from analyzer.tui.cells import Part, count, fit, seconds, strip, volume
from analyzer.tui.data.interleave import ChunkLine, Interleave
from analyzer.tui.data.selection import info_of
from analyzer.tui.widgets.lines import Lines

if TYPE_CHECKING:
    from analyzer.session import Session

LANE: Final = 4
"""Cells of a lane and the space behind it."""
MAX_LANES: Final = 12
WIDE: Final = 100
"""From this width on the stream offset has a column."""
FILL: Final = " ░▒▓█"


class Lanes(Lines):
    """A line is one chunk (`scale` 0) or 2^scale of them, each lane filled by its share."""

    HEADER = 1

    def __init__(self, session: Session, *, id: str) -> None:
        super().__init__(id=id)
        self.session = session
        self.chunks: Interleave | None = None
        self.scale = 0
        self._lanes: list[int] = []

    def show(self, chunks: Interleave) -> None:
        self.chunks = chunks
        self._lanes = sorted(chunks.lanes[:MAX_LANES])
        self.lines_changed()

    def line_count(self) -> int:
        return -(-len(self.chunks) // (1 << self.scale)) if self.chunks else 0

    @property
    def at(self) -> int:
        """The first chunk of the line under the cursor."""
        return self.cursor << self.scale

    @property
    def row(self) -> int | None:
        """The message of that chunk."""
        if self.chunks is None or not len(self.chunks):
            return None
        return self.chunk_at(self.at).row

    def chunk_at(self, index: int) -> ChunkLine:
        assert self.chunks is not None
        return self.chunks.chunk(min(index, len(self.chunks) - 1))

    def go_to(self, chunk: int) -> None:
        """Put the cursor on a chunk."""
        self.goto(chunk >> self.scale)

    def scale_to(self, scale: int) -> None:
        """Show 2^`scale` chunks a line; the cursor stays on its chunk."""
        most = max(len(self.chunks).bit_length() - 1, 0) if self.chunks else 0
        at, self.scale = self.at, min(max(scale, 0), most)
        self.lines_changed()
        self.go_to(at)

    # Drawing

    def draw_header(self, width: int, base: Style) -> Strip:
        lanes = "".join(f"{csid:<{LANE}}" for csid in self._lanes)
        more = "+ " if self.chunks and len(self.chunks.lanes) > MAX_LANES else ""
        what = "chunk" if not self.scale else f"{1 << self.scale} chunks a line"
        offset = f"{'offset':>12}  " if width >= WIDE else ""
        return strip([(f"{'time':>11} {offset}{lanes}{more}{what}", None)], width, base)

    def draw(self, index: int, width: int, base: Style, selected: bool) -> Strip:
        low = index << self.scale
        first = self.chunk_at(low)
        parts: list[Part] = [(f"{self._time(first):>11} ", None)]
        if width >= WIDE:
            parts.append((f"{first.offset:>12,}  ", self.part("dim", selected)))
        if not self.scale:
            parts += self._one(first, selected)
        else:
            parts += self._many(low, selected)
        return strip(parts, width, base)

    def _one(self, chunk: ChunkLine, selected: bool) -> list[Part]:
        fmt = self.session.value(chunk.row, "fmt") if chunk.first else 3
        mark = f"{fmt}██ " if chunk.first else "·░░ "
        cells = "".join(mark if csid == chunk.csid else "│   " for csid in self._lanes)
        if chunk.csid not in self._lanes:
            cells += f"{chunk.csid} "
        length = f"{chunk.length:,} B  "
        if chunk.first:
            text = f"{self.session.type_name(chunk.row)}  {info_of(self.session, chunk.row)}"
            return [(cells, self.part("c2s", selected)), (length, None), (text, None)]
        text = f"goes on ({self.session.message_id(chunk.row)})"
        return [(cells, self.part("dim", selected)), (length, None), (text, None)]

    def _many(self, low: int, selected: bool) -> list[Part]:
        assert self.chunks is not None
        high = min(low + (1 << self.scale), len(self.chunks))
        shares = self.chunks.shares(low, high)
        total = max(sum(shares.values()), 1)
        cells = ""
        for csid in self._lanes:
            share = shares.get(csid, 0)
            level = int(np.ceil(share / total * (len(FILL) - 1)))
            cells += FILL[level] * (LANE - 1) + " " if share else "│".ljust(LANE)
        ranked = sorted(shares.items(), key=lambda item: -item[1])[:4]
        text = ", ".join(f"csid {csid} {share / total:.0%}" for csid, share in ranked)
        return [
            (cells, self.part("c2s", selected)),
            (f"{volume(sum(shares.values())):>9}  ", None),
            (fit(f"{count(high - low, 'chunk')}: {text}", 200), None),
        ]

    def _time(self, chunk: ChunkLine) -> str:
        """When the chunk's first payload byte was captured."""
        connection = self.session.connections[self.session.value(chunk.row, "connection")]
        side = connection.sides[self.session.value(chunk.row, "direction")]
        stream = connection.tcp_connection.directions[side]
        starts = np.array([chunk.offset - 1]), np.array([chunk.offset + max(chunk.length, 1)])
        frame, _, time, _ = stream.frames(*starts)
        if int(frame[0]) < 0:
            return "-"
        return seconds(int(time[0]) - self.session.capture_start_ns)
