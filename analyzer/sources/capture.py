"""A capture file, compressed file or pipe, opened by its content and never by its name."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple, Protocol, Self

from analyzer.sources import pcap, pcapng
from analyzer.sources.again import Frames, Mark, Marks
from analyzer.sources.inflate import MAGICS
from analyzer.sources.model import LAST_NS, FrameBatch, Problem, Secret, SourceError
from analyzer.sources.pcap import PcapScanner
from analyzer.sources.pcapng import PcapngScanner
from analyzer.sources.stream import (
    BLOCK,
    FIRST_BLOCK,
    SNIFF,
    PlainFile,
    Reading,
    SpooledStream,
    Stream,
    open_stream,
)
from dissectors.text import safe

_UNSUPPORTED: Final = {
    b"PK\x03\x04": "a zip archive is read from a file only, and not inside another one",
    b"snoop\0\0\0": "snoop captures are not supported: convert to pcap first (editcap)",
    b"GMBU": "Network Monitor captures are not supported: convert to pcap first (editcap)",
    b"RTSS": "Network Monitor captures are not supported: convert to pcap first (editcap)",
    **dict.fromkeys(MAGICS, "compressed twice: unpack it first"),
}


DEFAULT: Final = Reading()
PEEKS: Final = (4 << 10, 64 << 10, 1 << 20)
"""Bytes in which the first packet is looked for, more only where fewer hold none."""


class Closable(Protocol):
    """What a capture closes with itself."""

    def close(self) -> object: ...


class CaptureState(NamedTuple):
    """What reading a capture has changed, to be adopted where the same file is open."""

    frames: int
    links: list[str]
    problems: list[Problem]
    secrets: list[Secret]
    """Empty until the end: they can be large."""
    truncated: bool
    bytes_read: int
    marks: list[Mark]
    """Those that are new."""


class Capture:
    """Frames of one input in order, and any of its bytes again."""

    def __init__(
        self,
        stream: Stream,
        name: str,
        own: Closable | None = None,
        most: int | None = None,
    ) -> None:
        # The bytes of the name as UTF-8, whatever the locale makes of them.
        self.name = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        self._stream = stream
        self._own = own
        self._most = most
        self._stopped = False
        self._marks = Marks()
        head = b""
        at_end = False
        need = SNIFF
        while len(head) < need and not at_end:
            head, at_end = stream.read(0, need)
            if head.startswith(pcapng.MAGIC):
                need = pcapng.MIN_SECTION  # a live pcap may have no byte behind its 24 yet
        if not head and stream.trouble:
            raise SourceError(stream.trouble[1])
        self._scanner, self._start = _scanner(head)
        self.format = self._scanner.format
        self.compression = stream.compression
        self.truncated = False

    def remark(self, code: str, text: str) -> None:
        """Add a problem that whoever opened the capture has seen."""
        self._scanner.problems.add(code, text, 0, 0)

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

    def first_ns(self) -> int | None:
        """Return the first packet's time, which orders a set, before `batches` is begun.

        None where it would have to be waited for, or where the first MiB tells none; `LAST_NS`
        where no packet is there at all.
        """
        if self._stream.waits:
            return None
        for count in PEEKS:
            data, at_end = self._stream.read(0, count)
            scanner, start = _scanner(data)
            batch = scanner.scan(data[start:], start, False).batch
            if len(batch) or at_end:
                break
        self._forget()
        if not len(batch):
            return LAST_NS if at_end else None
        return int(batch.time_ns[0]) or None

    def batches(self) -> Iterator[FrameBatch]:
        """Yield all whole frames, some 5 MiB at a time; once only. What is wrong with the
        input ends the iteration and is told in `problems`.
        """
        at, want = self._start, min(FIRST_BLOCK, BLOCK)
        while True:
            data, at_end = self._stream.read(at, want)
            enough = self._most is not None and at + len(data) >= self._most
            if enough:
                data = data[: (self._most or 0) - at]
            # A record may be cut by who stopped the input, or by trouble that is told by itself.
            cut = enough or self._stopped or self._stream.trouble is not None
            self._marks.note(at, self._scanner)
            scan = self._scanner.scan(data, at, at_end and not cut)
            at += scan.consumed
            ended = at_end or scan.stopped or enough
            if ended:
                self._finish(at, enough and not scan.stopped)
                self.truncated = self.truncated or scan.stopped
            if len(scan.batch):
                yield scan.batch
            if ended:
                return
            want = max(BLOCK, scan.need)

    def _finish(self, at: int, enough: bool) -> None:
        if enough:
            text = f"{self._most} bytes were read, the rest is left out (--max-input-bytes)"
            self._scanner.problems.add("input_limit", text, at, self.packets)
            self.truncated = True
        for note in self._stream.notes:
            self._scanner.problems.add(note.code, note.text, at, self.packets, note.count)
        if self._stream.trouble:
            code, text = self._stream.trouble
            self._scanner.problems.add(code, text, at, self.packets)
            # What follows the compressed data is no part of the capture.
            self.truncated = code != "trailing_garbage"
        self._forget()

    def _forget(self) -> None:
        if isinstance(self._stream, SpooledStream):
            self._stream.forget()

    @property
    def plain_size(self) -> int | None:
        """Bytes of an ordinary, uncompressed file; None for everything else."""
        return self.size if isinstance(self._stream, PlainFile) else None

    def state(self, *, final: bool) -> CaptureState:
        """Return what `batches` has changed so far."""
        return CaptureState(
            self.packets,
            self.link_types,
            self.problems,
            self.secrets if final else [],
            self.truncated,
            self.bytes_read,
            self._marks.news(),
        )

    def adopt(self, state: CaptureState) -> None:
        """Take over what `batches` has changed in another process."""
        self._scanner.frames, self._scanner.links = state.frames, state.links
        self._scanner.problems.found = state.problems
        if isinstance(self._scanner, PcapngScanner):
            self._scanner.secrets = state.secrets
        self.truncated = state.truncated
        self._stream.bytes_read = state.bytes_read
        self._marks.all += state.marks

    def frames_around(self, offset: int) -> Frames | None:
        """Return the frames about a byte of the decompressed capture, numbered from 1; None where
        they cannot be read again. Any thread may call this, also while `batches` runs.
        """
        return self._marks.around(offset, self.oldest, self.pread)

    def pread(self, offset: int, length: int) -> bytes:
        """Return bytes of the decompressed capture, fewer where it ends or was not yet read.

        Any thread may call this, also while `batches` runs.
        """
        if offset < 0 or length <= 0:
            return b""
        return self._stream.pread(offset, length)

    @property
    def oldest(self) -> int:
        """Offset before which `pread` finds nothing any more."""
        return self._stream.oldest

    def stop(self) -> None:
        """End an input that would go on; any thread or signal handler may call this."""
        self._stopped = True
        self._stream.stop()

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


def open_capture(path: str | BinaryIO, reading: Reading = DEFAULT) -> Capture:
    """Open a capture; `-` is standard input. Raises `SourceError`."""
    file, name = open_file(path)
    own = file if isinstance(path, str) and path != "-" else None
    stream: Stream | None = None
    try:
        stream = open_stream(file, path if isinstance(path, str) else None, reading)
        return Capture(stream, name, own, reading.most)
    except (SourceError, OSError) as error:
        for each in (stream, own):
            if each:
                each.close()
        reason = getattr(error, "strerror", None) or error
        raise SourceError(f"{safe(name)}: {reason}") from None


def open_file(path: str | BinaryIO) -> tuple[BinaryIO, str]:
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
