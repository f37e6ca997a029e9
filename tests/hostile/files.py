"""Attacks by the capture file: compression, blocks, options, times."""

import bz2
import gzip
import io
import lzma
import struct
import zipfile
from collections.abc import Iterator
from importlib import import_module

from tests.analyzer import wire
from tests.hostile.frames import HANDSHAKE, client_sends, tcp_frame


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


def _packets(mb: int) -> Iterator[bytes]:
    """A capture of empty packets of 256 KiB, as far as 1 MiB pieces go."""
    yield wire.pcap([])
    packet = struct.pack("<IIII", 1, 0, 1 << 18, 1 << 18) + bytes(1 << 18)
    for _ in range(mb):
        yield packet * 4


def packet_gzip_bomb() -> bytes:
    """Packets that grow 1,014-fold, to 600 MB."""
    return gzip.compress(b"".join(_packets(600)), 9)


def packet_zstd_bomb() -> bytes:
    """Packets that grow 10,000-fold, to 600 MB."""
    return bytes(import_module("zstandard").compress(b"".join(_packets(600))))


def empty_gzip_members() -> bytes:
    """A capture, then 500,000 members without content."""
    return gzip.compress(client_sends(b""), mtime=0) + gzip.compress(b"", mtime=0) * 500_000


def empty_bz2_members() -> bytes:
    """The same in bzip2."""
    return bz2.compress(client_sends(b"")) + bz2.compress(b"") * 500_000


def section_flood() -> bytes:
    """50,000 pcapng sections with a packet each."""
    packet = wire.enhanced(10**15, tcp_frame(1000, b"x"))
    return (wire.section() + wire.interface() + packet) * 50_000
