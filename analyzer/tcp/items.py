"""What reassembly works on: a segment, its time, a buffered piece."""

from collections.abc import Callable
from typing import NamedTuple

from . import limits

Payload = bytes | memoryview
Read = Callable[[int, int], bytes]
"""(offset in the capture, length) → bytes, fewer where they cannot be read again."""
Mark = tuple[int, int, bytes]
"""What only copies of the same packet share: IPv4 identification (-1 in IPv6), sequence number,
and the TCP header from acknowledgement to checksum (RFC 9293 §3.1)."""


class Arrival(NamedTuple):
    """When a segment came: frame number, capture time, frames of the connection so far."""

    frame: int
    time_ns: int
    tick: int

    def is_late(self, now: "Arrival") -> bool:
        """Whether what was under way when this came has arrived by `now`."""
        waited, frames = now.time_ns - self.time_ns, now.tick - self.tick
        if frames < limits.SHUFFLED:
            return waited >= limits.LONGEST_NS
        return frames >= limits.GRACE_SEGMENTS or waited >= limits.GRACE_NS


class Held(NamedTuple):
    """A segment: `payload` may be shorter than `length`, the payload bytes on the wire."""

    seq: int
    payload: Payload
    length: int
    file_offset: int
    at: Arrival
    mark: Mark


class Buffered:
    """Bytes behind a hole; `data` None stands for bytes cut by the capture's snap length."""

    __slots__ = ("acked", "at", "data", "end", "file_offset", "offset")

    def __init__(
        self, offset: int, end: int, data: bytes | None, file_offset: int, at: Arrival
    ) -> None:
        self.offset, self.end, self.data = offset, end, data
        self.file_offset, self.at = file_offset, at
        self.acked: Arrival | None = None
        """When the receiver had acknowledged everything before these bytes."""


class Budget:
    """What all directions hold and cost together."""

    __slots__ = ("overflows", "segments", "unpaid_holes", "used")

    def __init__(self) -> None:
        self.used = 0
        """Bytes buffered."""
        self.segments = 0
        """Segments buffered behind holes, in pieces."""
        self.unpaid_holes = 0
        """Holes that came without the bytes that pay for them (`limits.HOLE_BYTES`)."""
        self.overflows = 0
        """Holes given up because too much waited behind them."""


def first_difference(one: Payload, other: bytes) -> int:
    """Return where two pieces of equal length, which differ, do so first; in linear time."""
    low, high = 0, len(other)
    while high - low > 1:
        middle = (low + high) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle
    return low
