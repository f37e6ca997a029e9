"""A capture file, compressed file or pipe, opened by its content and never by its name."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, Self

from analyzer.sources import pcap, pcapng
from analyzer.sources.model import FrameBatch, Problem, Secret, SourceError
from analyzer.sources.pcap import PcapScanner
from analyzer.sources.pcapng import PcapngScanner
from analyzer.sources.stream import BLOCK, SNIFF, Stream, open_stream
from dissectors.text import safe

_UNSUPPORTED: Final = {
    b"\x28\xb5\x2f\xfd": "zstd-compressed input is not supported: unpack it first (zstd -dc)",
    b"\x04\x22\x4d\x18": "lz4-compressed input is not supported: unpack it first (lz4 -dc)",
    b"PK\x03\x04": "a zip archive is not supported: unpack it first",
    b"snoop\0\0\0": "snoop captures are not supported: convert to pcap first (editcap)",
    b"GMBU": "Network Monitor captures are not supported: convert to pcap first (editcap)",
    b"RTSS": "Network Monitor captures are not supported: convert to pcap first (editcap)",
    b"\x1f\x8b": "compressed twice: unpack it first",
}


class Capture:
    """Frames of one input in order, and any of its bytes again."""

    def __init__(self, stream: Stream, name: str, own: BinaryIO | None = None) -> None:
        self.name = name
        self._stream = stream
        self._own = own
        head = b""
        at_end = False
        while len(head) < SNIFF and not at_end:
            head, at_end = stream.read(0, SNIFF)
        if not head and stream.trouble:
            raise SourceError(stream.trouble[1])
        self._scanner, self._start = _scanner(head)
        self.format = self._scanner.format
        self.compression = stream.compression
        self.truncated = False

    @property
    def size(self) -> int | None:
        """Bytes on disk as given; of a pipe what was read, once its end is reached."""
        return self._stream.size

    @property
    def bytes_read(self) -> int:
        """Progress, in units of `size`."""
        return self._stream.bytes_read

    @property
    def packets(self) -> int:
        return self._scanner.frames

    @property
    def link_types(self) -> list[str]:
        """Names of the link types the file declares, in order of appearance."""
        return self._scanner.links

    @property
    def problems(self) -> list[Problem]:
        return self._scanner.problems.found

    @property
    def secrets(self) -> list[Secret]:
        """Payloads of pcapng Decryption Secrets Blocks."""
        return self._scanner.secrets if isinstance(self._scanner, PcapngScanner) else []

    def batches(self) -> Iterator[FrameBatch]:
        """Yield all whole frames, some 4 MiB at a time; once only. What is wrong with the
        input ends the iteration and is told in `problems`.
        """
        at, want = self._start, BLOCK
        while True:
            data, at_end = self._stream.read(at, want)
            scan = self._scanner.scan(data, at, at_end)
            at += scan.consumed
            if at_end or scan.stopped:
                self._finish(at)
                self.truncated = self.truncated or scan.stopped
            if len(scan.batch):
                yield scan.batch
            if at_end or scan.stopped:
                return
            want = max(BLOCK, scan.need)

    def _finish(self, at: int) -> None:
        if self._stream.trouble:
            code, text = self._stream.trouble
            self._scanner.problems.add(code, text, at, self.packets)
            # What follows the compressed data is no part of the capture.
            self.truncated = code != "trailing_garbage"

    def pread(self, offset: int, length: int) -> bytes:
        """Return bytes of the decompressed capture, fewer where it ends or was not yet read.

        Any thread may call this, also while `batches` runs.
        """
        if offset < 0 or length <= 0:
            return b""
        return self._stream.pread(offset, length)

    def close(self) -> None:
        """Give up the spool file, and the input unless the caller opened it."""
        self._stream.close()
        if self._own:
            self._own.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _scanner(head: bytes) -> tuple[PcapScanner | PcapngScanner, int]:
    if not head:
        raise SourceError("empty file")
    if head[:4] in pcap.MAGICS:
        return PcapScanner.open(head)
    if head.startswith(pcapng.MAGIC):
        return PcapngScanner.open(head)
    for magic, text in _UNSUPPORTED.items():
        if head.startswith(magic):
            raise SourceError(text)
    if len(head) < pcap.FILE_HEADER:
        raise SourceError(f"not a capture: {len(head)} bytes only")
    raise SourceError(f"not a pcap or pcapng capture (it starts with {head[:4].hex(' ')})")


def open_capture(path: str | BinaryIO, live: bool = False) -> Capture:
    """Open a capture; `-` is standard input. Raises `SourceError`.

    `live` hands on what a pipe holds instead of waiting for whole blocks.
    """
    file, name = _file(path)
    own = file if isinstance(path, str) and path != "-" else None
    stream: Stream | None = None
    try:
        stream = open_stream(file, live)
        return Capture(stream, name, own)
    except (SourceError, OSError) as error:
        for each in (stream, own):
            if each:
                each.close()
        reason = getattr(error, "strerror", None) or error
        raise SourceError(f"{safe(name)}: {reason}") from None


def _file(path: str | BinaryIO) -> tuple[BinaryIO, str]:
    if not isinstance(path, str):
        given = getattr(path, "name", None)
        return path, Path(given).name if isinstance(given, str) else "-"
    if path == "-":
        return sys.stdin.buffer, "-"
    name = Path(path).name
    try:
        return Path(path).open("rb"), name
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SourceError(f"{safe(name)}: {reason}") from None
