"""The bytes of a capture: read once in order, and again anywhere."""

import contextlib
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final, Protocol

from analyzer.sources.growing import SHORTENED, FollowedFile, Note, Pipe
from analyzer.sources.inflate import Inflater, compression_of
from analyzer.sources.model import SourceError
from analyzer.sources.spool import Spool, read_at

BLOCK: Final = 5 << 20
"""Bytes read at a time: the processor's cache still helps, numpy's calls do not count."""
FIRST_BLOCK: Final = 64 << 10
"""The first of all blocks: whoever waits sees something at once."""
COMPRESSED_BLOCK: Final = 256 << 10
LEAST_COMPRESSED: Final = 4 << 10
"""Read at once however little is wanted: each call of a decompressor has its price."""
SNIFF: Final = 24
"""Enough to tell any format; a pcap header is no longer, and a live one comes alone."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How inputs are read."""

    live: bool = False
    """Hand on what a pipe holds instead of waiting for whole blocks."""
    follow: bool = False
    """The end of a file is not the end: it still grows."""
    spool: int | None = None
    """Most bytes of a pipe that are kept to be read again; None: all."""
    most: int | None = None
    """Decompressed bytes after which an input is left; None: all are read."""
    save: BinaryIO | None = None
    """Gets a copy of what a pipe brings."""


class Reader(Protocol):
    """What a spooled stream reads from."""

    def read(self, count: int, /) -> bytes: ...


class Stream(Protocol):
    """The decompressed capture."""

    compression: str | None
    size: int | None
    bytes_read: int
    trouble: tuple[str, str] | None
    """(code, text) of what ended the input early."""

    @property
    def waits(self) -> bool:
        """Whether reading may wait for somebody who has not written yet."""
        ...

    @property
    def oldest(self) -> int:
        """Offset before which nothing can be read again."""
        ...

    @property
    def notes(self) -> Sequence[Note]:
        """What the input says about itself at its end."""
        ...

    def read(self, start: int, count: int) -> tuple[bytes, bool]:
        """Return about `count` bytes from `start` on, and whether the input ends with them.

        `start` never lies before an earlier one.
        """
        ...

    def pread(self, offset: int, length: int) -> bytes: ...

    def stop(self) -> None:
        """End an input that would go on; any thread or signal handler may call this."""

    def close(self) -> None: ...


class PlainFile:
    """An ordinary file: nothing is copied, everything is read at its offset."""

    compression: str | None = None
    trouble: tuple[str, str] | None = None
    waits = False
    oldest = 0
    notes: Sequence[Note] = ()

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._descriptor = file.fileno()
        self.size: int | None = size
        self.bytes_read = 0

    def read(self, start: int, count: int) -> tuple[bytes, bool]:
        try:
            data = read_at(self._descriptor, start, count)
        except OSError as error:
            self.trouble = "read_error", f"reading stopped: {error}"
            return b"", True
        self.bytes_read = start + len(data)
        if len(data) < count and self.bytes_read < (self.size or 0):
            self.trouble = SHORTENED
        return data, len(data) < count

    def pread(self, offset: int, length: int) -> bytes:
        return read_at(self._descriptor, offset, length)

    def stop(self) -> None:
        """It ends by itself."""

    def close(self) -> None:
        """The file is its opener's to close."""


class SpooledStream:
    """A pipe or compressed input, kept in an unlinked temporary file while it is read."""

    def __init__(self, file: Reader, size: int | None, reading: Reading) -> None:
        self._file = file
        self._live = reading.live
        self._save = reading.save
        self._head = head = _head(file)
        self.size = size
        self.compression = compression_of(head)
        self._inflater = Inflater(self.compression, reading.most) if self.compression else None
        self.trouble: tuple[str, str] | None = None
        self._notes: list[Note] = []
        self.bytes_read = 0
        self._spool = Spool(reading.spool)
        self._tail = b""
        self._ended = False

    @property
    def waits(self) -> bool:
        return self._live

    @property
    def oldest(self) -> int:
        return self._spool.oldest

    @property
    def notes(self) -> Sequence[Note]:
        return [*self._notes, *getattr(self._file, "notes", ())]

    def read(self, start: int, count: int) -> tuple[bytes, bool]:
        ahead = self._spool.written - start
        kept = self._tail[len(self._tail) - ahead :]
        if len(kept) < ahead:  # `forget` has dropped it
            kept = self._spool.pread(start, ahead)
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

    def forget(self) -> None:
        """Keep in memory nothing of what was read: many inputs may be open that wait their turn."""
        self._tail = b""
        if self._ended:
            self._inflater = None  # with xz a window of up to 64 MiB

    def _pull(self, count: int) -> bytes:
        """Return the next bytes of the capture, having spooled them; empty at the end or
        when a piece of compressed input gave none.
        """
        try:
            piece = self._inflated(count) if self._inflater else self._raw(count)
        except (OSError, ValueError) as error:
            self._end("read_error", f"reading stopped: {error}")
            return b""
        try:
            if piece:
                self._spool.write(piece)
        except OSError as error:
            why = f"what comes must be kept to be read again: {error.strerror or error}"
            self._end("spool_failed", f"reading stopped, {why} (TMPDIR names the folder)")
            return b""
        return piece

    def _inflated(self, count: int) -> bytes:
        assert self._inflater
        piece = self._inflater.take()
        if piece or self._inflater.trouble:
            if not piece:
                self._end(*(self._inflater.trouble or ("", "")))
            return piece
        data = self._raw(min(max(count, LEAST_COMPRESSED), COMPRESSED_BLOCK))
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
            data = self._more(count)
        self.bytes_read += len(data)
        self._keep(data)
        if not data:
            self._end()
        return data

    def _more(self, count: int) -> bytes:
        """Read up to `count` bytes; live, what is there after waiting for a first byte."""
        some = getattr(self._file, "read1", self._file.read) if self._live else self._file.read
        return bytes(some(count) or b"")

    def _keep(self, data: bytes) -> None:
        """Copy what came to the file the user wants it in."""
        try:
            if self._save and data:
                self._save.write(data)
                self._save.flush()
        except OSError as error:
            self._save = None
            text = f"the copy of the capture is not whole: {error.strerror or error}"
            self._notes.append(Note("save_failed", text))

    def _end(self, code: str = "", text: str = "") -> None:
        self._ended = True
        if self.size is None:
            self.size = self.bytes_read
        if code:
            self.trouble = code, text

    def pread(self, offset: int, length: int) -> bytes:
        # Only what is whole in the spool; it grows while `read` goes on in another thread.
        return self._spool.pread(offset, length)

    def stop(self) -> None:
        stop = getattr(self._file, "stop", None)
        if stop:
            stop()

    def close(self) -> None:
        self._spool.close()
        if isinstance(self._file, Pipe):
            self._file.close()


def _head(file: Reader) -> bytes:
    """Read the bytes that tell the format, however a pipe hands them out."""
    head = b""
    while len(head) < SNIFF and (piece := file.read(SNIFF - len(head))):
        head += piece
    return head


def open_stream(file: BinaryIO, path: str | None, reading: Reading) -> Stream:
    """Tell an ordinary file from a pipe and from compressed input, by content.

    Nothing is ever seeked: standard input may be an ordinary file half read by someone else.
    """
    size: int | None = None
    descriptor: int | None = None
    head = b""
    with contextlib.suppress(OSError, AttributeError, ValueError):
        descriptor = file.fileno()
        status = os.fstat(descriptor)
        if stat.S_ISREG(status.st_mode) and file.tell() == 0:
            size = status.st_size
            head = os.pread(descriptor, SNIFF, 0)
    if reading.follow:
        if size is None or path is None or compression_of(head):
            raise SourceError("only an uncompressed file can be followed")
        return FollowedFile(file, path)
    if size is not None and compression_of(head) is None:
        return PlainFile(file, size)
    if size is None and reading.live and descriptor is not None:
        pipe = Pipe(descriptor, file)
        try:
            return SpooledStream(pipe, size, reading)
        except BaseException:
            pipe.close()
            raise
    return SpooledStream(file, size, reading)
