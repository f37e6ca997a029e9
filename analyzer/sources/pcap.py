"""The classic capture file: pcap, its nanosecond form and Kuznetzov's modified form."""

import struct
from collections.abc import Iterator
from copy import copy
from typing import Final, Self

import numpy as np

from analyzer.sources.model import (
    MAX_BLOCK,
    MAX_SNAPLEN,
    FrameBatch,
    Problems,
    Scan,
    SourceError,
    link_name,
    windows,
)

FILE_HEADER: Final = 24

# magic → (byte order, nanoseconds per unit of the fraction, bytes of a record header)
MAGICS: Final = {
    b"\xd4\xc3\xb2\xa1": ("<", 1000, 16),
    b"\xa1\xb2\xc3\xd4": (">", 1000, 16),
    b"\x4d\x3c\xb2\xa1": ("<", 1, 16),
    b"\xa1\xb2\x3c\x4d": (">", 1, 16),
    b"\x34\xcd\xb2\xa1": ("<", 1000, 24),
    b"\xa1\xb2\xcd\x34": (">", 1000, 24),
}

ZERO_RECORDS: Final = 4 * 16
"""This many zero bytes where a record should start are a hole in the file, not empty frames."""


class PcapScanner:
    """Finds the records of a pcap file, block by block."""

    format = "pcap"

    def __init__(self, order: str, unit: int, record: int, snaplen: int, link: int) -> None:
        self.order = order
        self.unit = unit
        self.record = record
        self.limit = max(MAX_SNAPLEN, min(snaplen, MAX_BLOCK))
        self.link = link
        self.links = [link_name(link)]
        self.problems = Problems()
        self.frames = 0

    @classmethod
    def open(cls, head: bytes) -> tuple[Self, int]:
        """Read the file header; return the scanner and where the records start."""
        if len(head) < FILE_HEADER:
            raise SourceError(f"cut short: {len(head)} bytes, a pcap file header has 24")
        order, unit, record = MAGICS[head[:4]]
        snaplen, link = struct.unpack_from(order + "II", head, 16)
        # The upper 16 bits hold the FCS length and flags.
        return cls(order, unit, record, snaplen, link & 0xFFFF), FILE_HEADER

    def again(self) -> Self:
        """Return a scanner that goes on from here, with problems of its own."""
        other = copy(self)
        other.problems = Problems()
        return other

    def scan(self, data: bytes, base: int, at_end: bool) -> Scan:
        """Return the whole records at the start of `data`."""
        record, size = self.record, len(data)
        start = np.fromiter(self._starts(data), dtype=np.int64)
        u4 = np.dtype(self.order + "u4")
        head = windows(data, 16)[start].view(u4).reshape(-1, 4).astype(np.int64)
        caplen = head[:, 2]
        count = len(start)
        stopped = False
        need = record
        bad = int(np.argmax(caplen > self.limit)) if count else 0
        if count and caplen[bad] > self.limit:
            count, stopped = bad, True
        elif count and int(start[-1] + record + caplen[-1]) > size:
            count -= 1
            need = record + int(caplen[-1])
        zero = self._zeros(data, head[:count], start, at_end)
        if zero is not None:
            count, stopped, need = zero[0], zero[1], ZERO_RECORDS
        batch = self._batch(data, base, start[:count] + record, head[:count])
        self.frames += count
        consumed = int(batch.offset[-1] + batch.caplen[-1]) if count else 0
        if stopped:
            self._report(base + consumed, None if zero else int(caplen[bad]))
        elif at_end and consumed < size:
            text = f"cut short in a record of {need} bytes, {size - consumed} are there"
            if size - consumed < record:
                text = f"cut short in a record header, {size - consumed} bytes are there"
            self.problems.add("torn", text, base + consumed, self.frames)
            stopped = True
        return Scan(batch, consumed, need, stopped)

    def _starts(self, data: bytes) -> Iterator[int]:
        """Yield where records start; the last one may be cut, lengths are not judged here."""
        unpack = struct.Struct(self.order + "I").unpack_from
        record = self.record
        at, last = 0, len(data) - record
        while at <= last:
            yield at
            at += record + unpack(data, at + 8)[0]

    def _zeros(
        self, data: bytes, head: np.ndarray, start: np.ndarray, at_end: bool
    ) -> tuple[int, bool] | None:
        """Look for a zero-filled tail (a crash, fallocate): (whole records before it, sure)."""
        empty = np.flatnonzero(head[:, 2] == 0)
        for index in empty[~head[empty].any(axis=1)].tolist():
            tail = data[start[index] : start[index] + ZERO_RECORDS]
            if not any(tail):
                whole = len(tail) == ZERO_RECORDS or at_end
                return index, whole
        return None

    def _report(self, offset: int, caplen: int | None) -> None:
        if caplen is None:
            self.problems.add("zero_filled", "zero bytes to the end", offset, self.frames)
        else:
            text = f"record of {caplen} captured bytes, at most {self.limit} are believed"
            self.problems.add("oversized_record", text, offset, self.frames)

    def _batch(self, data: bytes, base: int, offset: np.ndarray, head: np.ndarray) -> FrameBatch:
        return FrameBatch(
            data=data,
            base=base,
            first_frame=self.frames + 1,
            offset=offset,
            caplen=np.ascontiguousarray(head[:, 2]),
            wirelen=np.ascontiguousarray(head[:, 3]),
            # At most 2^32 s and 2^32 fraction units: cannot pass 2^63.
            time_ns=head[:, 0] * 1_000_000_000 + head[:, 1] * self.unit,
            link=np.full(len(offset), self.link, dtype=np.int32),
        )
