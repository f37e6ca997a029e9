"""TCP segment lines: the frames whose payload the streams are made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np

from analyzer.tui.cells import ARROWS, seconds
from analyzer.tui.listings.base import NONE, Cell, Column, Listing, Rows, digits, steps
from analyzer.tui.listings.messages import KINDS, SIDES

if TYPE_CHECKING:
    from analyzer.model import Connection
    from analyzer.session import Session

MAX_EVENTS: Final = 100_000
"""Retransmissions and the like listed per direction."""
COLUMNS: Final[Mapping[str, Column]] = {
    column.name: column
    for column in (
        Column("no", "no", "number in this list", 3),
        Column("time", "time", "seconds since the capture began", 5),
        Column("delta", "Δ", "seconds since the line above", 8),
        Column("frame", "frame", "capture frame", 5),
        Column("conn", "conn", "connection", 4, right=False),
        Column("dir", "dir", "→ client to server, ← server to client", 3, right=False),
        Column("offset", "offset", "stream offset of the first byte", 8),
        Column("length", "length", "payload bytes", 6),
        Column("messages", "begins", "messages that begin in it", 6),
        Column("event", "event", "what TCP noticed: retransmission, duplicate …", 14, right=False),
    )
}


class SegmentListing(Listing):
    """Segments and noteworthy frames by time; with `messages`, only those that carry one."""

    UNIT = "segment"
    COLUMNS = COLUMNS
    SHOWN: ClassVar[tuple[str, ...]] = (
        "no", "time", "delta", "frame", "conn", "dir", "offset", "length", "messages", "event",
    )  # fmt: skip
    SPARE: ClassVar[tuple[str, ...]] = ("no", "offset", "delta")

    def __init__(
        self, session: Session, messages: Rows, connection: int | None, everything: bool
    ) -> None:
        """`everything`: segments that carry none of `messages` are shown, too. For a worker."""
        super().__init__(session)
        messages = messages[messages >= 0]
        owners = session.messages.column("connection")[messages]
        sides = session.messages.column("direction")[messages]
        parts: list[tuple[Rows, ...]] = []
        self._events: dict[tuple[int, int, int], str] = {}
        for view in session.connections:
            if connection not in (None, view.index):
                continue
            for direction in (0, 1):
                own = messages[(owners == view.index) & (sides == direction)]
                parts.append(self._direction(view, direction, own, everything))
        columns = [np.concatenate(column) for column in zip(*parts, strict=True)] if parts else []
        if not columns:
            columns = [np.empty(0, np.int64)] * 8
        order = np.lexsort((columns[0], columns[1]))
        (self._frame, self._time, self._connection, self._direction_of, self._offset, self._length,
         self._row, self._begins) = (column[order] for column in columns)  # fmt: skip

    def _direction(
        self, view: Connection, direction: int, messages: Rows, everything: bool
    ) -> tuple[Rows, ...]:
        """Return the columns of one direction's segments and events."""
        stream = view.tcp_connection.directions[view.sides[direction]]
        segments, epoch = stream.segments, self.session.capture_start_ns
        offset = segments.stream_offset.astype(np.int64)
        length = segments.length[: len(offset)].astype(np.int64)
        frame = segments.frame[: len(offset)].astype(np.int64)
        time = segments.time_ns[: len(offset)] - epoch
        row, begins = self._carried(messages, offset, length)
        if not everything:
            keep = row >= 0
            offset, length, frame, time = offset[keep], length[keep], frame[keep], time[keep]
            row, begins = row[keep], begins[keep]
        if everything:
            events = [stream.events[n] for n in range(min(len(stream.events), MAX_EVENTS))]
            for event in events:
                self._events[view.index, direction, event.frame] = event.kind
            known = np.isin([event.frame for event in events], frame)
            alone = [event for event, seen in zip(events, known, strict=True) if not seen]
            frame = np.concatenate((frame, [event.frame for event in alone])).astype(np.int64)
            time = np.concatenate((time, [event.time_ns - epoch for event in alone]))
            time = time.astype(np.int64)
            length = np.concatenate((length, [event.length for event in alone])).astype(np.int64)
            more = len(alone)
            offset = np.concatenate((offset, np.full(more, -1, np.int64)))
            row = np.concatenate((row, np.full(more, NONE, np.int64)))
            begins = np.concatenate((begins, np.zeros(more, np.int64)))
        count = len(frame)
        where = np.full(count, view.index, np.int64), np.full(count, direction, np.int64)
        return frame, time, *where, offset, length, row, begins

    def _carried(self, messages: Rows, offset: Rows, length: Rows) -> tuple[Rows, Rows]:
        """Return the first message that each segment carries bytes of, and how many begin."""
        table = self.session.messages
        messages = messages[np.argsort(table.column("stream_offset")[messages], kind="stable")]
        row = np.full(len(offset), NONE, np.int64)
        if not len(messages):
            return row, np.zeros(len(offset), np.int64)
        starts = table.column("stream_offset")[messages]
        ends = table.column("end_offset")[messages]
        first = np.searchsorted(starts, offset)
        after = np.searchsorted(starts, offset + length)
        inside = np.maximum(first - 1, 0)
        running = (first > 0) & (ends[inside] > offset)
        row[running] = messages[inside[running]]
        begun = ~running & (after > first)
        row[begun] = messages[first[begun]]
        return row, after - first

    def __len__(self) -> int:
        return len(self._frame)

    def rows(self, low: int, high: int) -> Rows:
        return self._row[low:high]

    def kind(self, line: int) -> str:
        row = self.row(line)
        return KINDS.get(self.session.value(row, "type_id"), "control") if row >= 0 else "dim"

    def span(self, line: int) -> tuple[int, int] | None:
        offset = int(self._offset[line])
        return (offset, int(self._length[line])) if offset >= 0 else None

    def cell(self, name: str, line: int) -> Cell:
        direction = int(self._direction_of[line])
        if name == "no":
            return str(line + 1), "dim"
        if name == "time":
            return seconds(int(self._time[line]), self.decimals), ""
        if name == "delta":
            text = seconds(int(self._time[line] - self._time[line - 1]), self.decimals)
            return text if line else "", "dim"
        if name == "conn":
            return f"c{self._connection[line]}", ""
        if name == "dir":
            return f" {ARROWS[direction]}", SIDES[direction]
        if name == "event":
            key = int(self._connection[line]), direction, int(self._frame[line])
            return self._events.get(key, "").replace("_", " "), "warning"
        columns = {"frame": self._frame, "length": self._length, "messages": self._begins}
        value = int(columns.get(name, self._offset)[line])
        return str(value) if value >= 0 else "", "dim" if name == "frame" else ""

    def info(self, line: int) -> str:
        """Name the message it carries bytes of, and how many more begin in it."""
        row = self.row(line)
        if row < 0:
            return self._without_message(line)
        text = f"{self.session.message_id(row)} {self.session.info(row)}"
        start = self.session.value(row, "stream_offset")
        more = int(self._begins[line]) - (start >= int(self._offset[line]))
        return f"{text} (+{more})" if more else text

    def _without_message(self, line: int) -> str:
        """Say what a segment without a message carries."""
        offset = int(self._offset[line])
        view = self.session.connections[int(self._connection[line])]
        half = view.rtmp.halves[view.sides[int(self._direction_of[line])]]
        if 0 <= offset < half.skip + len(half.first):
            return "handshake"
        return "no message" if offset >= 0 else ""

    def width(self, name: str, wide: bool) -> int:
        column = self.COLUMNS[name]
        if name == "no":
            return max(len(str(len(self))), column.width)
        if name == "time":
            return max(len(seconds(int(self._time.max(initial=0)), self.decimals)), 5)
        if name == "delta":
            return max(len(seconds(value, self.decimals)) for value in steps(self._time))
        source = {"frame": self._frame, "offset": self._offset}.get(name)
        return max(digits(source), column.width) if source is not None else column.width
