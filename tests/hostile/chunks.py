"""Attacks on the chunk stream."""

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
