"""Captures made to exhaust memory or time, one builder per attack."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import struct
import zipfile
from collections.abc import Iterable, Iterator
from importlib import import_module

from tests.analyzer import wire
from tests.dissectors.bodies import string
from tests.dissectors.chunk_builder import Message, basic_header, build

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


# -- chunk stream ----------------------------------------------------------------------------


def chunk_streams() -> bytes:
    """65,597 chunk streams, 16 MB announced on each."""
    body = bytes(128)
    return client_sends(b"".join(header(csid, 0xFFFFFF, 9) + body for csid in range(3, 65600)))


def announced_lengths() -> bytes:
    """Commands of 16 MB announced over and over on 60 chunk streams."""
    part = b"".join(header(csid, 0xFFFFFF, 20, msid=0) + bytes(128) for csid in range(3, 63))
    return client_sends(part * 80)


def held_commands() -> bytes:
    """40 MB of commands that never end: bodies that would be held."""
    stream = [set_chunk_size(1 << 20)]
    for csid in range(3, 43):
        stream.append(header(csid, 0xFFFFFF, 20, msid=0) + bytes(1 << 20))
    return client_sends(b"".join(stream), 60000)


def chunk_sizes() -> bytes:
    """Every absurd chunk size, each followed by a message."""
    stream = b""
    body = bytes(1000)
    for size in (0, 1, 0x80000000, 0x80000001, 0x7FFFFFFF, 0xFFFFFFFF, 0, 1):
        used = size & 0x7FFFFFFF or (1 if stream else 128)
        stream += set_chunk_size(size) if used > 3 or not stream else b""
        stream += header(4, 1000, 9) + body[:used]
        stream += b"".join(b"\xc4" + body[at : at + used] for at in range(used, 1000, used))
    return client_sends(stream)


def one_byte_chunks() -> bytes:
    """4 MB messages in chunks of one byte."""
    part = b"\xc4\0" * (4 << 20)
    return client_sends(set_chunk_size(1) + header(4, (4 << 20) + 1, 9) + b"\0" + part, 60000)


def interleaved_bytes() -> bytes:
    """Two messages of 80 kB, a byte of each in turn: a run for every byte."""
    size = 80_000
    part = b"\xc4\0\xc5\0" * (size - 1)
    start = header(4, size, 9) + b"\0" + header(5, size, 9) + b"\0"
    return client_sends(set_chunk_size(1) + start + part, 60000)


def empty_messages() -> bytes:
    """300,000 messages of no bytes at all (fmt 3, c4)."""
    return client_sends(header(4, 0, 9) + b"\xc4" * 300_000, 60000)


def more_empty_messages() -> bytes:
    """450,000 of them: more than are listed."""
    return client_sends(header(4, 0, 9) + b"\xc4" * 450_000, 60000)


def abort_flood() -> bytes:
    """Open a message and abort it, 30,000 times."""
    abort = header(2, 4, 2, msid=0) + struct.pack(">I", 4)
    return client_sends((header(4, 5000, 9) + bytes(128) + abort) * 30_000)


def chunk_size_flood() -> bytes:
    """A Set Chunk Size in every other message."""
    return client_sends(b"".join(set_chunk_size(128 + n % 1000) for n in range(40_000)))


def long_way() -> bytes:
    """One message whose chunks lie 100 MB apart in the stream."""
    start = HANDSHAKE + header(4, 0xFFFFFF, 9) + bytes(128)
    return talk([(0, start), *((n * 100_000_000, b"\xc4" + bytes(128)) for n in range(1, 40))])


# -- AMF and commands ------------------------------------------------------------------------


def _messages(bodies: Iterable[bytes], type_id: int = 20) -> bytes:
    return client_sends(bytes(build([Message(3, type_id, 0, 0, body) for body in bodies]).data))


def amf_depth() -> bytes:
    """Objects 100,000 deep, and the same with arrays and AMF3."""
    call = string("x") + b"\0" * 9
    deep = call + b"\x03\0\x01a" * 100_000
    arrays = call + b"\x0a\0\0\0\1" * 100_000
    amf3 = call + b"\x11" + b"\x09\x03\x01" * 100_000
    return _messages([deep, arrays, amf3] * 3)


def amf_counts() -> bytes:
    """Arrays that announce 2^32 values, and ones that have 300,000."""
    call = string("x") + b"\0" * 9
    many = call + b"\x0a\xff\xff\xff\xff" + b"\x05" * 300_000
    ecma = call + b"\x08\xff\xff\xff\xff" + b"\0\0\x05" * 100_000
    amf3 = call + b"\x11\x09\xff\xff\xff\xff\x01" + b"\x04\x01" * 100_000
    return _messages([call + b"\x0a\xff\xff\xff\xff", many, ecma, amf3] * 2)


def amf_references() -> bytes:
    """Each array refers twice to the one before: 2^40 values when expanded."""
    body = string("x") + b"\0" * 9 + b"\x0a" + struct.pack(">I", 40)
    body += b"\x0a\0\0\0\1\x05"
    for number in range(1, 40):
        body += b"\x0a\0\0\0\2" + (b"\x07" + struct.pack(">H", number)) * 2
    return _messages([body] * 20)


def command_flood() -> bytes:
    """30,000 commands."""
    body = string("x") + b"\0" * 9 + b"\x05"
    return client_sends(bytes(build([Message(3, 20, 0, 0, body)] * 30_000).data))


def large_commands() -> bytes:
    """Commands of 64 kB, full of empty objects."""
    body = string("x") + b"\0" * 9 + b"\x0a" + struct.pack(">I", 16000) + b"\x03\0\0\x09" * 16000
    return _messages([body] * 60)


def malformed_commands() -> bytes:
    """15,000 commands that cannot be decoded."""
    return client_sends(bytes(build([Message(3, 20, 0, 0, b"\x02\xff\xff")] * 15_000).data))


def configuration_flood() -> bytes:
    """50,000 codec configurations, a frame behind each."""
    config = bytes.fromhex("17000000000142c01effe1001967")
    pair = [Message(6, 9, 1, 0, config), Message(6, 9, 1, 0, b"\x27\x01\0\0\0" + bytes(4))]
    return client_sends(bytes(build(pair * 50_000).data))


# -- TCP -------------------------------------------------------------------------------------


def sequence_jumps() -> bytes:
    """Segments all over the sequence space."""
    dice = random.Random(2)
    start = [(0, HANDSHAKE)]
    return talk(start + [(dice.getrandbits(32), bytes(100)) for _ in range(20_000)])


def out_of_order() -> bytes:
    """A hole at the start, then 4 MB that must wait."""
    return talk([(0, HANDSHAKE), *((4000 + n * 1500, bytes(1400)) for n in range(5_000))])


def overlaps() -> bytes:
    """Segments that overlap each other in every way, with other bytes."""
    dice = random.Random(3)
    parts = [(0, HANDSHAKE)]
    for _ in range(20_000):
        parts.append((3073 + dice.randrange(100_000), dice.randbytes(dice.randrange(1, 1400))))
    return talk(parts)


def many_gaps() -> bytes:
    """Every other segment is missing."""
    dice = random.Random(4)
    data = dice.randbytes(1000)
    return talk([(0, HANDSHAKE), *((3073 + n * 2000, data) for n in range(1, 3_000))])


def many_resyncs() -> bytes:
    """Plausible messages between impossible headers."""
    good = header(4, 100, 8) + b"\xaf\x01" + bytes(98)
    bad = b"\xff" * 3
    return client_sends((good * 4 + bad) * 700, 60000)


def search_pattern() -> bytes:
    """Mid-stream: what looks like a chunk header and is none, 4 MB of it."""
    pattern = bytes.fromhex("09000000000010080100000000")
    return talk(segments(pattern * 320_000, 60000))


def syn_flood() -> bytes:
    """250,000 SYNs."""
    return capture(
        tcp_frame(n, b"", 2, port=1024 + n % 60000, address=f"10.1.0.{n // 60000}")
        for n in range(250_000)
    )


def flow_flood() -> bytes:
    """100,000 connections that send one C0."""
    return capture(
        tcp_frame(n, b"\x03", port=1024 + n % 50000, address=f"10.1.0.{n // 50000}")
        for n in range(100_000)
    )


def connection_flood() -> bytes:
    """3,000 connections with a whole C0 C1 C2."""
    return capture(tcp_frame(n, HANDSHAKE, port=1024 + n, address="10.1.0.1") for n in range(3_000))


# -- files -----------------------------------------------------------------------------------


def _zeros(mb: int) -> Iterator[bytes]:
    yield wire.pcap([])
    for _ in range(mb):
        yield bytes(1 << 20)


def _compressed(compressor: object, mb: int) -> bytes:
    parts = [compressor.compress(part) for part in _zeros(mb)]  # type: ignore[attr-defined]
    return b"".join([*parts, compressor.flush()])  # type: ignore[attr-defined]


def gzip_bomb() -> bytes:
    return gzip.compress(b"".join(_zeros(300)), 6)


def bz2_bomb() -> bytes:
    return _compressed(bz2.BZ2Compressor(), 200)


def xz_bomb() -> bytes:
    return _compressed(lzma.LZMACompressor(preset=1), 300)


def zstd_bomb() -> bytes:
    """32,000 : 1."""
    return bytes(import_module("zstandard").compress(b"".join(_zeros(300))))


def zip_bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.pcap", b"".join(_zeros(300)))
    return out.getvalue()


def interface_flood() -> bytes:
    """500,000 pcapng interfaces."""
    return wire.section() + wire.interface() * 500_000


def option_flood() -> bytes:
    """Option lists that fill their blocks, none of them an end."""
    option = struct.pack("<HH", 2, 0)
    interface = wire.block(1, struct.pack("<HHI", 1, 0, 0) + option * 100_000)
    return wire.section() + interface * 20


def huge_block() -> bytes:
    """Blocks that claim 2 GB."""
    claim = struct.pack("<II", 6, 0x7FFFFFF0)
    return wire.section() + wire.interface() + claim * 1000


def secrets_flood() -> bytes:
    """200 MB of Decryption Secrets in blocks of 1 MB."""
    keys = wire.block(10, struct.pack("<II", 0x544C534B, 1 << 20) + bytes(1 << 20))
    return wire.section() + wire.interface() + keys * 200


def absurd_times() -> bytes:
    """Packets in the year 152000 and before 1970."""
    frame = tcp_frame(1000, HANDSHAKE)
    packets = [wire.enhanced(tick, frame) for tick in (2**63, 2**64 - 1, 0, 10**18)]
    return wire.section() + wire.interface(resolution=6) + b"".join(packets * 100)


def zero_tail() -> bytes:
    """A capture whose end was never written."""
    return client_sends(b"") + bytes(20 << 20)


# -- link ------------------------------------------------------------------------------------


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
