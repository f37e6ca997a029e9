"""Copies of one packet, made by a mirror port, by two taps or by `any`: the capture's doing."""

from collections import deque

import numpy as np
import numpy.typing as npt

from . import limits
from .batch import SegmentBatch
from .items import Mark
from .segments import Integers

Columns = tuple[Integers, Integers, npt.NDArray[np.int32], Integers]


class Recent:
    """The last segments with payload of one direction, by what only their copies share."""

    __slots__ = ("_marks", "_waiting")

    def __init__(self) -> None:
        self._marks: deque[tuple[int, int, Mark]] = deque(maxlen=limits.RECENT_SEGMENTS)
        self._waiting: tuple[list[bytes], Columns] | None = None

    def add(self, time_ns: int, length: int, mark: Mark) -> None:
        """Remember one segment."""
        if self._waiting is not None:
            self._recall()
        self._marks.append((time_ns, length, mark))

    def add_rows(self, batch: SegmentBatch, rows: Integers) -> None:
        """Remember the segments at `rows`; they are looked at when the next irregular one comes."""
        if self._waiting is not None and len(rows) < limits.RECENT_SEGMENTS:
            self._recall()
        rows, data = rows[-limits.RECENT_SEGMENTS :], batch.data
        # Neither the block nor a whole column: they would live as long as the direction is quiet.
        headers = [data[at + 8 : at + 18] for at in batch.header[rows].tolist()]
        columns = batch.time_ns[rows], batch.length[rows], batch.ident[rows], batch.seq[rows]
        self._waiting = headers, columns

    def is_copy(self, time_ns: int, length: int, mark: Mark) -> bool:
        """Whether a segment came before: within a time in which nobody sends one again."""
        if self._waiting is not None:
            self._recall()
        longest = limits.COPY_NS if mark[0] > 0 else limits.DUPLICATE_NS
        for seen, size, other in reversed(self._marks):
            if other == mark and size == length:
                return abs(time_ns - seen) <= longest
        return False

    def clear(self) -> None:
        """Forget all: the stream is over."""
        self._marks.clear()
        self._waiting = None

    def _recall(self) -> None:
        assert self._waiting is not None
        (headers, columns), self._waiting = self._waiting, None
        rows = zip(headers, *(column.tolist() for column in columns), strict=True)
        for header, time_ns, length, ident, seq in rows:
            self._marks.append((time_ns, length, (ident, seq, header)))
