"""Files whose times overlap, one for each direction for example: their frames in order of time.

What two files hold both, as rings do that were copied while they were written, comes once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice
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
    late: bool
    """Whether a file begins here that had to wait, as more than can be merged overlap."""


class _Part(NamedTuple):
    """Consecutive frames of one file."""

    batch: FrameBatch
    place: Place
    latest: NDArray[np.int64]
    """Of each frame the latest time so far: a file keeps its own order, whatever its clock did."""


class _Edge(NamedTuple):
    """The last frames that were given: more of their time may follow, in the same batch or not."""

    time: int
    frames: dict[bytes, int]
    """With the number of the file."""


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

    def take(self, until: int) -> _Part | None:
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
            return _Part(batch, Place(self.number, batch.base), self._latest)
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
        return _Part(part, Place(self.number, batch.base + low), self._latest[first:end])


def merge(files: Sequence[Capture], starts: Sequence[int]) -> Iterator[Merged]:
    """Yield the frames of all files in the order of their times; `starts` are their first ones.

    A file is read from its time on: of files one after the other one is in memory at once.
    """
    timed = enumerate(zip(files, starts, strict=True))
    waiting = deque(sorted((_Cursor(number, *each) for number, each in timed), key=_time))
    begun: list[_Cursor] = []
    given = min(starts, default=0)
    edge = _Edge(given, {})
    while waiting or begun:
        loaded: list[_Cursor] = []
        until, late = 0, False
        for cursor in sorted([*begun, *islice(waiting, MOST - len(begun))], key=_time):
            if loaded and cursor.time > until:
                break
            if waiting and cursor is waiting[0]:
                begun.append(waiting.popleft())
                late = late or cursor.time < given
            if cursor.load():
                until = min(until, cursor.last) if loaded else cursor.last
                loaded.append(cursor)
            else:
                begun.remove(cursor)
        parts = [part for cursor in loaded if (part := cursor.take(until)) is not None]
        if parts:
            merged, edge = _join(parts, edge, late)
            given = max(given, until)
            if len(merged.batch):
                yield merged


def _time(cursor: _Cursor) -> int:
    return cursor.time


def _join(parts: list[_Part], edge: _Edge, late: bool) -> tuple[Merged, _Edge]:
    if len(parts) == 1 and parts[0].latest[0] > edge.time:
        batch, place, latest = parts[0]
        after = _edge(batch, latest, np.full(len(batch), place.file))
        return Merged(batch, [(0, place)], late), after
    batches = [part.batch for part in parts]
    begins = np.cumsum([0, *(len(batch.data) for batch in batches)]).tolist()
    data = b"".join(batch.data for batch in batches)
    offset = np.concatenate([each.offset + at for each, at in zip(batches, begins, strict=False)])
    caplen = np.concatenate([batch.caplen for batch in batches])
    latest = np.concatenate([part.latest for part in parts])
    file = np.repeat([part.place.file for part in parts], [len(batch) for batch in batches])
    order = np.argsort(latest, kind="stable")
    order = order[~_double(data, offset[order], caplen[order], latest[order], file[order], edge)]
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
    places = [*zip(begins, (part.place for part in parts), strict=False)]
    after = _edge(whole, latest[order], file[order]) if len(order) else edge
    return Merged(whole, places, late), after


def _edge(batch: FrameBatch, latest: NDArray[np.int64], file: NDArray[np.int64]) -> _Edge:
    """Return the frames that have the last time of these."""
    frames: dict[bytes, int] = {}
    for each in range(int(np.searchsorted(latest, latest[-1])), len(batch)):
        at = int(batch.offset[each])
        frames.setdefault(batch.data[at : at + int(batch.caplen[each])], int(file[each]))
    return _Edge(int(latest[-1]), frames)


def _double(
    data: bytes,
    offset: NDArray[np.int64],
    caplen: NDArray[np.int64],
    time: NDArray[np.int64],
    file: NDArray[np.int64],
    edge: _Edge,
) -> NDArray[np.bool]:
    """Mark frames that another file has too, at the same nanosecond and with the same bytes."""
    found = np.zeros(len(offset), np.bool)
    same = np.diff(time) == 0
    runs = np.flatnonzero(same & ~np.concatenate(([False], same[:-1]))).tolist()
    first, end = np.searchsorted(time, edge.time), np.searchsorted(time, edge.time, "right")
    if end - first == 1:
        runs.append(int(first))
    for run in runs:
        seen = dict(edge.frames) if time[run] == edge.time else {}
        for each in range(run, int(np.searchsorted(time, time[run], "right"))):
            at = int(offset[each])
            frame = data[at : at + int(caplen[each])]
            found[each] = seen.setdefault(frame, int(file[each])) != file[each]
    return found
