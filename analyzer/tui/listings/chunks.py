"""Chunk lines in wire order: runs of equal chunks are counted, not listed, until looked at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from analyzer.index import BLOCK
from analyzer.tui.cells import ARROWS, seconds
from analyzer.tui.listings.base import Cell, Column, Listing, Rows, digits, narrow
from analyzer.tui.listings.messages import KINDS, SIDES
from dissectors.chunk_state import Flag

if TYPE_CHECKING:
    from analyzer.session import Session

COLUMNS: Final[Mapping[str, Column]] = {
    column.name: column
    for column in (
        Column("no", "no", "number in this list", 3),
        Column("time", "time", "seconds since the capture began, at the run's first byte", 5),
        Column("conn", "conn", "connection", 4, right=False),
        Column("dir", "dir", "→ client to server, ← server to client", 3, right=False),
        Column("csid", "csid", "chunk stream id", 4),
        Column("fmt", "fmt", "format of the chunk header", 3),
        Column("offset", "offset", "stream offset of the chunk header", 8),
        Column("header", "header", "bytes of the chunk header", 6),
        Column("payload", "payload", "message bytes in this chunk", 7),
        Column("part", "chunk", "number among the chunks of its message", 9),
        Column("message", "message", "the message's id", 10, right=False),
        Column("type", "type", "message type", 12, right=False),
    )
}


class ChunkListing(Listing):
    """The chunks of some messages, by (time, connection, direction, stream offset)."""

    UNIT = "chunk"
    COLUMNS = COLUMNS
    TELLS_MESSAGE = True
    SHOWN: ClassVar[tuple[str, ...]] = (
        "no", "time", "conn", "dir", "csid", "fmt", "offset", "header", "payload", "part",
        "message", "type",
    )  # fmt: skip
    SPARE: ClassVar[tuple[str, ...]] = ("message", "no", "offset")
    LAST: ClassVar[tuple[str, ...]] = ("header", "fmt", "conn")

    def __init__(self, session: Session, messages: Rows) -> None:
        """Work out where every run of chunks stands. Takes time: call it in a worker."""
        super().__init__(session)
        messages = messages[messages >= 0]
        table = session.messages
        owner = np.repeat(messages, table.column("runs")[messages])
        index = _run_numbers(session, messages, len(owner))
        order = _wire_order(session, owner, index)
        self._owner = owner[order]
        self._index = narrow(index[order])
        del owner, index, order
        self._ends = run_ends(session, self._index)

    def __len__(self) -> int:
        return int(self._ends[-1]) if len(self._ends) else 0

    def _run(self, line: int) -> tuple[int, int]:
        """Return (place of the run, number of the chunk in it)."""
        # Of the same type: of another one, the whole column would be converted.
        run = int(np.searchsorted(self._ends, self._ends.dtype.type(line), side="right"))
        return run, line - self._begin(run)

    def _begin(self, run: int) -> int:
        """Return the first line of a run."""
        return int(self._ends[run - 1]) if run else 0

    def _before(self, place: int) -> int:
        """Return how many chunks the runs before this one hold of its message."""
        row, index = int(self._owner[place]), int(self._index[place])
        first = self.session.value(row, "first_run")
        earlier = np.arange(first, index)
        return int(_chunks(self.session, earlier).sum()) if index > first else 0

    def _time(self, place: int) -> int:
        """Return the capture time of the run's first byte; its message's where it is missing."""
        row = int(self._owner[place])
        if self.session.value(row, "runs") > 1:
            at = self.session.runs_table.column("stream_offset")[[int(self._index[place])]]
            found = _first_times(self.session, np.array([row]), at)
            return int(found[0])
        return self.session.value(row, "first_time_ns")

    def rows(self, low: int, high: int) -> Rows:
        lines = np.arange(low, min(high, len(self)), dtype=self._ends.dtype)
        found: Rows = self._owner[np.searchsorted(self._ends, lines, side="right")]
        return found

    def row(self, line: int) -> int:
        return int(self._owner[self._run(line)[0]])

    def place(self, row: int, guess: int = 0) -> int | None:
        if 0 <= guess < len(self) and self.row(guess) == row:
            return guess
        hits = np.flatnonzero(self._owner == row)
        return self._begin(int(hits[0])) if len(hits) else None

    def kind(self, line: int) -> str:
        return KINDS.get(self.session.value(self.row(line), "type_id"), "control")

    def chunk(self, line: int) -> tuple[int, int, int]:
        """Return (stream offset of the header, header length, payload length)."""
        place, number = self._run(line)
        row, index = int(self._owner[place]), int(self._index[place])
        start, payload, header, length = (
            int(self.session.runs_table.column(name)[index])
            for name in ("stream_offset", "chunk_payload", "header_length", "length")
        )
        at = start + number * (payload + header)
        if number:
            own = header
        elif not self._before(place):
            own = start - self.session.value(row, "stream_offset")
        else:
            own = header or self._later(row)
        return at - own, own, max(min(payload, length - number * payload), 0)

    def _later(self, row: int) -> int:
        """Return the length of a fmt 3 header of this message (RTMP 1.0 §5.3.1)."""
        csid, flags = self.session.value(row, "csid"), self.session.value(row, "flags")
        extended = flags & Flag.EXTENDED and not flags & Flag.EXTENDED_OMITTED
        return (1 if csid < 64 else 2 if csid < 320 else 3) + (4 if extended else 0)

    def span(self, line: int) -> tuple[int, int]:
        start, header, payload = self.chunk(line)
        return start, header + payload

    def cell(self, name: str, line: int) -> Cell:
        place, number = self._run(line)
        row = int(self._owner[place])
        if name == "no":
            return str(line + 1), "dim"
        if name == "time":
            return seconds(self._time(place), self.decimals), ""
        if name == "conn":
            return f"c{self.session.value(row, 'connection')}", ""
        if name == "dir":
            direction = self.session.value(row, "direction")
            return f" {ARROWS[direction]}", SIDES[direction]
        if name == "type":
            return self.session.type_name(row), self.kind(line)
        if name == "message":
            return self.session.message_id(row), ""
        part = self._before(place) + number
        if name == "part":
            return f"{part + 1}/{self.session.value(row, 'chunks')}", ""
        if name == "fmt":
            return str(self.session.value(row, "fmt") if not part else 3), ""
        if name == "csid":
            return str(self.session.value(row, "csid")), ""
        return str(self.chunk(line)[("offset", "header", "payload").index(name)]), ""

    def info(self, line: int) -> str:
        return self.session.info(self.row(line))

    def width(self, name: str, wide: bool) -> int:
        column = self.COLUMNS[name]
        if name == "no":
            return max(len(str(len(self))), column.width)
        if name == "type":
            return 17 if wide else 12
        if name == "time":
            latest = int(self.session.messages.column("time_ns").max(initial=0))
            return max(len(seconds(latest, self.decimals)), 5)
        if name == "message":
            return max(len(self.session.message_id(int(self._owner[-1]))), 10) if len(self) else 10
        if name == "offset":
            return max(digits(self.session.messages.column("end_offset")), column.width)
        return column.width


def _run_numbers(session: Session, messages: Rows, count: int) -> Rows:
    """Return the rows of the messages' runs, `count` altogether."""
    table = session.messages
    first = table.column("first_run")[messages].astype(np.int64)
    if count == len(messages):
        return first
    runs = table.column("runs")[messages]
    before = np.cumsum(runs, dtype=np.int64) - runs
    first -= before
    return np.repeat(first, runs) + np.arange(count)


def _wire_order(session: Session, owner: Rows, index: Rows) -> Rows:
    """Return the places of runs by time, connection, direction and stream offset."""
    table = session.messages
    offset = session.runs_table.column("stream_offset")[index]
    time = _first_times(session, owner, offset)
    keys = offset, table.column("direction")[owner], table.column("connection")[owner], time
    return np.lexsort(keys)


def _chunks(session: Session, index: NDArray[Any]) -> NDArray[np.int64]:
    """Return how many chunks runs hold."""
    runs = session.runs_table
    length = runs.column("length")[index].astype(np.int64)
    payload = np.maximum(runs.column("chunk_payload")[index].astype(np.int64), 1)
    found: NDArray[np.int64] = np.maximum(-(-length // payload), 1)
    return found


def run_ends(session: Session, index: NDArray[Any]) -> NDArray[np.unsignedinteger[Any]]:
    """Return the line behind each run's last one."""
    out = np.empty(len(index), np.int64)
    total = 0
    for low in range(0, len(index), BLOCK):
        ends = np.cumsum(_chunks(session, index[low : low + BLOCK])) + total
        out[low : low + BLOCK] = ends
        total = int(ends[-1])
    return narrow(out)


def _first_times(session: Session, owner: Rows, offset: Rows) -> NDArray[np.int64]:
    """Return the capture time of each run's first byte; its message's where it is missing."""
    table = session.messages
    out: NDArray[np.int64] = table.column("first_time_ns")[owner]
    many = np.flatnonzero(table.column("runs")[owner] > 1)
    owner = owner[many]
    group = table.column("connection")[owner].astype(np.int64) * 2
    group += table.column("direction")[owner]
    for key in np.unique(group).tolist():
        chosen = many[group == key]
        view = session.connections[key // 2]
        stream = view.tcp_connection.directions[view.sides[key % 2]]
        starts = offset[chosen]
        frame, _, time_ns, _ = stream.frames(starts, starts + 1)
        seen = frame >= 0
        out[chosen[seen]] = time_ns[seen] - session.capture_start_ns
    return out
