"""Attacks on TCP: connections, sequence numbers, holes, and the search behind them."""

import random
from collections.abc import Iterator

from tests.dissectors.bodies import NULL, num, obj, string
from tests.dissectors.chunk_builder import Message, build
from tests.hostile.frames import (
    HANDSHAKE,
    capture,
    client_sends,
    header,
    segments,
    talk,
    tcp_frame,
)


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


def holes() -> bytes:
    """60,000 segments with a hole before each."""
    parts = ((3073 + 3000 * n % (1 << 29), b"z" * 100) for n in range(1, 60_000))
    return talk([(0, HANDSHAKE), *parts])


def many_patterns() -> bytes:
    """Behind an impossible header: what looks like the header of a frame of 32 bytes, 7 MB."""
    pattern = bytes.fromhex("060000000000200901000000") + b"\x17\1\0\0\0"
    return client_sends(b"\xff" * 20 + pattern * 410_000, 60000)


def one_segment_flows() -> bytes:
    """150,000 connections that send the beginning of a connect command."""
    body = header(3, 200, 20, msid=0) + string("connect") + num(1)
    return capture(
        tcp_frame(n, body[:30], port=1024 + n % 50000, address=f"10.1.{n // 50000}.1")
        for n in range(150_000)
    )


def small_connections(count: int = 1_500) -> bytes:
    """Connections that publish three frames each."""
    connect = string("connect") + num(1) + obj(("app", string("live")))
    publish = string("publish") + num(3) + NULL + string("k") + string("live")
    config = bytes.fromhex("17000000000142c01effe1001967") + bytes(20)
    said = [Message(3, 20, 0, 0, connect), Message(8, 20, 1, 0, publish)]
    said += [Message(6, 9, 1, 0, config), Message(4, 8, 1, 0, b"\xaf\0\x12\x10")]
    said += [Message(6, 9, 1, 40 * n, b"\x27\1\0\0\0" + bytes(40)) for n in range(3)]
    answer = Message(3, 20, 0, 0, string("_result") + num(1) + NULL + obj(("level", num(1))))
    client, server = bytes(build(said).data), bytes(build([answer]).data)

    def packets() -> Iterator[bytes]:
        for n in range(count):
            yield tcp_frame(999, b"", 2, port=1024 + n)
            yield tcp_frame(999, b"", 0x12, client=False, ack=1000, port=1024 + n)
            yield tcp_frame(1000, HANDSHAKE, port=1024 + n)
            yield tcp_frame(1000, HANDSHAKE + server, client=False, ack=4073, port=1024 + n)
            yield tcp_frame(4073, client, port=1024 + n)
            yield tcp_frame(4073 + len(client), b"", 0x11, port=1024 + n)

    return capture(packets())


def one_byte_holes() -> bytes:
    """120,000 segments of one byte, a hole of one before each."""
    return capture(tcp_frame(2 * n, b"\3") for n in range(120_000))


def byte_steps() -> bytes:
    """60,000 segments over the same 5,000 bytes, each with another content."""
    return capture(tcp_frame(n * 37 % 5_000, bytes((n & 0xFF,)) * 100) for n in range(60_000))


def shifted_segments() -> bytes:
    """Segments of 100 bytes, each one byte further on."""
    data = HANDSHAKE + header(4, 0xFFFFFF, 9) + bytes(60_000)
    return talk((at, data[at : at + 100]) for at in range(len(data)))


def keep_alives() -> bytes:
    """100,000 segments without a byte, and as many with the last one again."""

    def packets() -> Iterator[bytes]:
        yield tcp_frame(999, b"", 2)
        yield tcp_frame(1000, HANDSHAKE)
        for n in range(50_000):
            yield tcp_frame(1000 + len(HANDSHAKE), b"")
            yield tcp_frame(999 + len(HANDSHAKE), b"\0" * (n & 1))

    return capture(packets())


def taking_turns() -> bytes:
    """Both sides send a byte in turn, 50,000 times: nothing that is known."""

    def packets() -> Iterator[bytes]:
        for n in range(50_000):
            yield tcp_frame(1000 + n, b"\6", ack=2000 + n)
            yield tcp_frame(2000 + n, b"\6", client=False, ack=1001 + n)

    return capture(packets())


def byte_rounds() -> bytes:
    """1,000 connections that send a byte of their handshake each in turn, 100 times."""

    def packets() -> Iterator[bytes]:
        for n in range(1_000):
            yield tcp_frame(999, b"", 2, port=1024 + n)
            yield tcp_frame(999, b"", 0x12, client=False, ack=1000, port=1024 + n)
        for at in range(100):
            for n in range(1_000):
                yield tcp_frame(1000 + at, HANDSHAKE[at : at + 1], port=1024 + n, ack=1000)

    return capture(packets(), 1_000)


def holes_before_anything() -> bytes:
    """300 connections: a SYN, a hole in place of the handshake, then every other byte, in turn."""

    def packets() -> Iterator[bytes]:
        for n in range(300):
            yield tcp_frame(999, b"", 2, port=1024 + n)
        for at in range(500):
            for n in range(300):
                yield tcp_frame(6000 + 2 * at, b"\3", port=1024 + n)

    return capture(packets(), 1_000)


def same_ports() -> bytes:
    """10,000 connections, one after the other, between the same ports."""

    def packets() -> Iterator[bytes]:
        for n in range(10_000):
            start = n * 100_003
            yield tcp_frame(start, b"", 2)
            yield tcp_frame(start, b"", 0x12, client=False, ack=start + 1)
            yield tcp_frame(start + 1, b"\3" + bytes(40))
            yield tcp_frame(start + 42, b"", 0x14)

    return capture(packets())


def bogus_lengths() -> bytes:
    """Mid-stream: headers of messages of 16 MB, one every 16 bytes."""
    return talk(segments(b"\x44\0\0\x17\xff\xff\xff\x09\x27\1\0\0\0\0\0\0" * 400_000, 60000))


def short_frames() -> bytes:
    """Mid-stream: 400,000 audio messages of two bytes."""
    return talk(segments((header(4, 2, 8) + b"\xaf\1") * 400_000, 16000))


def resets() -> bytes:
    """100,000 RST, SYN and SYN/ACK with sequence numbers of chance."""
    dice = random.Random(7)

    def packets() -> Iterator[bytes]:
        yield tcp_frame(999, b"", 2)
        yield tcp_frame(1000, HANDSHAKE)
        for n in range(100_000):
            flags = dice.choice((4, 2, 0x11, 0x12))
            yield tcp_frame(dice.getrandbits(32), b"", flags, client=bool(n & 1), ack=100)

    return capture(packets())


def closed_windows() -> bytes:
    """100,000 acknowledgements that shut the window, and open it."""

    def packets() -> Iterator[bytes]:
        yield tcp_frame(1000, HANDSHAKE)
        for n in range(100_000):
            frame = bytearray(tcp_frame(1000, b"", 0x10, client=False, ack=4073))
            frame[48:50] = (n & 1).to_bytes(2, "big")
            yield bytes(frame)

    return capture(packets())
