"""Inputs that have no end yet: pipes and growing files, read as bytes come, until told to stop."""

import contextlib
import os
import select
import threading
import time
from pathlib import Path
from typing import BinaryIO, Final

from analyzer.sources.spool import read_at

GATHER: Final = 0.05
"""Seconds that bytes are gathered after the first one: small batches cost more than they show."""
GRACE: Final = 1.0
"""Seconds a pipe may go on after `stop`: Ctrl-C also ended the writer, which flushes its buffer."""
SHORTENED: Final = ("shortened", "the file was made shorter while it was read")
TAIL: Final = 1 << 10
"""Bytes by which a file is known that was made shorter and grew again between two looks."""
POLL: Final = 0.1
"""Seconds between two looks at a file that did not grow."""


class Note:
    """Something the input itself says about the capture, for `Problems`."""

    __slots__ = ("code", "count", "text")

    def __init__(self, code: str, text: str, count: int = 1) -> None:
        self.code = code
        self.text = text
        self.count = count


class Pipe:
    """A pipe whose reader waits for a first byte only, and can be stopped from elsewhere."""

    def __init__(self, descriptor: int, owner: object = None) -> None:
        """`owner` closes the descriptor when nobody holds it any more."""
        self._descriptor = descriptor
        self._owner = owner
        self._wake, self._waker = os.pipe()
        self._deadline: float | None = None
        self._reading = threading.Lock()
        self.notes: list[Note] = []

    def read(self, count: int) -> bytes:
        """Return 1 … `count` bytes, empty at the end or after `stop`."""
        with self._reading:
            return self._read(count)

    def _read(self, count: int) -> bytes:
        parts: list[bytes] = []
        got, until = 0, None
        while got < count and self._wait(until):
            piece = os.read(self._descriptor, min(count - got, 1 << 20))
            if not piece:
                break
            parts.append(piece)
            got += len(piece)
            until = until or time.monotonic() + GATHER
        return b"".join(parts)

    def _wait(self, until: float | None) -> bool:
        """Wait for bytes or the end; False at the time `until` or when nothing more is wanted."""
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN)
        while True:
            limits = [limit for limit in (until, self._deadline) if limit is not None]
            left = max(min(limits) - time.monotonic(), 0) * 1000 if limits else None
            if self._deadline is None:
                poll.register(self._wake, select.POLLIN)
            elif self._deadline <= time.monotonic():
                return False  # also where a writer never pauses
            ready = [descriptor for descriptor, _ in poll.poll(left)]
            if self._descriptor in ready:
                return True
            if self._wake not in ready:
                return False
            poll.unregister(self._wake)

    def stop(self, grace: float = GRACE) -> None:
        """End the input soon. Any thread or signal handler may call this."""
        self._deadline = time.monotonic() + grace
        with contextlib.suppress(OSError):  # closed already
            os.write(self._waker, b"x")

    def close(self) -> None:
        """Send a reader in another thread away, then give up what it waits on."""
        self.stop()
        self._deadline = 0.0
        if self._reading.acquire(timeout=GRACE):
            for descriptor in (self._wake, self._waker):
                os.close(descriptor)


class FollowedFile:
    """An ordinary file that somebody still writes (`--follow`): read on until it is stopped,
    removed, replaced under its name, or made shorter.
    """

    compression: str | None = None
    waits = True
    oldest = 0

    def __init__(self, file: BinaryIO, path: str) -> None:
        self._descriptor = file.fileno()
        self._path = Path(path)
        self._end = 0
        self._tail = b""
        """The last bytes before it."""
        self._written_ns = 0
        """When somebody wrote last, as far as `_tail` was compared."""
        self._stopped = False
        self.size: int | None = None
        self.bytes_read = 0
        self.trouble: tuple[str, str] | None = None
        self.notes: list[Note] = []

    def read(self, start: int, count: int) -> tuple[bytes, bool]:
        """Return bytes from `start` on, more of them than the last time, or all at the end."""
        while True:
            if self._rewritten():
                # What stands there now may be of another capture: none of it is read.
                self.trouble = SHORTENED
                self.size = self._end
                return b"", True
            why = self._gone()
            ended = self._stopped or why is not None
            # Asked again only after that: what was written before the file went is read too.
            if not ended and os.fstat(self._descriptor).st_size <= max(self._end, start):
                time.sleep(POLL)
                continue
            try:
                data = read_at(self._descriptor, start, count)
            except OSError as error:
                self.trouble = "read_error", f"reading stopped: {error}"
                data, ended = b"", True
            ended = ended and len(data) < count
            if start + len(data) > self._end:
                self.bytes_read = self._end = start + len(data)
                self._tail = data[-TAIL:]
            if ended:
                self.size = self._end
                if why is not None:
                    self.notes.append(Note("follow_ended", why))
            return data, ended

    def _rewritten(self) -> bool:
        """Whether what was read is there no more: made shorter, and perhaps longer again."""
        now = os.fstat(self._descriptor)
        if now.st_size < self._end:
            return True
        if now.st_mtime_ns == self._written_ns:
            return False
        self._written_ns = now.st_mtime_ns
        at = self._end - len(self._tail)
        return read_at(self._descriptor, at, len(self._tail)) != self._tail

    def _gone(self) -> str | None:
        """Say why this is no longer the file of that name; None while it is."""
        try:
            now = self._path.stat()
        except OSError:
            return "the file was removed or renamed: following it ended there"
        ours = os.fstat(self._descriptor)
        if (now.st_dev, now.st_ino) == (ours.st_dev, ours.st_ino):
            return None
        return "another file took its name, of which nothing was read: following ended there"

    def pread(self, offset: int, length: int) -> bytes:
        return read_at(self._descriptor, offset, length)

    def stop(self) -> None:
        """End the input at what is there now."""
        self._stopped = True

    def close(self) -> None:
        """The file is its opener's to close."""
