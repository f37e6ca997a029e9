"""Files whose times overlap, one for each direction for example: their frames in order of time.

What two files hold both, as rings do that were copied while they were written, comes once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzer.sources import Capture, FrameBatch

MOST: Final = 32
"""Files that are merged at once, a block of some 5 MiB of each; more come one after the other."""


class Place(NamedTuple):
    """Where bytes of a batch stand."""

    file: int
    """Number of the file in the set."""
    offset: int
    """In that file."""


class Merged(NamedTuple):
    """Frames of one file or several; `base` and `first_frame` are the taker's to set."""

    batch: FrameBatch
    places: list[tuple[int, Place]]
    """Offset in the batch's data → whose bytes follow."""
    beyond: bool
    """Whether more files than can be merged have frames of this time."""


class _Cursor:
    """Where reading a file has come."""

    def __init__(self, number: int, file: Capture, start_ns: int) -> None:
        self.number = number
        self.time = start_ns
        """Of the next frame; of the one before it between two batches."""
        self._batches = file.batches()
        self._batch: FrameBatch | None = None
        self._latest = np.zeros(0, np.int64)
        self._at = 0

    def load(self) -> bool:
        """Have a batch; False at the file's end."""
        if self._batch is None:
            self._batch = next((each for each in self._batches if len(each)), None)
            if self._batch is not None:
                self._latest, self._at = np.maximum.accumulate(self._batch.time_ns), 0
        return self._batch is not None

    @property
    def last(self) -> int:
        return int(self._latest[-1])

    def take(self, until: int) -> tuple[FrameBatch, Place] | None:
        """Return the frames up to a time, and where their data stands; None without any."""
        batch, first = self._batch, self._at
        assert batch is not None
        end = int(np.searchsorted(self._latest, until, "right"))
        if end <= first:
            return None
        self._at = end
        self.time = int(self._latest[min(end, len(batch) - 1)])
        if end == len(batch):
            self._batch = None
        if end - first == len(batch):
            return batch, Place(self.number, batch.base)
        low = int(batch.offset[first])
        high = int(batch.offset[end - 1] + batch.caplen[end - 1])
        part = FrameBatch(
            data=batch.data[low:high],
            base=0,
            first_frame=0,
            offset=batch.offset[first:end] - low,
            caplen=batch.caplen[first:end],
            wirelen=batch.wirelen[first:end],
            time_ns=batch.time_ns[first:end],
            link=batch.link[first:end],
        )
        return part, Place(self.number, batch.base + low)


def merge(files: Sequence[Capture], starts: Sequence[int]) -> Iterator[Merged]:
    """Yield the frames of all files in the order of their times; `starts` are their first ones."""
    cursors = [
        _Cursor(number, *each) for number, each in enumerate(zip(files, starts, strict=True))
    ]
    while cursors:
        cursors.sort(key=lambda each: each.time)
        loaded: list[_Cursor] = []
        until = 0
        for cursor in cursors[:MOST]:
            if loaded and cursor.time > until:
                break
            if cursor.load():
                until = min(until, cursor.last) if loaded else cursor.last
                loaded.append(cursor)
            else:
                cursors.remove(cursor)
        parts = [part for cursor in loaded if (part := cursor.take(until)) is not None]
        if parts:
            beyond = len(cursors) > MOST and cursors[MOST].time <= until
            yield Merged(*_join(parts), beyond)


def _join(parts: list[tuple[FrameBatch, Place]]) -> tuple[FrameBatch, list[tuple[int, Place]]]:
    if len(parts) == 1:
        return parts[0][0], [(0, parts[0][1])]
    batches = [batch for batch, _ in parts]
    begins = np.cumsum([0, *(len(batch.data) for batch in batches)]).tolist()
    data = b"".join(batch.data for batch in batches)
    offset = np.concatenate([each.offset + at for each, at in zip(batches, begins, strict=False)])
    caplen = np.concatenate([batch.caplen for batch in batches])
    # Each file keeps its own order, whatever its clock did.
    latest = np.concatenate([np.maximum.accumulate(batch.time_ns) for batch in batches])
    file = np.repeat(np.arange(len(batches)), [len(batch) for batch in batches])
    order = np.argsort(latest, kind="stable")
    order = order[~_double(data, offset[order], caplen[order], latest[order], file[order])]
    whole = FrameBatch(
        data=data,
        base=0,
        first_frame=0,
        offset=offset[order],
        caplen=caplen[order],
        wirelen=np.concatenate([batch.wirelen for batch in batches])[order],
        time_ns=np.concatenate([batch.time_ns for batch in batches])[order],
        link=np.concatenate([batch.link for batch in batches])[order],
    )
    places = [place for _, place in parts]
    return whole, [*zip(begins, places, strict=False)]


def _double(
    data: bytes,
    offset: NDArray[np.int64],
    caplen: NDArray[np.int64],
    time: NDArray[np.int64],
    file: NDArray[np.int64],
) -> NDArray[np.bool]:
    """Mark frames that another file has too, at the same nanosecond and with the same bytes."""
    found = np.zeros(len(offset), np.bool)
    same = np.diff(time) == 0
    for run in np.flatnonzero(same & ~np.concatenate(([False], same[:-1]))).tolist():
        seen: dict[bytes, int] = {}
        for each in range(run, int(np.searchsorted(time, time[run], "right"))):
            at = int(offset[each])
            frame = data[at : at + int(caplen[each])]
            found[each] = seen.setdefault(frame, int(file[each])) != file[each]
    return found
