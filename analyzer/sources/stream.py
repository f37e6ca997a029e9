"""The bytes of a capture: read once in order, and again anywhere."""

import contextlib
import os
import stat
import tempfile
from typing import BinaryIO, Final, Protocol

from analyzer.sources.inflate import Inflater, compression_of

BLOCK: Final = 4 << 20
"""Bytes read at a time: the processor's cache still helps, numpy's calls do not count."""
COMPRESSED_BLOCK: Final = 256 << 10
SNIFF: Final = 32
"""Enough to tell any format from its first bytes."""


class Stream(Protocol):
    """The decompressed capture."""

    compression: str | None
    size: int | None
    bytes_read: int
    trouble: tuple[str, str] | None

    def read(self, start: int, count: int) -> tuple[bytes, bool]:
        """Return about `count` bytes from `start` on, and whether the input ends with them.

        `start` never lies before an earlier one.
        """
        ...

    def pread(self, offset: int, length: int) -> bytes: ...

    def close(self) -> None: ...

    # (code, text) of what ended the input early is in `trouble`.


def _pread(descriptor: int, offset: int, length: int) -> bytes:
    """Read `length` bytes or up to the end: one call may return less on any system."""
    data = os.pread(descriptor, length, offset)
    if not data or len(data) == length:
        return data
    parts = [data]
    got = len(data)
    while got < length and (data := os.pread(descriptor, length - got, offset + got)):
        parts.append(data)
        got += len(data)
    return b"".join(parts)


class PlainFile:
    """An ordinary file: nothing is copied, everything is read at its offset."""

    compression: str | None = None
    trouble: tuple[str, str] | None = None

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._descriptor = file.fileno()
        self.size: int | None = size
        self.bytes_read = 0

    def read(self, start: int, count: int) -> tuple[bytes, bool]:
        try:
            data = _pread(self._descriptor, start, count)
        except OSError as error:
            self.trouble = "read_error", f"reading stopped: {error}"
            return b"", True
        self.bytes_read = start + len(data)
        return data, len(data) < count

    def pread(self, offset: int, length: int) -> bytes:
        return _pread(self._descriptor, offset, length)

    def close(self) -> None:
        """The file is its opener's to close."""


class SpooledStream:
    """A pipe or compressed input, kept in an unlinked temporary file while it is read."""

    def __init__(self, file: BinaryIO, size: int | None, live: bool) -> None:
        self._file = file
        self._live = live
        self._head = head = _head(file)
        self.size = size
        self.compression = compression_of(head)
        self._inflater = Inflater(self.compression) if self.compression else None
        self.trouble: tuple[str, str] | None = None
        self.bytes_read = 0
        self._spool: BinaryIO = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 — lives with the stream
        self._spooled = 0
        self._tail = b""
        self._ended = False

    def read(self, start: int, count: int) -> tuple[bytes, bool]:
        kept = self._tail[len(self._tail) - (self._spooled - start) :]
        parts, got = [kept] if kept else [], len(kept)
        while got < count and not self._ended:
            piece = self._pull(count - got)
            if piece:
                parts.append(piece)
                got += len(piece)
                if self._live:
                    break
        self._tail = parts[0] if len(parts) == 1 else b"".join(parts)
        return self._tail, self._ended

    def _pull(self, count: int) -> bytes:
        """Return the next bytes of the capture, having spooled them; empty at the end or
        when a piece of compressed input gave none.
        """
        try:
            piece = self._inflated() if self._inflater else self._raw(count)
            if not piece:
                return b""
            view = memoryview(piece)
            while view:
                view = view[self._spool.write(view) :]
        except (OSError, ValueError) as error:
            self._end("read_error", f"reading stopped: {error}")
            return b""
        self._spooled += len(piece)
        return piece

    def _inflated(self) -> bytes:
        assert self._inflater
        piece = self._inflater.take()
        if piece or self._inflater.trouble:
            if not piece:
                self._end(*(self._inflater.trouble or ("", "")))
            return piece
        data = self._raw(COMPRESSED_BLOCK)
        if data:
            self._inflater.feed(data)
        elif self._inflater.torn:
            self._end("torn_compression", f"{self.compression} data is cut short")
        return b""

    def _raw(self, count: int) -> bytes:
        """Read the input itself, the bytes that told its format first."""
        if self._head:
            data, self._head = self._head[:count], self._head[count:]
        else:
            data = _some(self._file, count, self._live)
        self.bytes_read += len(data)
        if not data:
            self._end()
        return data

    def _end(self, code: str = "", text: str = "") -> None:
        self._ended = True
        if self.size is None:
            self.size = self.bytes_read
        if code:
            self.trouble = code, text

    def pread(self, offset: int, length: int) -> bytes:
        # Only what is whole in the spool; it grows while `read` goes on in another thread.
        return _pread(self._spool.fileno(), offset, length)

    def close(self) -> None:
        self._spool.close()


def _some(file: BinaryIO, count: int, live: bool) -> bytes:
    """Read up to `count` bytes; `live` takes what is there, after waiting for a first byte."""
    if live:
        read1 = getattr(file, "read1", None)
        return bytes((read1 or file.read)(count) or b"")
    return file.read(count) or b""


def _head(file: BinaryIO) -> bytes:
    """Read the bytes that tell the format, however a pipe hands them out."""
    head = b""
    while len(head) < SNIFF and (piece := file.read(SNIFF - len(head))):
        head += piece
    return head


def open_stream(file: BinaryIO, live: bool) -> Stream:
    """Tell an ordinary file from a pipe and from compressed input, by content.

    Nothing is ever seeked: standard input may be an ordinary file half read by someone else.
    """
    size: int | None = None
    head = b""
    with contextlib.suppress(OSError, AttributeError, ValueError):
        status = os.fstat(file.fileno())
        if stat.S_ISREG(status.st_mode) and file.tell() == 0:
            size = status.st_size
            head = os.pread(file.fileno(), SNIFF, 0)
    if size is not None and compression_of(head) is None:
        return PlainFile(file, size)
    return SpooledStream(file, size, live)
