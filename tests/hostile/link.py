"""Attacks on the layers below TCP."""

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
