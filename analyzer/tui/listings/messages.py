"""Message lines: one per RTMP message, handshake or gap."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from analyzer.tui.cells import ARROWS, seconds
from analyzer.tui.listings.base import Cell, Column, Listing, Rows, steps
from analyzer.tui.listings.extras import Extras
from analyzer.tui.listings.order import Pile
from analyzer.tui.listings.times import composition
from dissectors import spec

if TYPE_CHECKING:
    from analyzer.session import Session

NAMES: Final = (
    "connection", "direction", "csid", "msid", "type_id", "timestamp", "length", "time_ns",
    "last_frame", "first_frame", "flags", "stream_offset", "chunks", "fmt", "head",
)  # fmt: skip
KINDS: Final = {
    spec.AUDIO: "audio",
    spec.VIDEO: "video",
    spec.AGGREGATE: "video",
    spec.DATA_AMF0: "data",
    spec.DATA_AMF3: "data",
    spec.SHARED_OBJECT_AMF0: "data",
    spec.SHARED_OBJECT_AMF3: "data",
    spec.COMMAND_AMF0: "command",
    spec.COMMAND_AMF3: "command",
}
MEDIA: Final = (spec.AUDIO, spec.VIDEO)
COMPLETE: Final = 1
SIDES: Final = ("c2s", "s2c")

COLUMNS: Final[Mapping[str, Column]] = {
    column.name: column
    for column in (
        Column("no", "no", "number in this list", 3),
        Column("time", "time", "seconds since the capture began, at the last byte", 5),
        Column("delta", "Δ", "seconds since the line above", 8),
        Column("frame", "frame", "capture frame of the last byte", 5),
        Column("conn", "conn", "connection", 4, right=False),
        Column("dir", "dir", "→ client to server, ← server to client", 3, right=False),
        Column("csid", "csid", "chunk stream id", 4),
        Column("msid", "msid", "message stream id", 4),
        Column("type", "type", "message type", 12, right=False),
        Column("timestamp", "timestamp", "RTMP timestamp in ms, resolved", 9),
        Column("dts", "dts", "decoding time of audio and video, ms", 9),
        Column("pts", "pts", "presentation time of audio and video, ms", 9),
        Column("length", "length", "body bytes", 6),
        Column("chunks", "chunks", "chunks the message came in", 6),
        Column("fmt", "fmt", "format of the first chunk header", 3),
        Column("offset", "offset", "stream offset of the first chunk header", 8),
    )
}
SOURCES: Final = {
    "time": "time_ns", "frame": "last_frame", "conn": "connection", "dir": "direction",
    "type": "type_id", "offset": "stream_offset", "dts": "timestamp",
}  # fmt: skip
"""Column → table column, where the names differ."""


class MessageListing(Listing):
    """`numbers` are row numbers; negative ones are extras."""

    UNIT = "message"
    COLUMNS = COLUMNS
    SORTS = True
    TELLS_MESSAGE = True
    SHOWN: ClassVar[tuple[str, ...]] = (
        "no", "time", "delta", "frame", "conn", "dir", "csid", "msid", "type", "timestamp", "pts",
        "length",
    )  # fmt: skip
    SPARE: ClassVar[tuple[str, ...]] = ("pts", "no", "delta", "frame")
    LAST: ClassVar[tuple[str, ...]] = ("msid", "csid", "timestamp", "conn", "length")

    def __init__(
        self,
        session: Session,
        numbers: Rows,
        extras: Extras | None = None,
        extra_lines: Rows | None = None,
    ) -> None:
        """`extra_lines`: where extras stand, if that is known."""
        super().__init__(session)
        self.numbers = numbers
        self._longest: tuple[int, int] | None = None
        self._most: dict[str, tuple[int, int]] = {}
        """Column → rows looked at and the largest value among them."""
        self._pile: Pile | None = None
        """Where `numbers` are kept, if another listing may go on there."""
        self._extra_lines: Rows = (
            np.flatnonzero(numbers < 0) if extra_lines is None else extra_lines
        )
        self.extras = extras or Extras([])
        table = session.messages
        self.data: dict[str, NDArray[np.generic]] = {name: table.column(name) for name in NAMES}

    def longer(self, more: Rows) -> MessageListing:
        """Return the listing that goes on with messages later than all of this one, and knows
        what was worked out for this one.
        """
        pile = self._pile
        if pile is None or len(pile.rows) != len(self.numbers):
            pile = Pile(self.numbers)
        pile = pile.add(more)
        found = MessageListing(self.session, pile.rows, self.extras, self._extra_lines)
        found._pile, found._most = pile, self._most
        if self._longest is not None:
            last = max(len(self.numbers) - 1, 0)
            least, most = steps(found.values("time_ns", found.numbers[last:]))
            found._longest = min(self._longest[0], least), max(self._longest[1], most)
        return found

    def __len__(self) -> int:
        return len(self.numbers)

    def rows(self, low: int, high: int) -> Rows:
        return self.numbers[low:high]

    def row(self, line: int) -> int:
        return int(self.numbers[line])

    @property
    def total(self) -> int:
        """Messages among the lines."""
        return len(self.numbers) - len(self._extra_lines)

    def number(self, line: int) -> int | None:
        """Messages are counted, handshakes and gaps are not."""
        before = int(np.searchsorted(self._extra_lines, line))
        if before < len(self._extra_lines) and self._extra_lines[before] == line:
            return None
        return line + 1 - before

    def numbered(self, number: int) -> int | None:
        if not 1 <= number <= self.total:
            return None
        # Messages before the extra with index k: its line less k.
        before = self._extra_lines - np.arange(len(self._extra_lines))
        return number - 1 + int(np.searchsorted(before, number - 1, side="right"))

    def values(self, name: str, rows: Rows) -> NDArray[Any]:
        """Return a column of the table at `rows`, extras included."""
        return self.extras.take(name, self.data[name], rows)

    def value(self, name: str, row: int) -> int:
        if row < 0:
            return int(self.values(name, np.array([row]))[0])
        return int(self.data[name].item(row))

    def kind(self, line: int) -> str:
        row = self.row(line)
        if row < 0:
            return "error" if self.extras[row].kind == "gap" else "control"
        return KINDS.get(self.value("type_id", row), "control")

    def cell(self, name: str, line: int) -> Cell:
        row = self.row(line)
        if name == "no":
            number = self.number(line)
            return "" if number is None else str(number), "dim"
        if name == "delta":
            before = self.value("time_ns", self.row(line - 1)) if line else None
            now = self.value("time_ns", row)
            text = seconds(now - before, self.decimals) if before is not None else ""
            return text, "dim"
        if name == "conn":
            return f"c{self.value('connection', row)}", ""
        if name == "dir":
            direction = self.value("direction", row)
            return f" {ARROWS[direction]}", SIDES[direction]
        if name == "type":
            return self._type(row), self.kind(line)
        if name == "time":
            return seconds(self.value("time_ns", row), self.decimals), ""
        if row < 0 and name not in ("frame", "length", "offset"):
            return "", ""
        if name in ("dts", "pts"):
            return self._media_time(name, row), ""
        return str(self.value(SOURCES.get(name, name), row)), "dim" if name == "frame" else ""

    def _type(self, row: int) -> str:
        if row < 0:
            return self.extras[row].kind.capitalize()
        return self.session.type_name(row)

    def _media_time(self, name: str, row: int) -> str:
        if self.value("type_id", row) not in MEDIA:
            return ""
        time = self.value("timestamp", row)
        if name == "pts":
            if not self.value("flags", row) & COMPLETE:  # the head may be missing
                found = self.session.summary(row)
                pts = found[1].get("pts", time) if found else None
                return "" if pts is None else str(pts)
            time = (time + int(self._shift(np.array([row]))[0])) & 0xFFFFFFFF
        return str(time)

    def _shift(self, rows: Rows) -> NDArray[np.int64]:
        return composition(self.data["type_id"][rows], self.data["head"][rows])

    def info(self, line: int) -> str:
        row = self.row(line)
        if row < 0:
            return self._extra_info(row)
        text = self.session.info(row)
        return text if self.value("flags", row) & COMPLETE else f"[cut] {text}"

    def _extra_info(self, row: int) -> str:
        item = self.extras[row]
        if item.kind == "gap":
            return item.part
        for tree in self.session.handshake_tree(item.connection):
            if tree.label.endswith(f"Handshake {item.part})"):
                return ", ".join(node.label for node in tree.children if not node.plumbing)
        return item.part

    def keys(self, name: str) -> NDArray[np.generic] | None:
        """Return what the lines are sorted by; None where the column has no order."""
        if name == "info":
            return np.array([self.info(line) for line in range(len(self))], dtype=object)
        if name == "no":
            return None
        if name == "delta":
            times = self.values("time_ns", self.numbers).astype(np.int64)
            return np.diff(times, prepend=times[:1])
        values = self.values(
            SOURCES.get(name, "timestamp" if name == "pts" else name), self.numbers
        )
        if name in ("dts", "pts"):
            values = values.astype(np.int64)
            media = np.isin(self.values("type_id", self.numbers), MEDIA)
            if name == "pts":
                values[media] = values[media] + self._shift(self.numbers[media])
            values[~media] = -1
        return values

    def place(self, row: int, guess: int = 0) -> int | None:
        if 0 <= guess < len(self.numbers) and self.numbers[guess] == row:
            return guess
        hits = np.flatnonzero(self.numbers == row)
        return int(hits[0]) if len(hits) else None

    def prepare(self) -> None:
        if self._longest is None:
            self._longest = steps(self.values("time_ns", self.numbers))

    def _delta_width(self) -> int:
        """Cells of the longest difference: negative where the list is sorted by something else."""
        self.prepare()
        assert self._longest is not None
        return max(len(seconds(value, self.decimals)) for value in self._longest)

    def width(self, name: str, wide: bool) -> int:
        column = self.COLUMNS[name]
        if not len(self.numbers):
            return column.width
        if name == "no":
            return max(len(str(self.total)), column.width)
        if name == "type":
            return 17 if wide else 12
        if name == "time":
            return max(len(seconds(self._largest("time_ns"), self.decimals)), 5)
        if name == "delta":
            return self._delta_width()
        source = SOURCES.get(name, {"pts": "timestamp"}.get(name, name))
        return max(len(str(self._largest(source))) + (name == "conn"), column.width)

    def _largest(self, name: str) -> int:
        """Return the largest value of a column, 0 at least; of rows seen before, as known."""
        column = self.data[name]
        seen, most = self._most.get(name, (0, 0))
        if seen < len(column):
            most = int(column[seen:].max(initial=most))
            self._most[name] = len(column), most
        return most
