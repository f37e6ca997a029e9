"""IP fragments put together, in any order, within bounds."""

from bisect import bisect_left, bisect_right
from collections import OrderedDict
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Final, NamedTuple

from analyzer.link.packet import BadPacketError, Packet, Piece

MAX_DATAGRAMS: Final = 4096
MAX_BYTES: Final = 32 << 20
"""Bytes kept in all; Suricata's memcap."""
MAX_SIZE: Final = 65_535
MAX_PIECES: Final = 1366
"""A whole datagram in fragments of 48 bytes, which the smallest legal IPv4 MTU (68) makes."""
TIMEOUT_NS: Final = 30_000_000_000
"""Linux's ipfrag_time, in the capture's own time."""


class Whole(NamedTuple):
    data: bytes
    """Zero where bytes were not captured."""
    pieces: list[Piece]
    end: int
    """Where the first byte is missing."""
    protocol: int
    """What the first fragment carries."""


@dataclass(slots=True)
class _Datagram:
    time_ns: int
    holes: list[tuple[int, int]] = field(default_factory=lambda: [(0, MAX_SIZE + 1)])
    """Ranges not yet seen (RFC 815)."""
    pieces: list[tuple[Piece, bytes]] = field(default_factory=list)
    end: int | None = None
    """Known from the last fragment."""
    size: int = 0
    protocol: int = 0


class Fragments:
    """Datagrams that wait for the rest of them."""

    def __init__(self) -> None:
        self.incomplete = 0
        """Datagrams given up."""
        # Of a plain dict the first key is found more and more slowly while keys go.
        self._waiting: OrderedDict[bytes, _Datagram] = OrderedDict()
        self._bytes = 0

    def add(
        self, packet: Packet, key: bytes, protocol: int, offset: int, more: bool
    ) -> Whole | None:
        """Keep the rest of `packet` as the bytes from `offset` on (`more` follow); return the
        datagram once it is whole. What came first wins where two overlap.
        """
        length = packet.stop - packet.at
        if more and length % 8:  # as Linux does; what the next one repeats is there once
            length -= length % 8
            packet.trim(packet.at + length)
        if offset + length > MAX_SIZE or length <= 0:
            raise BadPacketError
        self._expire(packet.time_ns)
        datagram = self._waiting.get(key)
        if datagram is None:
            datagram = self._waiting[key] = _Datagram(packet.time_ns)
        if offset == 0:
            datagram.protocol = protocol
        for span in packet.spans(packet.at):
            start = offset + span.start - packet.at
            content = packet.data[span.start : span.start + span.captured]
            self._fill(datagram, start, start + span.length, content, span.position)
        if not more and datagram.end is None:
            # Nothing beyond the last fragment is waited for.
            end = datagram.end = offset + length
            datagram.holes = [(low, min(high, end)) for low, high in datagram.holes if low < end]
        if len(datagram.pieces) > MAX_PIECES:
            self._drop(key)
            self.incomplete += 1
            return None
        if datagram.holes:
            self._bound()
            return None
        self._drop(key)
        return _whole(datagram)

    def _fill(
        self, datagram: _Datagram, start: int, end: int, content: bytes, position: int
    ) -> None:
        holes = datagram.holes
        # Holes are in order and apart: only these can overlap.
        begin = bisect_right(holes, start, key=itemgetter(1))
        stop = bisect_left(holes, end, lo=begin, key=itemgetter(0))
        left: list[tuple[int, int]] = []
        for low, high in holes[begin:stop]:
            first, last = max(low, start), min(high, end)
            part = content[first - start : last - start]
            piece = Piece(first, last - first, len(part), position + first - start)
            datagram.pieces.append((piece, part))
            datagram.size += len(part)
            self._bytes += len(part)
            if low < first:
                left.append((low, first))
            if last < high:
                left.append((last, high))
        holes[begin:stop] = left

    def _expire(self, now: int) -> None:
        while self._waiting:
            key = next(iter(self._waiting))
            if now - self._waiting[key].time_ns <= TIMEOUT_NS:
                return
            self._drop(key)
            self.incomplete += 1

    def _bound(self) -> None:
        while len(self._waiting) > MAX_DATAGRAMS or self._bytes > MAX_BYTES:
            self._drop(next(iter(self._waiting)))
            self.incomplete += 1

    def _drop(self, key: bytes) -> None:
        self._bytes -= self._waiting.pop(key).size


def _whole(datagram: _Datagram) -> Whole:
    parts, pieces = [], []
    end = datagram.end or 0
    missing = end
    for piece, content in sorted(datagram.pieces):
        if piece.start >= end:
            break
        # A fragment may have reached beyond the last one.
        kept = piece.part(piece.start, min(piece.start + piece.length, end))
        pieces.append(kept)
        parts.append(content[: kept.captured].ljust(kept.length, b"\0"))
        if kept.captured < kept.length:
            missing = min(missing, kept.start + kept.captured)
    return Whole(b"".join(parts), pieces, missing, datagram.protocol)
