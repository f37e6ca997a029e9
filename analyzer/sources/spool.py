"""Bytes of a pipe kept in an unlinked temporary file, so that they can be read again."""

import os
from typing import BinaryIO, Final

SMALLEST: Final = 16 << 20
"""A ring holds several blocks: whoever asks for what was just read must get it."""


class Spool:
    """Appends and reads at any offset. With `limit` a ring: the oldest bytes are overwritten.

    One thread writes, others may read.
    """

    def __init__(self, limit: int | None = None) -> None:
        self.limit = None if limit is None else max(limit, SMALLEST)
        self.written = 0
        self._claimed = 0
        import tempfile  # with what it loads a twentieth of the start of a run that needs none

        self._file: BinaryIO = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 — closed by `close`

    @property
    def oldest(self) -> int:
        """Offset of the first byte that is still there."""
        return 0 if self.limit is None else max(self._claimed - self.limit, 0)

    def write(self, piece: bytes) -> None:
        """Append; raises `OSError` when the disk is full."""
        self._claimed = self.written + len(piece)  # readers learn first what goes
        view = memoryview(piece)
        while view:
            at, room = self.written, len(view)
            if self.limit is not None:
                at %= self.limit
                room = min(room, self.limit - at)
            done = os.pwrite(self._file.fileno(), view[:room], at)
            self.written += done
            view = view[done:]

    def pread(self, offset: int, length: int) -> bytes:
        """Return bytes, fewer at the end; none from an offset that was overwritten."""
        length = min(length, self.written - offset)
        if length <= 0 or offset < self.oldest:
            return b""
        if self.limit is None:
            return read_at(self._file.fileno(), offset, length)
        at = offset % self.limit
        data = read_at(self._file.fileno(), at, min(length, self.limit - at))
        if len(data) < length:
            data += read_at(self._file.fileno(), 0, length - len(data))
        # Overwritten while it was read?
        return data if offset >= self.oldest else b""

    def close(self) -> None:
        self._file.close()


def read_at(descriptor: int, offset: int, length: int) -> bytes:
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
