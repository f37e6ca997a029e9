"""Attacks on the chunk stream."""

import random
import struct

from tests.hostile.frames import HANDSHAKE, client_sends, header, set_chunk_size, talk


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


def empty_chunks() -> bytes:
    """2,000,000 of them."""
    return client_sends(header(4, 0, 9) + b"\xc4" * 2_000_000, 60000)


def small_messages() -> bytes:
    """700,000 messages of one byte, on two chunk streams in turns."""
    start = header(4, 1, 9) + b"\x17" + header(5, 1, 8) + b"\xaf"
    return client_sends(start + b"\xc4\x17\xc5\xaf" * 350_000, 60000)


def open_messages() -> bytes:
    """3,000 messages of 16 MB announced on as many chunk streams, a chunk of each sent."""
    part = (header(3 + n, 0xFFFFFF, 9) + b"\x17" * 128 for n in range(3_000))
    return client_sends(b"".join(part))


def wide_chunk_streams() -> bytes:
    """A message on each of 65,000 chunk streams."""
    return client_sends(b"".join(header(csid, 1, 9) + b"\x17" for csid in range(64, 65_064)), 60000)


def extended_times() -> bytes:
    """200,000 messages all over the range of extended timestamps."""
    dice = random.Random(5)
    body = b"\x27\1\0\0\0xx"
    stream = (
        _extended(4 + n % 2, len(body), 9, dice.getrandbits(32)) + body for n in range(200_000)
    )
    return client_sends(b"".join(stream), 16000)


def _extended(csid: int, length: int, type_id: int, time: int) -> bytes:
    return header(csid, length, type_id, 0xFFFFFF) + struct.pack(">I", time)


def extended_chunks() -> bytes:
    """Chunks of which every other one repeats the extended timestamp."""
    size, time = 128, 0x01020304
    repeated = b"\xc4" + struct.pack(">I", time)
    chunks = (repeated + bytes(size) + b"\xc4" + bytes(size)) * 30
    message = _extended(4, size * 61, 9, time) + bytes(size) + chunks
    return client_sends(message * 800, 16000)


def user_controls() -> bytes:
    """300,000 User Control messages."""
    bodies = (struct.pack(">HI", (0, 1, 3, 6, 7, 31, 32)[n % 7], n) for n in range(300_000))
    return client_sends(b"".join(header(2, 6, 4, msid=0) + body for body in bodies), 16000)


def senseless_messages() -> bytes:
    """300,000 messages of every type, each with seven bytes of chance."""
    dice = random.Random(6)
    types = (1, 2, 3, 4, 5, 6, 8, 9, 15, 16, 17, 18, 19, 20, 22, 99)
    parts = (header(3, 7, dice.choice(types)) + dice.randbytes(7) for _ in range(300_000))
    return client_sends(set_chunk_size(0xFFFFFF) + b"".join(parts), 16000)


def abort_and_resize() -> bytes:
    """Open a message, abort it, change the chunk size: 30,000 times."""
    abort = header(2, 4, 2, msid=0) + struct.pack(">I", 5)
    parts = (header(5, 100_000, 9) + b"x" * 128 + abort + set_chunk_size(128 + n % 3)
             for n in range(30_000))  # fmt: skip
    return client_sends(b"".join(parts), 16000)
