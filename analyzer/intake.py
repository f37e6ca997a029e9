"""From capture files to batches of TCP segments: all that happens before connections."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple

from analyzer import memory, prefetch
from analyzer.captures import CaptureSet, CaptureSetState
from analyzer.options import Options
from analyzer.sources import FrameBatch, Input

if TYPE_CHECKING:
    from analyzer.link import Counters, LinkLayer, SegmentBatch

LARGE: Final = 32 << 20
"""Bytes of captures from which on a second process saves more than its start costs."""


_Times = tuple[int, int, int]
"""Of the first packet, the earliest and the latest one, nanoseconds since the epoch."""


class _Taken(NamedTuple):
    """A batch, and what had been read up to its end."""

    segments: SegmentBatch
    packets: int
    times: _Times | None
    bytes: int


class _Parcel(NamedTuple):
    """What the reading process sends: a batch without the file's bytes, and what it learnt."""

    segments: SegmentBatch | None
    """Its `data` is only what stands behind `split`; None: the end."""
    flows: list[bytes]
    packets: int
    times: _Times | None
    counters: Counters
    captures: CaptureSetState


class Intake:
    """Reads the captures and decodes their frames down to TCP, ahead of who takes them.

    Of large files this begins at once, beside whatever comes between here and `segments`.
    """

    def __init__(self, paths: Sequence[Input], options: Options) -> None:
        """Open the captures; raises `analyzer.sources.SourceError`."""
        self.captures = CaptureSet(paths, options.reading)
        self.packets = self.bytes_read = 0
        """Of what `segments` has given so far; reading is some batches ahead of that."""
        self._times: _Times | None = None
        self._ahead_packets = 0
        self._ahead_times: _Times | None = None
        self._most = options.max_packets
        self._check_checksums = options.check_checksums
        size = self.captures.plain_size
        self._ahead = None
        if size is not None and size >= LARGE:
            memory.keep_blocks()
            if prefetch.can_fork():
                self._ahead = prefetch.Process(self._pack())

    @cached_property
    def link(self) -> LinkLayer:
        """What decodes the frames, or in the other process has decoded them."""
        from analyzer.link import LinkLayer  # while the first frames are read over there

        return LinkLayer(self._check_checksums)

    @property
    def start_ns(self) -> int | None:
        """Time of the first packet, nanoseconds since the epoch."""
        return self._times[0] if self._times else None

    @property
    def first_ns(self) -> int:
        """The earliest time: captures given together need not be in order."""
        return self._times[1] if self._times else 0

    @property
    def last_ns(self) -> int:
        return self._times[2] if self._times else 0

    def segments(self) -> Iterator[SegmentBatch]:
        """Yield the TCP segments of all captures, once."""
        decoded = self.decode() if self._ahead is None else self._unpack(iter(self._ahead))
        for taken in prefetch.in_thread(map(self._taken, decoded)):
            self.packets, self._times, self.bytes_read = taken.packets, taken.times, taken.bytes
            yield taken.segments
        self.bytes_read = self.captures.info().bytes_read

    def _taken(self, segments: SegmentBatch) -> _Taken:
        read = self.captures.info().bytes_read
        return _Taken(segments, self._ahead_packets, self._ahead_times, read)

    def close(self) -> None:
        """Stop reading and release the captures."""
        if self._ahead is not None:
            self._ahead.close()
        self.captures.close()

    def decode(self) -> Iterator[SegmentBatch]:
        """Do the work where the caller is."""
        for batch in self.captures.batches():
            batch = self._limit(batch)
            if not len(batch):
                return
            self._count(batch)
            yield self.link.decode(batch)
            if self._ahead_packets == self._most:
                return

    def _limit(self, batch: FrameBatch) -> FrameBatch:
        """Cut the batch at the number of packets asked for (-c)."""
        if self._most is None or self._ahead_packets + len(batch) <= self._most:
            return batch
        keep = self._most - self._ahead_packets
        columns = ("offset", "caplen", "wirelen", "time_ns", "link")
        return replace(batch, **{name: getattr(batch, name)[:keep] for name in columns})

    def _count(self, batch: FrameBatch) -> None:
        start = int(batch.time_ns[0])
        first, low, high = self._ahead_times or (start, start, start)
        low, high = min(low, int(batch.time_ns.min())), max(high, int(batch.time_ns.max()))
        self._ahead_times = first, low, high
        self._ahead_packets += len(batch)

    # -- over a pipe: the file's bytes are read again, which costs less than sending them

    def _pack(self) -> Iterator[_Parcel]:
        known = 0
        for segments in self.decode():
            bare = replace(segments, data=segments.data[segments.split :])
            flows, known = self.link.flows.keys(known), len(self.link.flows)
            yield self._parcel(bare, flows)
        yield self._parcel(None, self.link.flows.keys(known))

    def _parcel(self, segments: SegmentBatch | None, flows: list[bytes]) -> _Parcel:
        counters, state = self.link.counters, self.captures.state(final=segments is None)
        return _Parcel(segments, flows, self._ahead_packets, self._ahead_times, counters, state)

    def _unpack(self, parcels: Iterator[_Parcel]) -> Iterator[SegmentBatch]:
        for parcel in parcels:
            self.link.flows.extend(parcel.flows)
            self.link.counters = parcel.counters
            self._ahead_packets, self._ahead_times = parcel.packets, parcel.times
            self.captures.adopt(parcel.captures)
            segments = parcel.segments
            if segments is not None:
                data = self.captures.read(segments.base, segments.split)
                yield replace(segments, data=data + segments.data if segments.data else data)
