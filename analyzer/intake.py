"""From capture files to batches of TCP segments: all that happens before connections."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final, NamedTuple

from analyzer import prefetch
from analyzer.captures import CaptureSet, CaptureSetState
from analyzer.link import LinkLayer, SegmentBatch
from analyzer.link.model import Counters
from analyzer.sources import FrameBatch

WORTH_A_PROCESS: Final = 32 << 20
"""Bytes of capture from which on a second process saves more than its start costs."""


class _Parcel(NamedTuple):
    """What the reading process sends: a batch without the file's bytes, and what it learnt."""

    segments: SegmentBatch | None
    """Its `data` is only what stands behind `split`; None: the end."""
    flows: list[bytes]
    packets: int
    times: tuple[int, int, int] | None
    counters: Counters
    captures: CaptureSetState


class Intake:
    """Reads the captures and decodes their frames down to TCP, ahead of who takes them."""

    def __init__(
        self, captures: CaptureSet, max_packets: int | None, *, check_checksums: bool = False
    ) -> None:
        self.captures = captures
        self.link = LinkLayer(check_checksums)
        self.packets = 0
        self._times: tuple[int, int, int] | None = None
        """Of the first packet, the earliest and the latest one."""
        self._most = max_packets

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
        size = self.captures.plain_size
        if size is not None and size >= WORTH_A_PROCESS and prefetch.can_fork():
            return self._unpack(prefetch.in_process(self._pack()))
        return prefetch.in_thread(self.decode())

    def decode(self) -> Iterator[SegmentBatch]:
        """Do the work where the caller is."""
        for batch in self.captures.batches():
            batch = self._limit(batch)
            if not len(batch):
                return
            self._count(batch)
            yield self.link.decode(batch)
            if self.packets == self._most:
                return

    def _limit(self, batch: FrameBatch) -> FrameBatch:
        """Cut the batch at the number of packets asked for (-c)."""
        if self._most is None or self.packets + len(batch) <= self._most:
            return batch
        keep = self._most - self.packets
        columns = ("offset", "caplen", "wirelen", "time_ns", "link")
        return replace(batch, **{name: getattr(batch, name)[:keep] for name in columns})

    def _count(self, batch: FrameBatch) -> None:
        start = int(batch.time_ns[0])
        first, low, high = self._times or (start, start, start)
        self._times = first, min(low, int(batch.time_ns.min())), max(high, int(batch.time_ns.max()))
        self.packets += len(batch)

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
        return _Parcel(segments, flows, self.packets, self._times, counters, state)

    def _unpack(self, parcels: Iterator[_Parcel]) -> Iterator[SegmentBatch]:
        for parcel in parcels:
            self.link.flows.extend(parcel.flows)
            self.link.counters = parcel.counters
            self.packets, self._times = parcel.packets, parcel.times
            self.captures.adopt(parcel.captures)
            segments = parcel.segments
            if segments is not None:
                data = self.captures.read(segments.base, segments.split)
                yield replace(segments, data=data + segments.data if segments.data else data)
