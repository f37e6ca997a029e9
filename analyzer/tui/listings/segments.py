"""TCP segment lines: the frames whose payload the streams are made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

import numpy as np

from analyzer.index import BLOCK
from analyzer.tui.cells import ARROWS, seconds
from analyzer.tui.listings.base import NONE, Cell, Column, Listing, Rows, narrow
from analyzer.tui.listings.messages import KINDS, SIDES

if TYPE_CHECKING:
    from analyzer.model import Connection
    from analyzer.session import Session
    from analyzer.tcp.segments import Event

NOBODY: Final = -(1 << 31)
"""In place of a row, in a column of 32 bits."""
MAX_EVENTS: Final = 100_000
"""Retransmissions and the like listed per direction."""
OFF_STREAM: Final = frozenset(
    {"zero_window", "window_open", "implausible", "after_close", "reset_text", "bad_checksum",
     "false_close"}
)  # fmt: skip
"""Events whose frames have no bytes that belong in the stream."""
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


class Segment(NamedTuple):
    """One line: a segment of the stream, or a frame that added nothing to it."""

    connection: int
    direction: int
    frame: int
    time_ns: int
    """Nanoseconds since the epoch."""
    offset: int | None
    """In the stream; None where it has no place there."""
    length: int
    event: str
    file_offset: int | None
    """Of its payload; None where the frame added nothing, and has to be looked for."""
    near: tuple[int, ...] = ()
    """File offsets of segments captured just before and after it."""


class SegmentListing(Listing):
    """Segments and noteworthy frames by time; with `messages`, only those that carry one."""

    UNIT = "segment"
    COLUMNS = COLUMNS
    SHOWN: ClassVar[tuple[str, ...]] = (
        "no", "time", "delta", "frame", "conn", "dir", "offset", "length", "messages", "event",
    )  # fmt: skip
    SPARE: ClassVar[tuple[str, ...]] = ("no", "offset", "delta")
    LAST: ClassVar[tuple[str, ...]] = ("messages", "conn")

    def __init__(
        self, session: Session, messages: Rows, connection: int | None, everything: bool
    ) -> None:
        """`everything`: segments that carry none of `messages` are shown, too. For a worker."""
        super().__init__(session)
        messages = messages[messages >= 0]
        self._sides = [
            _Side(view, direction)
            for view in session.connections
            if connection in (None, view.index)
            for direction in (0, 1)
        ]
        parts = [self._part(number, messages, everything) for number in range(len(self._sides))]
        at, row, begins, time = (
            np.concatenate([part[n] for part in parts]) if parts else np.empty(0, np.int64)
            for n in range(4)
        )
        side = np.repeat(np.arange(len(parts), dtype=np.int32), [len(part[0]) for part in parts])
        del parts
        order = np.lexsort((self._frames(side, at), time))
        self._side, self._at, self._begins = (
            narrow(column[order]) for column in (side, at, begins)
        )
        self._row = row[order]

    def _part(self, number: int, messages: Rows, everything: bool) -> tuple[Rows, ...]:
        """Return of one direction's segments, and events that are none: place, message row,
        how many messages begin there, time."""
        side, table = self._sides[number], self.session.messages
        mine = table.column("connection")[messages] == side.view.index
        own = messages[mine & (table.column("direction")[messages] == side.direction)]
        row, begins = self._carried(own, side)
        time = side.times[: side.count] - self.session.capture_start_ns
        if not everything:
            at = np.flatnonzero(row >= 0)
            return at, row[at], begins[at], time[at]
        alone = side.add_events()
        late = np.array([event.time_ns for event in alone], np.int64)
        return (
            np.arange(side.count + len(alone)),
            np.concatenate((row, np.full(len(alone), NOBODY, np.int32))),
            np.concatenate((begins, np.zeros(len(alone), begins.dtype))),
            np.concatenate((time, late - self.session.capture_start_ns)),
        )

    def _frames(self, side: Rows, at: Rows) -> Rows:
        out = np.empty(len(at), np.int64)
        for number, item in enumerate(self._sides):
            mine = np.flatnonzero(side == number)
            out[mine] = item.frames()[at[mine]]
        return out

    def _carried(self, messages: Rows, side: _Side) -> tuple[Rows, Rows]:
        """Return the first message that each segment carries bytes of, and how many begin."""
        table = self.session.messages
        starts = table.column("stream_offset")[messages]
        order = np.argsort(starts, kind="stable")
        messages, starts = messages[order], starts[order]
        ends = table.column("end_offset")[messages]
        row = np.full(side.count, NOBODY, np.int32)
        begins = np.zeros(side.count, np.int32)
        for low in range(0, side.count if len(messages) else 0, BLOCK):
            block = slice(low, min(low + BLOCK, side.count))
            offset = side.offset[block].astype(np.int64)
            length = side.lengths[block].astype(np.int64)
            first = np.searchsorted(starts, offset)
            after = np.searchsorted(starts, offset + length)
            inside = np.maximum(first - 1, 0)
            running = (first > 0) & (ends[inside] > offset)
            begun = ~running & (after > first)
            found = row[block]
            found[running] = messages[inside[running]]
            found[begun] = messages[first[begun]]
            begins[block] = after - first
        return row, begins

    def __len__(self) -> int:
        return len(self._row)

    def rows(self, low: int, high: int) -> Rows:
        found = self._row[low:high].astype(np.int64)
        found[found == NOBODY] = NONE
        return found

    def place(self, row: int, guess: int = 0) -> int | None:
        """Return the first line of a message: where none is its own, the segment it begins in."""
        found = super().place(row, guess)
        if found is not None or row < 0:
            return found
        own = [self.session.value(row, name) for name in ("connection", "direction")]
        start = self.session.value(row, "stream_offset")
        for number, side in enumerate(self._sides):
            if [side.view.index, side.direction] == own:
                offsets = side.offset[: side.count]
                lines = np.flatnonzero(self._side == number)
                at = self._at[lines]
                lines, at = lines[at < side.count], at[at < side.count]
                ends = offsets[at] + side.lengths[: side.count][at].astype(np.int64)
                hits = lines[(offsets[at] <= start) & (ends > start)]
                return int(hits[0]) if len(hits) else None
        return None

    def _place(self, line: int) -> tuple[_Side, int]:
        return self._sides[int(self._side[line])], int(self._at[line])

    def _time(self, line: int) -> int:
        side, at = self._place(line)
        return side.time_ns(at) - self.session.capture_start_ns

    def _offset(self, line: int) -> int:
        """Return the stream offset; -1 where it has none."""
        side, at = self._place(line)
        offset = side.segment(at).offset
        return -1 if offset is None else offset

    def segment(self, line: int) -> Segment:
        """Return what is known of a line."""
        side, at = self._place(line)
        found = side.segment(at)
        return found._replace(near=side.near(found.frame)) if found.file_offset is None else found

    def text(self, line: int) -> str:
        side, at = self._place(line)
        return f"{side.event(at)} {self.info(line)}"

    def kind(self, line: int) -> str:
        row = self.row(line)
        return KINDS.get(self.session.value(row, "type_id"), "control") if row >= 0 else "dim"

    def span(self, line: int) -> tuple[int, int] | None:
        side, at = self._place(line)
        return (self._offset(line), side.length(at)) if at < side.count else None

    def cell(self, name: str, line: int) -> Cell:
        side, at = self._place(line)
        if name == "no":
            return str(line + 1), "dim"
        if name == "time":
            return seconds(self._time(line), self.decimals), ""
        if name == "delta":
            text = seconds(self._time(line) - self._time(line - 1), self.decimals) if line else ""
            return text, "dim"
        if name == "frame":
            return str(side.frame(at)), "dim"
        if name == "conn":
            return f"c{side.view.index}", ""
        if name == "dir":
            return f" {ARROWS[side.direction]}", SIDES[side.direction]
        if name == "event":
            return side.event(at), "warning"
        if name == "length":
            return str(side.length(at)), ""
        if name == "messages":
            return str(self._begins[line]), ""
        offset = self._offset(line)
        return str(offset) if offset >= 0 else "", ""

    def info(self, line: int) -> str:
        """Name the message it carries bytes of, and how many more begin in it."""
        row = self.row(line)
        if row < 0:
            return self._without_message(line)
        text = f"{self.session.message_id(row)} {self.session.info(row)}"
        start = self.session.value(row, "stream_offset")
        more = int(self._begins[line]) - (start >= self._offset(line))
        return f"{text} (+{more})" if more else text

    def _without_message(self, line: int) -> str:
        """Say what a segment without a message carries."""
        (side, at), offset = self._place(line), self._offset(line)
        half = side.view.rtmp.halves[side.view.sides[side.direction]]
        if 0 <= offset < half.skip + len(half.first):
            return "handshake"
        return "no message" if at < side.count else ""

    def width(self, name: str, wide: bool) -> int:
        column = self.COLUMNS[name]
        if name == "no":
            return max(len(str(len(self))), column.width)
        if name in ("frame", "offset"):
            most = [side.last(name) for side in self._sides]
            return max(len(str(max(most, default=0))), column.width)
        if name in ("time", "delta"):  # no difference is greater than the whole
            last = len(self) - 1
            return max(len(seconds(self._time(last), self.decimals)) if last >= 0 else 0, 5)
        return column.width


class _Side:
    """The segments of one direction, and behind them the noteworthy frames that are none."""

    def __init__(self, view: Connection, direction: int) -> None:
        self.view = view
        self.direction = direction
        self._stream = view.tcp_connection.directions[view.sides[direction]]
        segments = self._stream.segments
        # As they are now: of a capture that goes on, the first ones are forgotten some day.
        self.offset, self.lengths = segments.stream_offset, segments.length
        self.numbers, self.times = segments.frame, segments.time_ns
        self._file_offset = segments.file_offset
        columns = (self.offset, self.lengths, self.numbers, self.times, self._file_offset)
        self.count = min(len(column) for column in columns)
        self.kinds: dict[int, str] = {}
        """What was noteworthy, by frame."""
        self._alone: list[Event] = []

    def add_events(self) -> list[Event]:
        """Take in what is noteworthy; return what no segment stands for."""
        events = self._stream.events
        first = [events[n] for n in range(min(len(events), MAX_EVENTS))]
        self.kinds = {event.frame: event.kind for event in first}
        known = np.isin([event.frame for event in first], self.numbers[: self.count])
        self._alone = [event for event, seen in zip(first, known, strict=True) if not seen]
        return self._alone

    def frames(self) -> Rows:
        """Return the frames of all places."""
        alone = np.array([event.frame for event in self._alone], np.int64)
        return np.concatenate((self.numbers[: self.count].astype(np.int64), alone))

    def frame(self, at: int) -> int:
        if at < self.count:
            return int(self.numbers[at])
        return self._alone[at - self.count].frame

    def time_ns(self, at: int) -> int:
        """Return nanoseconds since the epoch."""
        if at < self.count:
            return int(self.times[at])
        return self._alone[at - self.count].time_ns

    def length(self, at: int) -> int:
        if at < self.count:
            return int(self.lengths[at])
        event = self._alone[at - self.count]
        return 0 if event.kind == "window_open" else event.length

    def event(self, at: int) -> str:
        """Return what was noteworthy; empty where nothing was."""
        if at < self.count:
            return self.kinds.get(self.frame(at), "").replace("_", " ")
        return self._alone[at - self.count].kind.replace("_", " ")

    def segment(self, at: int) -> Segment:
        """Return what is known of one."""
        found = Segment(
            self.view.index,
            self.direction,
            self.frame(at),
            self.time_ns(at),
            None,
            self.length(at),
            self.event(at),
            None,
        )
        if at < self.count:
            return found._replace(
                offset=int(self.offset[at]), file_offset=int(self._file_offset[at])
            )
        event = self._alone[at - self.count]
        offset = None if event.kind in OFF_STREAM else max(event.offset, 0)
        return found._replace(offset=offset)

    def near(self, frame: int) -> tuple[int, ...]:
        """Return where the payloads of the segments before and after a frame stand in the file."""
        out = []
        for stream in self.view.tcp_connection.directions:
            frames = stream.segments.frame.astype(np.int64)
            places = stream.segments.file_offset[: len(frames)]
            for hits in (np.flatnonzero(frames < frame), np.flatnonzero(frames > frame)):
                if len(hits):
                    out.append(int(places[hits[np.argmin(np.abs(frames[hits] - frame))]]))
        return tuple(out)

    def last(self, name: str) -> int:
        """Return the greatest frame or stream offset."""
        column = self.numbers if name == "frame" else self.offset
        return int(column[: self.count].max(initial=0))
