"""Columns of one TCP direction: segments (stream ↔ file), gaps and noteworthy frames."""

from array import array
from bisect import bisect_right
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from analyzer.index import pages

Integers = npt.NDArray[np.int64]

GapReason = Literal["not_captured", "lost", "never_delivered", "snaplen", "unknown"]
"""not_captured: acknowledged without complaint, so the capture missed it. lost: acknowledged after
duplicate ACKs or SACK, repaired outside the capture. never_delivered: no acknowledgement until
reset or end. snaplen: cut by the capture. unknown: acknowledgements were not captured, or the
buffers were full before one came."""
GAP_REASONS: tuple[GapReason, ...] = get_args(GapReason)
EventKind = Literal[
    "retransmission",
    "out_of_order",
    "duplicate",
    "overlap_conflict",
    "keep_alive",
    "zero_window",
    "window_open",
    "implausible",
    "after_close",
    "reset_text",
    "bad_checksum",
    "false_close",
]
EVENT_KINDS: tuple[EventKind, ...] = get_args(EventKind)
_EVENT_CODE = {kind: code for code, kind in enumerate(EVENT_KINDS)}
MANY = 1 << 16
"""Rows from which on columns stand in pages of their own."""
_CONSOLIDATE = 512  # single rows that wait before they move into the columns


class Gap(NamedTuple):
    """`length` stream bytes missing from `offset` on; `first_frame` is where that was noticed."""

    offset: int
    length: int
    reason: GapReason
    first_frame: int


class Event(NamedTuple):
    """A frame that is no plain next segment; `length` is its payload in bytes, `offset` where
    that stands in the stream (of `window_open`: the window, and 0)."""

    frame: int
    time_ns: int
    kind: EventKind
    length: int
    offset: int


class Stall(NamedTuple):
    """A time during which the receive window was 0; `end_ns` None: to the end."""

    frame: int
    start_ns: int
    end_ns: int | None


class Piece(NamedTuple):
    """Stream bytes that stand together in the file, or a hole (file_offset and frame None)."""

    file_offset: int | None
    length: int
    frame: int | None
    stream_offset: int


class GapColumns:
    """The gaps of a direction in stream order, 25 bytes each."""

    __slots__ = ("_code", "_frame", "_length", "_offset")

    def __init__(self) -> None:
        self._offset, self._length, self._frame = array("q"), array("q"), array("q")
        self._code = array("b")

    def append(self, gap: Gap) -> None:
        self._offset.append(gap.offset)
        self._length.append(gap.length)
        self._frame.append(gap.first_frame)
        self._code.append(GAP_REASONS.index(gap.reason))

    def __len__(self) -> int:
        return len(self._offset)

    def __getitem__(self, index: int) -> Gap:
        reason = GAP_REASONS[self._code[index]]
        return Gap(self._offset[index], self._length[index], reason, self._frame[index])

    def __iter__(self) -> Iterator[Gap]:
        reasons = map(GAP_REASONS.__getitem__, self._code)
        return map(Gap, self._offset, self._length, reasons, self._frame)

    def missing(self) -> int:
        """Return the bytes of all gaps together."""
        return sum(self._length)


class EventColumns:
    """The noteworthy frames of a direction, 29 bytes each; in capture order but for those of which
    later ones tell (`implausible`, `false_close`)."""

    __slots__ = ("_frame", "_kind", "_length", "_offset", "_time")

    def __init__(self) -> None:
        self._frame, self._time, self._offset = array("q"), array("q"), array("q")
        self._length, self._kind = array("I"), array("b")

    def append(
        self, frame: int, time_ns: int, kind: EventKind, length: int, offset: int = 0
    ) -> None:
        self._frame.append(frame)
        self._time.append(time_ns)
        self._kind.append(_EVENT_CODE[kind])
        self._length.append(length)
        self._offset.append(offset)

    def __len__(self) -> int:
        return len(self._frame)

    def retire(self, most: int) -> int:
        """Forget all but the last `most` events; return how many went."""
        count = max(len(self) - most, 0)
        for column in (self._frame, self._time, self._kind, self._length, self._offset):
            del column[:count]
        return count

    def __getitem__(self, index: int) -> Event:
        kind = EVENT_KINDS[self._kind[index]]
        length, offset = self._length[index], self._offset[index]
        return Event(self._frame[index], self._time[index], kind, length, offset)

    def __iter__(self) -> Iterator[Event]:
        kinds = map(EVENT_KINDS.__getitem__, self._kind)
        return map(Event, self._frame, self._time, kinds, self._length, self._offset)

    def of(self, *kinds: EventKind) -> Iterator[Event]:
        """Yield the events of some kinds, without looking at the others one by one."""
        codes = np.frombuffer(self._kind, dtype=np.int8)
        found = np.flatnonzero(np.isin(codes, [_EVENT_CODE[kind] for kind in kinds]))
        return (self[index] for index in found.tolist())


class SegmentColumns:
    """Where each delivered stream byte stands in the file: 32 bytes per segment.

    Rows are in stream order and do not overlap; holes are absent ranges. Single rows wait in
    one flat array until a column is read or many have come: numpy is slow at single rows.
    """

    __slots__ = ("_arrays", "_count", "_pending")

    def __init__(self) -> None:
        self._arrays: tuple[npt.NDArray[Any], ...] | None = None
        self._count = 0
        self._pending = array("q")

    def __len__(self) -> int:
        return self._count + len(self._pending) // 5

    def append(self, stream: int, file: int, length: int, frame: int, time_ns: int) -> None:
        self._pending.extend((stream, file, length, frame, time_ns))
        if len(self._pending) >= 5 * _CONSOLIDATE:
            self._consolidate()

    def extend(
        self, stream: Integers, file: Integers, length: Integers, frame: Integers, time: Integers
    ) -> None:
        """Append rows that follow each other in the stream."""
        self._consolidate()
        arrays = self._reserve(len(stream))
        start, self._count = self._count, self._count + len(stream)
        for column, values in zip(arrays, (stream, file, length, frame, time), strict=True):
            column[start : self._count] = values

    @property
    def stream_offset(self) -> Integers:
        return self._column(0)

    @property
    def file_offset(self) -> Integers:
        return self._column(1)

    @property
    def length(self) -> npt.NDArray[np.uint32]:
        return self._column(2)

    @property
    def frame(self) -> npt.NDArray[np.uint32]:
        return self._column(3)

    @property
    def time_ns(self) -> Integers:
        return self._column(4)

    def _column(self, index: int) -> npt.NDArray[Any]:
        self._consolidate()
        return (self._arrays or self._reserve(0))[index][: self._count]

    def _consolidate(self) -> None:
        if self._pending:
            rows, self._pending = self._pending, array("q")
            values = np.frombuffer(rows, dtype=np.int64).reshape(-1, 5)
            self.extend(*(values[:, column] for column in range(5)))

    def _reserve(self, more: int) -> tuple[npt.NDArray[Any], ...]:
        """Make room; arrays already handed out keep their old content."""
        needed = self._count + more
        if self._arrays is None:
            kinds = (np.int64, np.int64, np.uint32, np.uint32, np.int64)
            self._arrays = tuple(np.empty(max(needed, 8), dtype=kind) for kind in kinds)
        elif needed > len(self._arrays[0]):
            size = max(needed, len(self._arrays[0]) * 3 // 2)
            # What a long stream grows out of goes back to the system at once.
            room = np.empty if size < MANY else pages
            grown = tuple(room(size, column.dtype) for column in self._arrays)
            for new, old in zip(grown, self._arrays, strict=True):
                new[: self._count] = old[: self._count]
            self._arrays = grown
        return self._arrays

    def retire(self, file_offset: int, most: int) -> int:
        """Forget the first rows, of bytes before `file_offset`, and all but the last `most`.

        Returns how many went. Their stream bytes then count as missing.
        """
        files = self.file_offset
        later = np.flatnonzero(files >= file_offset)
        count = max(int(later[0]) if len(later) else len(files), len(files) - most)
        if count <= 0 or self._arrays is None:
            return 0
        self._arrays = tuple(column[count : self._count].copy() for column in self._arrays)
        self._count -= count
        return count

    @property
    def last_ns(self) -> int | None:
        """Time of the last row."""
        if self._pending:
            return self._pending[-1]
        return int(self._arrays[4][self._count - 1]) if self._arrays and self._count else None

    def places(self, low: int, high: int) -> Iterator[tuple[int, int, int]]:
        """Yield (stream offset, file offset, length) of the rows that overlap [low, high).

        For single segments while many come: nothing is consolidated.
        """
        waiting = self._pending
        if waiting and waiting[0] <= low:
            rows = range(0, len(waiting), 5)
            row = self._count + bisect_right(rows, low, key=waiting.__getitem__) - 1
        elif self._arrays is not None:
            row = int(self._arrays[0][: self._count].searchsorted(low, side="right")) - 1
        else:
            row = 0
        for index in range(max(row, 0), len(self)):
            if self._arrays is not None and index < self._count:
                stream, file, length = (int(column[index]) for column in self._arrays[:3])
            else:
                at = 5 * (index - self._count)
                stream, file, length = waiting[at : at + 3]
            if stream >= high:
                return
            if stream + length > low:
                yield stream, file, length

    def locate(self, start: int, length: int) -> list[Piece]:
        """Return the pieces of stream bytes `start` … `start + length`, holes included."""
        pieces: list[Piece] = []
        position, end = start, start + length
        offsets = self.stream_offset
        first = max(int(offsets.searchsorted(start, side="right")) - 1, 0)
        last = int(offsets.searchsorted(end, side="left"))
        names = (offsets, self.length, self.file_offset, self.frame)
        rows = zip(*(column[first:last].tolist() for column in names), strict=True)
        for low, size, file, frame in rows:
            high = min(low + size, end)
            if low > position:
                pieces.append(Piece(None, low - position, None, position))
                position = low
            if high > position:
                pieces.append(Piece(file + position - low, high - position, frame, position))
                position = high
        if position < end:
            pieces.append(Piece(None, end - position, None, position))
        return pieces

    def frames(
        self, starts: Integers, ends: Integers
    ) -> tuple[Integers, Integers, Integers, Integers]:
        """Return (first frame, last frame, first time, last time) carrying each [start, end).

        Frames are -1 and times 0 where no captured byte is in the range.
        """
        offsets, time = self.stream_offset, self.time_ns
        low = np.maximum(np.searchsorted(offsets, starts, side="right") - 1, 0)
        if self._count:  # the segment before a range may end before it
            low = low + (offsets[low] + self.length[low] <= starts)
        high = np.searchsorted(offsets, ends, side="left")
        found = np.flatnonzero(low < high)
        first, last = (np.full(len(starts), -1, dtype=np.int64) for _ in range(2))
        first_time, last_time = (np.zeros(len(starts), dtype=np.int64) for _ in range(2))
        if len(found):
            low, high = low[found], high[found]
            base, top = int(low.min()), int(high.max())
            part = self.frame[base:top]
            first_row, last_row = _extreme_rows(part, low - base, high - base)
            first[found], last[found] = part[first_row], part[last_row]
            first_time[found], last_time[found] = time[base + first_row], time[base + last_row]
        return first, last, first_time, last_time


def _extreme_rows(
    frame: npt.NDArray[np.uint32], low: Integers, high: Integers
) -> tuple[Integers, Integers]:
    """Return the rows with the lowest and the highest frame number in each [low, high)."""
    if len(frame) < 2 or bool((frame[1:] >= frame[:-1]).all()):  # fast: captured in order
        return low, high - 1
    # Slow: rank the rows by frame, then reduce; the added row lets `high` stand at the end.
    order = np.argsort(frame, kind="stable")
    rank = np.empty(len(frame) + 1, dtype=np.int64)
    rank[order] = np.arange(len(frame))
    rank[-1] = 0
    bounds = np.stack((low, high), axis=1).ravel()
    lowest: Integers = order[np.minimum.reduceat(rank, bounds)[::2]]
    highest: Integers = order[np.maximum.reduceat(rank, bounds)[::2]]
    return lowest, highest
