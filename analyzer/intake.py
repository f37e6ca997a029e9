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


class _Extent(NamedTuple):
    """How far reading came. Times are nanoseconds since the epoch."""

    packets: int = 0
    times: tuple[int, int, int] | None = None
    """Of the first packet, the earliest and the latest one."""
    bytes: int = 0
    """Bytes read, as they came."""


class _Parcel(NamedTuple):
    """What the reading process sends: a batch without the file's bytes, and what it learnt."""

    segments: SegmentBatch | None
    """Its `data` is only what stands behind `split`; None: the end."""
    flows: list[bytes]
    extent: _Extent
    counters: Counters
    captures: CaptureSetState


class Intake:
    """Reads the captures and decodes their frames down to TCP, ahead of who takes them.

    Of large files this begins at once, beside whatever comes between here and `segments`.
    """

    def __init__(self, paths: Sequence[Input], options: Options) -> None:
        """Open the captures; raises `analyzer.sources.SourceError`."""
        self.captures = CaptureSet(paths, options.reading)
        self._read = self._given = _Extent()
        """What was read, and what `segments` has given of it so far: some batches less."""
        self._most = options.max_packets
        self._check_checksums = options.check_checksums
        size = self.captures.plain_size
        self._ahead = None
        if options.reading.live:
            memory.give_back()  # blocks of all sizes come and go for hours
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
    def packets(self) -> int:
        return self._given.packets

    @property
    def bytes_read(self) -> int:
        return self._given.bytes

    @property
    def start_ns(self) -> int | None:
        """Time of the first packet, nanoseconds since the epoch."""
        return self._given.times[0] if self._given.times else None

    @property
    def first_ns(self) -> int:
        """The earliest time: captures given together need not be in order."""
        return self._given.times[1] if self._given.times else 0

    @property
    def last_ns(self) -> int:
        return self._given.times[2] if self._given.times else 0

    def segments(self) -> Iterator[SegmentBatch]:
        """Yield the TCP segments of all captures, once."""
        decoded = self.decode() if self._ahead is None else self._unpack(iter(self._ahead))
        for batch, extent in prefetch.in_thread((each, self._read) for each in decoded):
            self._given = extent
            yield batch
        self._given = self._given._replace(bytes=self.captures.position)

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
            if self._read.packets == self._most:
                return

    def _limit(self, batch: FrameBatch) -> FrameBatch:
        """Cut the batch at the number of packets asked for (-c)."""
        if self._most is None or self._read.packets + len(batch) <= self._most:
            return batch
        keep = self._most - self._read.packets
        columns = ("offset", "caplen", "wirelen", "time_ns", "link")
        return replace(batch, **{name: getattr(batch, name)[:keep] for name in columns})

    def _count(self, batch: FrameBatch) -> None:
        start = int(batch.time_ns[0])
        packets, times, _ = self._read
        first, low, high = times or (start, start, start)
        times = first, min(low, int(batch.time_ns.min())), max(high, int(batch.time_ns.max()))
        self._read = _Extent(packets + len(batch), times, self.captures.position)

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
        return _Parcel(segments, flows, self._read, counters, state)

    def _unpack(self, parcels: Iterator[_Parcel]) -> Iterator[SegmentBatch]:
        for parcel in parcels:
            self.link.flows.extend(parcel.flows)
            self.link.counters = parcel.counters
            self._read = parcel.extent
            self.captures.adopt(parcel.captures)
            segments = parcel.segments
            if segments is not None:
                data = self.captures.read(segments.base, segments.split)
                yield replace(segments, data=data + segments.data if segments.data else data)
