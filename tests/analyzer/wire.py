"""Small builders of packets and capture files."""

import struct
from ipaddress import ip_address

Frame = tuple[int, bytes]
"""(nanoseconds, bytes)"""

A4, B4 = "10.0.0.1", "10.0.0.2"
A6, B6 = "2001:db8::1", "2001:db8::2"
MACS = bytes(12)


def tcp(payload: bytes, seq: int = 1, options: bytes = b"", flags: int = 0x18) -> bytes:
    """From port 5000 to port 1935."""
    offset = (20 + len(options)) // 4 << 4
    head = struct.pack(">HHIIBBHHH", 5000, 1935, seq, 7, offset, flags, 512, 0, 0)
    return head + options + payload


def ip4(
    body: bytes,
    protocol: int = 6,
    options: bytes = b"",
    fragment: int = 0,
    length: int | None = None,
    source: str = A4,
    target: str = B4,
    ident: int = 77,
) -> bytes:
    size = 20 + len(options)
    total = size + len(body) if length is None else length
    addresses = ip_address(source).packed + ip_address(target).packed
    head = struct.pack(">BBHHHBBH", 0x40 | size // 4, 0, total, ident, fragment, 64, protocol, 0)
    return head + addresses + options + body


def ip6(
    body: bytes,
    following: int = 6,
    length: int | None = None,
    source: str = A6,
    target: str = B6,
) -> bytes:
    size = len(body) if length is None else length
    addresses = ip_address(source).packed + ip_address(target).packed
    return struct.pack(">IHBB", 6 << 28, size, following, 64) + addresses + body


def udp(body: bytes, port: int) -> bytes:
    return struct.pack(">HHHH", 40000, port, 8 + len(body), 0) + body


def ethernet(body: bytes, kind: int = 0x0800) -> bytes:
    return MACS + struct.pack(">H", kind) + body


def pcap(
    frames: list[Frame],
    link: int = 1,
    order: str = "<",
    nanoseconds: bool = False,
    wirelen: int | None = None,
    snaplen: int = 262144,
) -> bytes:
    magic, unit = (0xA1B23C4D, 1) if nanoseconds else (0xA1B2C3D4, 1000)
    out = [struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, snaplen, link)]
    for time, data in frames:
        seconds, rest = divmod(time, 10**9)
        wire = len(data) if wirelen is None else wirelen
        out.append(struct.pack(order + "IIII", seconds, rest // unit, len(data), wire) + data)
    return b"".join(out)


def records(data: bytes) -> tuple[bytes, list[bytes]]:
    """Return header and records of a little-endian pcap; a packet stands at byte 16 of its."""
    found, at = [], 24
    while at < len(data):
        size = 16 + int.from_bytes(data[at + 8 : at + 12], "little")
        found.append(data[at : at + size])
        at += size
    return data[:24], found


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    body += bytes(-len(body) % 4)
    length = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + length + body + length


def section(order: str = "<") -> bytes:
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def interface(
    link: int = 1,
    order: str = "<",
    resolution: int | None = None,
    offset: int | None = None,
    snaplen: int = 0,
) -> bytes:
    options = b""
    if resolution is not None:
        options += struct.pack(order + "HHB3x", 9, 1, resolution)
    if offset is not None:
        options += struct.pack(order + "HHq", 14, 8, offset)
    if options:
        options += bytes(4)
    return block(1, struct.pack(order + "HHI", link, 0, snaplen) + options, order)


def enhanced(
    ticks: int, data: bytes, number: int = 0, order: str = "<", caplen: int | None = None
) -> bytes:
    size = len(data) if caplen is None else caplen
    head = struct.pack(order + "IIIII", number, ticks >> 32, ticks & 0xFFFFFFFF, size, len(data))
    return block(6, head + data, order)


def simple(data: bytes, order: str = "<") -> bytes:
    return block(3, struct.pack(order + "I", len(data)) + data, order)


def old_packet(ticks: int, data: bytes, number: int = 0, order: str = "<") -> bytes:
    head = struct.pack(
        order + "HHIIII", number, 0, ticks >> 32, ticks & 0xFFFFFFFF, len(data), len(data)
    )
    return block(2, head + data, order)


def pcapng(frames: list[Frame], link: int = 1, order: str = "<") -> bytes:
    packets = [enhanced(time, data, 0, order) for time, data in frames]
    return section(order) + interface(link, order, 9) + b"".join(packets)
