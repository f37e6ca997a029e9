"""One packet on its way through the layers, with bounds-checked reads."""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple, TypeAlias


class BadPacketError(Exception):
    """A header that is cut off or contradicts itself. Caught in `careful` only."""


class Table(IntEnum):
    """What the number of the next layer is a number of."""

    LINK = 0
    TYPE = 1
    """Ethernet type"""
    PPP = 2
    PROTOCOL = 3
    """IP protocol"""
    PORT = 4
    """UDP port"""


Step: TypeAlias = tuple[Table, int]


class Piece(NamedTuple):
    """A run of a packet's bytes and where the capture has them."""

    start: int
    length: int
    """Bytes on the wire."""
    captured: int
    position: int
    """Offset of the first byte in the decompressed capture."""

    def part(self, low: int, high: int) -> "Piece":
        """Return the bytes from `low` to `high`, which lie within."""
        skipped = low - self.start
        captured = max(min(self.captured - skipped, high - low), 0)
        return Piece(low, high - low, captured, self.position + skipped)


@dataclass(slots=True)
class Packet:
    """`at` is where the present layer starts; all offsets are offsets in `data`."""

    data: bytes
    at: int
    end: int
    """Where the captured bytes end."""
    stop: int
    """Where the packet ends on the wire."""
    frame: int
    time_ns: int
    base: int
    pieces: list[Piece] = field(default_factory=list)
    """Of a reassembled datagram: all its bytes, in order."""
    source: bytes = b""
    target: bytes = b""
    ident: int = -1
    parts: list[tuple[int, int]] = field(default_factory=list)
    """Where Ethernet frames inside it start and end (A-MSDU)."""
    jumbo: int = -1
    """Where the payload of an IPv6 packet of length 0 starts: a jumbogram, perhaps."""

    def need(self, count: int) -> int:
        """Return `at` if `count` captured bytes stand there."""
        if self.at + count > self.end:
            raise BadPacketError
        return self.at

    def skip(self, count: int) -> None:
        self.need(count)
        self.at += count

    def u8(self, offset: int) -> int:
        return self.data[self.need(offset + 1) + offset]

    def uint(self, offset: int, count: int) -> int:
        at = self.need(offset + count) + offset
        return int.from_bytes(self.data[at : at + count], "big")

    def u16(self, offset: int) -> int:
        at = self.at + offset
        if at + 2 > self.end:
            raise BadPacketError
        return self.data[at] << 8 | self.data[at + 1]

    def bytes(self, offset: int, count: int) -> bytes:
        at = self.need(offset + count) + offset
        return self.data[at : at + count]

    def trim(self, stop: int) -> None:
        """Let the packet end on the wire at `stop`, as a length field says."""
        self.stop = stop
        self.end = min(self.end, stop)

    def spans(self, start: int) -> list[Piece]:
        """Return what the bytes from `start` to the end are made of; at least one piece."""
        if not self.pieces:
            captured = max(min(self.end, self.stop) - start, 0)
            return [Piece(start, self.stop - start, captured, self.base + start)]
        found: list[Piece] = []
        for piece in self.pieces:
            low = max(start, piece.start)
            high = min(self.stop, piece.start + piece.length)
            if low < high:
                found.append(piece.part(low, high))
        last = self.pieces[-1]
        return found or [Piece(start, 0, 0, last.position + last.captured)]
