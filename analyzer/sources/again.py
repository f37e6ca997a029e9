"""Captured frames found again by an offset: records are read anew from the nearest place noted."""

from bisect import bisect_right, insort
from collections.abc import Callable
from operator import itemgetter
from threading import Lock
from typing import Final, NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from analyzer.sources.model import Scan

STEP: Final = 1 << 20
"""Bytes between two marks at least."""
MARKS: Final = 4096
"""An input is marked so many times, then as often again each time its length triples: one that
has no end does not fill the memory."""
STRETCH: Final = 1 << 20
"""Bytes read again at once."""


class Scanner(Protocol):
    """What finds the records of a format."""

    frames: int

    def scan(self, data: bytes, base: int, at_end: bool) -> Scan: ...

    def again(self) -> Self | None:
        """Return a scanner that finds once more what this one finds from here on; None where
        that would take too much memory to note."""
        ...


class Mark(NamedTuple):
    """A place between two records, and who can read on from there."""

    offset: int
    scanner: Scanner | None


class FoundFrame(NamedTuple):
    """One captured frame."""

    number: int
    offset: int
    """Where its first byte stands in the decompressed capture."""
    captured: int
    length: int
    """Bytes on the wire."""
    time_ns: int
    """Nanoseconds since the epoch."""
    link: int


class Frames(NamedTuple):
    """The frames whose records stand from `low` up to `high`, as columns."""

    low: int
    high: int
    first: int
    """Number of the first one."""
    offset: NDArray[np.int64]
    captured: NDArray[np.uint32]
    length: NDArray[np.uint32]
    time_ns: NDArray[np.int64]
    link: NDArray[np.int32]

    def at(self, offset: int) -> FoundFrame | None:
        """Return the frame that has the byte at `offset`."""
        place = int(self.offset.searchsorted(offset, side="right")) - 1
        if place < 0 or offset >= int(self.offset[place]) + int(self.captured[place]):
            return None
        return self._frame(place)

    def numbered(self, number: int) -> FoundFrame | int:
        """Return the frame of a number; -1 where it comes before these, 1 where behind them."""
        place = number - self.first
        if 0 <= place < len(self.offset):
            return self._frame(place)
        return -1 if place < 0 else 1

    def captured_at(self, time_ns: int) -> FoundFrame | int:
        """Return the first frame of a time; else -1 or 1: where later or earlier ones are."""
        hits = np.flatnonzero(self.time_ns == time_ns)
        if len(hits):
            return self._frame(int(hits[0]))
        return -1 if time_ns < int(self.time_ns[0]) else 1

    def _frame(self, place: int) -> FoundFrame:
        columns = (self.offset, self.captured, self.length, self.time_ns, self.link)
        return FoundFrame(self.first + place, *(int(column[place]) for column in columns))


class Marks:
    """Where records can be read again from, noted while they are read first."""

    def __init__(self) -> None:
        self.all: list[Mark] = []
        self._given = 0
        self._finer: list[Mark] = []
        """Places between them that were come by when frames were looked for."""
        self._looking = Lock()

    def note(self, offset: int, scanner: Scanner) -> None:
        """Note that the next record stands at `offset`; called in ascending order."""
        if not self.all or offset - self.all[-1].offset >= max(STEP, offset // MARKS):
            self.all.append(Mark(offset, scanner.again()))

    def news(self) -> list[Mark]:
        """Return what was noted since this was asked last."""
        news = self.all[self._given :]
        self._given += len(news)
        return news

    def around(self, offset: int, oldest: int, pread: Callable[[int, int], bytes]) -> Frames | None:
        """Return the frames about the byte at `offset`; None where they cannot be read again."""
        with self._looking:
            at, scanner = max(_before(self.all, offset), _before(self._finer, offset), key=_place)
            if at < oldest or scanner is None:
                return None
            scanner, want = scanner.again(), STRETCH
            while scanner is not None:
                data = pread(at, want)
                scan = scanner.scan(data, at, False)
                end = at + scan.consumed
                if end > offset:
                    return _columns(scan, at, end)
                if scan.stopped or (not scan.consumed and (len(data) < want or scan.need <= want)):
                    return None
                at, want = end, max(STRETCH, scan.need)
                if len(self._finer) < MARKS:
                    insort(self._finer, Mark(at, scanner.again()), key=_place)
            return None


_place = itemgetter(0)


def _before(marks: list[Mark], offset: int) -> Mark:
    """Return the last mark up to `offset`."""
    place = bisect_right(marks, offset, key=_place) - 1
    return marks[place] if place >= 0 else Mark(-1, None)


def _columns(scan: Scan, low: int, high: int) -> Frames:
    batch = scan.batch
    return Frames(
        low,
        high,
        batch.first_frame,
        batch.offset + batch.base,
        batch.caplen.astype(np.uint32),
        batch.wirelen.astype(np.uint32),
        batch.time_ns.copy(),
        batch.link,
    )
