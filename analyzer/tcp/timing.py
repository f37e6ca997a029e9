"""Round trips and receive windows of one direction, measured at the place of the capture."""

from dataclasses import dataclass, field

import numpy as np

from . import limits
from .samples import Samples, greatest, least
from .segments import Integers

UNKNOWN_WINDOW = -1
SAMPLE_NS = 10_000_000
"""Windows are kept over time as the least of every 10 ms."""


@dataclass(slots=True)
class RoundTrips:
    """Times from data to the first acknowledgement that covers it, in nanoseconds.

    A receiver may delay its acknowledgement (RFC 9293 §3.8.6.3), so the lowest time is the path's.
    """

    samples: int = 0
    lowest_ns: int = 0
    highest_ns: int = 0
    total_ns: int = 0
    pending: list[tuple[int, int]] = field(default_factory=list, repr=False)
    """Segments not acknowledged yet: (stream offset of the end, time)."""
    over_time: Samples = field(default_factory=greatest, repr=False, compare=False)
    """Times in the order of the acknowledgements."""

    @property
    def mean_ns(self) -> int | None:
        return self.total_ns // self.samples if self.samples else None

    def sent(self, end: int, time_ns: int) -> None:
        """Take a segment that ends at stream offset `end`."""
        self.pending.append((end, time_ns))
        if len(self.pending) > limits.MAX_PROBES:
            del self.pending[0]

    def acknowledged(self, offset: int, time_ns: int) -> None:
        """Take an acknowledgement of everything before `offset`."""
        count = 0
        for end, then in self.pending:
            if end > offset:
                break
            count += 1
            self._add(1, time_ns - then, time_ns - then, time_ns - then)
            self.over_time.add(time_ns, time_ns - then)
        del self.pending[:count]

    def restart(self) -> None:
        """Something was sent again: what is acknowledged now may be either (RFC 6298 §3)."""
        self.pending.clear()

    def exchange(
        self,
        sent: tuple[Integers, Integers, Integers],
        acknowledged: tuple[Integers, Integers, Integers],
        before: int,
    ) -> None:
        """Take segments (row, end, time) and acknowledgements (row, offset, time) at once.

        Rows tell their order; `before` was acknowledged before all of them.
        """
        ack_rows, offsets, ack_times = acknowledged
        highest = np.maximum.accumulate(np.maximum(offsets, before)) if len(offsets) else offsets
        rows, ends, times = sent
        known = np.concatenate((np.array([before]), highest))[np.searchsorted(ack_rows, rows)]
        fresh = ends > known
        waiting = len(self.pending)
        old = np.array(self.pending, dtype=np.int64).reshape(-1, 2)
        rows = np.concatenate((np.full(waiting, -1), rows[fresh]))
        ends = np.concatenate((old[:, 0], ends[fresh]))
        times = np.concatenate((old[:, 1], times[fresh]))
        answer = np.searchsorted(highest, ends)
        done = np.flatnonzero(answer < len(highest))
        if len(done):
            sent_by_then = np.searchsorted(rows, ack_rows[answer[done]])
            kept = done[done >= sent_by_then - limits.MAX_PROBES]
            if len(kept):
                trips = ack_times[answer[kept]] - times[kept]
                self._add(len(kept), int(trips.min()), int(trips.max()), int(trips.sum()))
                self.over_time.extend(ack_times[answer[kept]], trips)
        left = slice(len(done), None)
        self.pending = list(zip(ends[left].tolist(), times[left].tolist(), strict=True))
        del self.pending[: -limits.MAX_PROBES]

    def _add(self, count: int, low: int, high: int, total: int) -> None:
        self.lowest_ns = min(self.lowest_ns, low) if self.samples else low
        self.highest_ns = max(self.highest_ns, high) if self.samples else high
        self.samples += count
        self.total_ns += total


@dataclass(slots=True)
class Window:
    """Receive window that one side advertises, as its header has it: not scaled, without SYN."""

    lowest: int = UNKNOWN_WINDOW
    highest: int = UNKNOWN_WINDOW
    over_time: Samples = field(default_factory=least, repr=False, compare=False)
    """The least window of every `SAMPLE_NS` in which there was a segment."""
    _since: int = field(default=-SAMPLE_NS, repr=False, compare=False)
    _least: int = field(default=UNKNOWN_WINDOW, repr=False, compare=False)

    def note(self, window: int, time_ns: int) -> None:
        """Take the window of one segment."""
        if window < self.lowest or self.lowest < 0:
            self.lowest = window
        if window > self.highest:
            self.highest = window
        if window < self._least or self._least < 0:
            self._least = window
        if time_ns - self._since >= SAMPLE_NS:
            self.over_time.add(time_ns, self._least)
            self._since, self._least = time_ns, UNKNOWN_WINDOW

    def note_all(self, windows: Integers, times: Integers) -> None:
        """Take the windows of segments that follow each other, at least one."""
        low, high = int(windows.min()), int(windows.max())
        self.lowest = min(self.lowest, low) if self.lowest >= 0 else low
        self.highest = max(self.highest, high)
        starts = np.flatnonzero(np.diff(times // SAMPLE_NS, prepend=-1))
        self.over_time.extend(times[starts], np.minimum.reduceat(windows, starts))


def is_probe(offset: int, end: int, number: int) -> bool:
    """Whether the segment [offset, end), the stream's `number`th from 1, is timed."""
    return offset >> limits.PROBE_BITS != end >> limits.PROBE_BITS or number <= limits.FIRST_PROBES


def probes(offsets: Integers, ends: Integers, before: int) -> Integers:
    """Return the indexes of the segments that `is_probe` times; `before` came before them."""
    timed = offsets >> limits.PROBE_BITS != ends >> limits.PROBE_BITS
    timed[: max(limits.FIRST_PROBES - before, 0)] = True
    return np.flatnonzero(timed)
