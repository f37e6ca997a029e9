"""Attacks on the layers below TCP."""

import struct

from tests.analyzer import wire
from tests.hostile.frames import capture


def fragment_flood() -> bytes:
    """40,000 first fragments of datagrams that never end."""
    part = wire.tcp(bytes(64))
    return capture(
        wire.ethernet(
            wire.ip4(part[:80], fragment=0x2000, ident=n & 0xFFFF, source=f"10.{n >> 16}.0.1")
        )
        for n in range(40_000)
    )


def large_fragments() -> bytes:
    """Fragments of 60 kB for 2,000 datagrams that never end."""
    return capture(
        wire.ethernet(wire.ip4(bytes(60_000), fragment=0x2000, ident=n)) for n in range(2000)
    )


def tunnels() -> bytes:
    """IP in IP, deeper than anyone follows."""
    packet = wire.ip4(wire.tcp(b"\x03"))
    for _ in range(60):
        packet = wire.ip4(packet, protocol=4)
    return capture([wire.ethernet(packet)] * 20_000)


def odd_fragments() -> bytes:
    """100,000 fragments whose length is no multiple of eight."""
    part = wire.tcp(bytes(63))
    return capture(
        wire.ethernet(wire.ip4(part, fragment=0x2000 | n >> 16 << 3, ident=n & 0xFFFF))
        for n in range(100_000)
    )


def fragments6() -> bytes:
    """80,000 fragments of IPv6 datagrams that never end."""
    return capture(wire.ethernet(_fragment6(n), 0x86DD) for n in range(80_000))


def _fragment6(number: int) -> bytes:
    part = struct.pack(">BBHI", 6, 0, 1 | number % 8000 * 8, number) + b"z" * 16
    source = b"\xfd" + struct.pack(">I", number) + bytes(11)
    return struct.pack(">IHBB", 6 << 28, len(part), 44, 64) + source + bytes(16) + part


def extension_headers() -> bytes:
    """IPv6 packets with 150 extension headers."""
    chain = bytes((60, 0, 1, 4, 0, 0, 0, 0)) * 150 + bytes((6, 0, 1, 4, 0, 0, 0, 0))
    packet = chain + wire.tcp(b"\x03" * 10)
    head = struct.pack(">IHBB", 6 << 28, len(packet), 60, 64) + bytes(32)
    return capture([wire.ethernet(head + packet, 0x86DD)] * 7_000)
