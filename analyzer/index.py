"""The message index: append-only typed columns, one row per message."""

from __future__ import annotations

import mmap
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

COLUMNS: Final[Mapping[str, str]] = {
    "connection": "u4",
    "direction": "u1",
    "index": "u4",
    "time_ns": "i8",
    "first_time_ns": "i8",
    "first_frame": "u4",
    "last_frame": "u4",
    "stream_offset": "i8",
    "end_offset": "i8",
    "chunks": "u4",
    "fmt": "u1",
    "csid": "u4",
    "msid": "u4",
    "type_id": "u1",
    "timestamp": "u4",
    "length": "u4",
    "received": "u4",
    "flags": "u2",
    "head": "V16",
    "first_run": "u4",
    "runs": "u4",
}
"""Column → numpy type. Times are nanoseconds since the capture's first packet, `timestamp` is
RTMP milliseconds, `direction` 0 client → server, `head` the first body bytes, zero-padded."""

RUN_COLUMNS: Final[Mapping[str, str]] = {
    "body_offset": "u4",
    "stream_offset": "i8",
    "chunk_payload": "u4",
    "header_length": "u1",
    "length": "u4",
}
"""The fields of `dissectors.spans.Run`."""

FIRST_CAPACITY: Final = 1024


class Table:
    """Columns that grow together. Readers may take views while one writer appends.

    Where `endless`, the oldest rows can be retired: row numbers stay, retired rows read as zeros
    and their pages go back to the system.
    """

    def __init__(self, columns: Mapping[str, str], endless: bool = False) -> None:
        self._endless = endless
        self._length = 0
        self._capacity = FIRST_CAPACITY
        self._columns = {name: self._new(np.dtype(kind)) for name, kind in columns.items()}
        self.first = 0
        """Rows before this one are retired, but for those in `kept`."""
        self.kept: Array = np.zeros(0, np.int64)

    def _new(self, kind: np.dtype[Any]) -> Array:
        if not self._endless:
            return np.empty(self._capacity, kind)
        pages = mmap.mmap(-1, self._capacity * kind.itemsize)
        if hasattr(mmap, "MADV_NOHUGEPAGE"):
            pages.madvise(mmap.MADV_NOHUGEPAGE)  # a kept row would hold 2 MiB
        return np.frombuffer(pages, kind)

    def __len__(self) -> int:
        return self._length

    def column(self, name: str) -> Array:
        """Return a view of the column's rows so far."""
        return self._columns[name][: self._length]

    def value(self, name: str, row: int) -> int:
        """Return one integer of a row."""
        return int(self._columns[name].item(row))

    def extend(self, values: Mapping[str, Array | Sequence[int]], count: int) -> None:
        """Append `count` rows; `values` has an array or list for every column."""
        start, end = self._length, self._length + count
        if end > self._capacity:
            self._grow(end)
        for name, column in self._columns.items():
            column[start:end] = values[name]
        self._length = end  # readers see the rows only now

    def _grow(self, needed: int) -> None:
        # A quarter more, not double: the peak while copying is what counts against the budget.
        self._capacity = max(needed, self._capacity + self._capacity // 4)
        for name, column in self._columns.items():
            grown = self._new(column.dtype)
            grown[self.first : self._length] = column[self.first : self._length]
            grown[self.kept] = column[self.kept]
            self._columns[name] = grown

    def retire(self, before: int, kept: Array) -> None:
        """Give the memory of the rows before `before` back, except for `kept` (ascending)."""
        assert self._endless
        for name, column in self._columns.items():
            fresh = self._new(column.dtype)
            fresh[before : self._length] = column[before : self._length]
            fresh[kept] = column[kept]
            self._columns[name] = fresh
        self.first, self.kept = before, kept


class MessageTable(Table):
    """The rows of all messages, in the order in which they were found."""

    def __init__(self, endless: bool = False) -> None:
        super().__init__(COLUMNS, endless)

    def order(self) -> Array:
        """Return row numbers sorted by completion time, connection, direction and index."""
        return self.sorted(None if not self.first else self.present())

    def present(self) -> Array:
        """Return the numbers of the rows that are not retired, ascending."""
        return np.concatenate((self.kept, np.arange(self.first, self._length)))

    def sorted(self, rows: Array | None) -> Array:
        """Return `rows`, or all, in output order."""
        keys = ("index", "direction", "connection", "time_ns")
        if rows is None:
            return np.lexsort(tuple(self.column(name) for name in keys))
        return rows[np.lexsort(tuple(self.column(name)[rows] for name in keys))]


class RunTable(Table):
    """The runs of all messages; a message row names its first one and their count."""

    def __init__(self, endless: bool = False) -> None:
        super().__init__(RUN_COLUMNS, endless)
