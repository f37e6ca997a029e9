"""What the attacks are built of: frames, captures, streams, chunk headers."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterable, Iterator

from tests.analyzer import wire
from tests.dissectors.chunk_builder import basic_header

MASK = 0xFFFFFFFF
GREETING = b"\x03" + bytes(8) + random.Random(1).randbytes(1528)
HANDSHAKE = GREETING + GREETING[1:]
Segment = tuple[int, bytes]
"""(stream offset, bytes)"""


def tcp_frame(
    seq: int,
    payload: bytes,
    flags: int = 0x18,
    client: bool = True,
    ack: int = 0,
    port: int = 50000,
    address: str = wire.A4,
) -> bytes:
    ports = (port, 1935) if client else (1935, port)
    ends = (address, wire.B4) if client else (wire.B4, address)
    head = struct.pack(">HHIIBBHHH", *ports, seq & MASK, ack & MASK, 5 << 4, flags, 512, 0, 0)
    return wire.ethernet(wire.ip4(head + payload, source=ends[0], target=ends[1]))


def capture(packets: Iterable[bytes], step_ns: int = 100_000) -> bytes:
    return wire.pcap([(10**18 + step_ns * n, data) for n, data in enumerate(packets)])


def segments(stream: bytes, size: int = 8192) -> Iterator[Segment]:
    for at in range(0, len(stream), size):
        yield at, stream[at : at + size]


def client_sends(stream: bytes, size: int = 8192) -> bytes:
    """The client's stream behind a handshake, as a capture."""
    return talk(segments(HANDSHAKE + stream, size))


def talk(parts: Iterable[Segment]) -> bytes:
    """A connection whose client sends the segments as they are given."""

    def packets() -> Iterator[bytes]:
        yield tcp_frame(999, b"", 0x02)
        yield tcp_frame(999, b"", 0x12, client=False, ack=1000)
        yield tcp_frame(1000, HANDSHAKE, client=False, ack=1000)
        for at, data in parts:
            yield tcp_frame(1000 + at, data)

    return capture(packets())


def header(csid: int, length: int, type_id: int, time: int = 0, msid: int = 1) -> bytes:
    """A fmt 0 chunk header."""
    fields = time.to_bytes(3, "big") + length.to_bytes(3, "big") + bytes((type_id,))
    return basic_header(0, csid) + fields + struct.pack("<I", msid)


def set_chunk_size(size: int) -> bytes:
    return header(2, 4, 1, msid=0) + struct.pack(">I", size)
