"""The message index: append-only typed columns, one row per message."""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

COLUMNS: Final[Mapping[str, str]] = {
    "connection": "u2",
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
"""Column → numpy type, of those in `NARROW` the widest one. Times are nanoseconds since the
capture's first packet, `timestamp` is RTMP milliseconds, `direction` 0 client → server, `head` the
first body bytes, zero-padded."""

RUN_COLUMNS: Final[Mapping[str, str]] = {
    "body_offset": "u4",
    "stream_offset": "i8",
    "chunk_payload": "u4",
    "header_length": "u1",
    "length": "u4",
}
"""The fields of `dissectors.spans.Run`."""

NARROW: Final = frozenset(
    {"body_offset", "chunk_payload", "chunks", "csid", "length", "msid", "received", "runs"}
)
"""Columns that are only as wide as their values need; who calculates with one widens it first."""
_WIDTHS: Final = ("u1", "u2", "u4")
FIRST_CAPACITY: Final = 1024
_PRIVATE: Final[dict[str, Any]] = (
    {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_ANONYMOUS") else {}
)
"""Where memory can be shared between processes, this is not."""
BLOCK: Final = 1 << 16
"""Rows computed with at once, where arrays over all of them would take as much as the table."""


def pages(count: int, kind: np.dtype[Any], scattered: bool = False) -> Array:
    """Return an array of zeros in pages of its own: what is not used takes no memory, and what is
    given up goes back to the system. `scattered`: of what is used in few places, too.
    """
    found = mmap.mmap(-1, count * kind.itemsize, **_PRIVATE)
    if scattered and hasattr(mmap, "MADV_NOHUGEPAGE"):
        found.madvise(mmap.MADV_NOHUGEPAGE)  # one of them would hold 2 MiB
    return np.frombuffer(found, kind)


class Table:
    """Columns that grow together. Readers may take views while one writer appends.

    Columns stand in pages of their own. Where `endless`, the oldest rows can be retired: row
    numbers stay, and retired rows read as zeros.
    """

    def __init__(self, columns: Mapping[str, str], endless: bool = False) -> None:
        self.endless = endless
        self._length = 0
        self._capacity = FIRST_CAPACITY
        self._most = dict.fromkeys(NARROW & columns.keys(), 0xFF)
        """The largest value that a narrow column can hold as it is."""
        self._columns = {
            name: self._new(np.dtype(_WIDTHS[0] if name in NARROW else kind))
            for name, kind in columns.items()
        }
        self.first = 0
        """Rows before this one are retired, but for those in `kept`."""
        self.kept: Array = np.zeros(0, np.int64)

    def _new(self, kind: np.dtype[Any]) -> Array:
        return pages(self._capacity, kind, scattered=self.endless)

    def __len__(self) -> int:
        return self._length

    def column(self, name: str) -> Array:
        """Return a view of the column's rows so far."""
        return self._columns[name][: self._length]

    def value(self, name: str, row: int) -> int:
        """Return one integer of a row."""
        return int(self._columns[name].item(row))

    def extend(self, values: Mapping[str, Array | Sequence[int]], count: int) -> None:
        """Append `count` rows, at least 1; `values` has an array or list for every column."""
        start, end = self._length, self._length + count
        if end > self._capacity:
            self._capacity = max(end, 2 * self._capacity)
            for name, column in self._columns.items():
                self._columns[name] = self._moved(column, column.dtype)
        for name, limit in self._most.items():
            given = values[name]
            largest = int(given.max() if isinstance(given, np.ndarray) else max(given))
            if largest > limit:
                self._widen(name, largest)
        for name, column in self._columns.items():
            column[start:end] = values[name]
        self._length = end  # readers see the rows only now

    def _widen(self, name: str, largest: int) -> None:
        kind = next(kind for kind in _WIDTHS if largest <= np.iinfo(kind).max)
        self._columns[name] = self._moved(self._columns[name], np.dtype(kind))
        self._most[name] = int(np.iinfo(kind).max)

    def _moved(self, column: Array, kind: np.dtype[Any]) -> Array:
        """Return a column's rows in new pages: as many as the capacity needs, or of a new type."""
        fresh = self._new(kind)
        fresh[self.first : self._length] = column[self.first : self._length]
        fresh[self.kept] = column[self.kept]
        return fresh

    def retire(self, before: int, kept: Array) -> None:
        """Give the memory of the rows before `before` back, except for `kept` (ascending)."""
        assert self.endless
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

    def blocks(self) -> Iterator[Array]:
        """Yield the same numbers, `BLOCK` or fewer at a time."""
        for low in range(0, len(self.kept), BLOCK):
            yield self.kept[low : low + BLOCK]
        for low in range(self.first, self._length, BLOCK):
            yield np.arange(low, min(low + BLOCK, self._length))

    def of_types(self, *types: int) -> Array:
        """Return the rows of some message types, ascending."""
        # The column anew for every block: rows are added meanwhile.
        found = [block[np.isin(self.column("type_id")[block], types)] for block in self.blocks()]
        return np.concatenate([np.zeros(0, np.int64), *found])

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
