"""A plain chunk reader over pieces of a stream: what a caller of `resync` does, and the truth.

It is not `dissectors.chunking`: no speed, no partial messages, every piece at hand at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from dissectors import resync
from dissectors.resync.evidence import MESSAGE_TYPES
from dissectors.resync.header import Header, read_header
from tests.dissectors.chunk_builder import Row

STEPS = (4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20)


@dataclass
class _Stream:
    type: int
    length: int
    msid: int
    extended: bytes = b""
    left: int = 0
    offset: int = 0
    damaged: bool = False


@dataclass
class Reading:
    """What came out: intact messages, and where the reader locked."""

    rows: list[Row] = field(default_factory=list)
    damaged: list[Row] = field(default_factory=list)
    locks: list[tuple[int, int, resync.Lock]] = field(default_factory=list)
    """(where the search began, stream offset of the lock, lock)."""
    searches: list[tuple[int, int]] = field(default_factory=list)
    """Ranges in which no lock was found."""
    bridges: int = 0


class PlainReader:
    """Reads `pieces`, (stream offset, bytes) with holes between them."""

    def __init__(
        self,
        pieces: Sequence[tuple[int, bytes]],
        *,
        chunk_size: int | None = None,
        segments: Sequence[int] = (),
    ) -> None:
        self.pieces, self.segments = pieces, segments
        self.size, self.open, self.minimum = chunk_size or 128, chunk_size is None, 128
        self.streams: dict[int, _Stream] = {}
        self.current: tuple[int, int] | None = None
        self.reading = Reading()
        self.locked = chunk_size is not None

    def read(self) -> Reading:
        """Read everything."""
        end = None
        for base, data in self.pieces:
            pos = 0
            if end is not None and self.locked:
                pos = self._cross(data, base - end)
            self._piece(data, base, pos)
            end = base + len(data)
        return self.reading

    def _cross(self, after: bytes, hole: int) -> int:
        """Carry the state over a hole; unlock when that cannot be done."""
        current, self.current = self.current, None
        if current is not None:
            csid, chunk_left = current
            stream = self.streams[csid]
            found = resync.bridge(
                after,
                hole,
                chunk_left,
                stream.left + chunk_left,
                self.size,
                csid,
                bool(stream.extended),
                self._known(),
            )
            if found is not None:
                self.reading.bridges += found.bits < 1e9
                stream.damaged = True
                stream.left = found.message_left - found.chunk_left
                self.current = (csid, found.chunk_left)
                return found.header_left
        self._unlock()
        return 0

    def _unlock(self) -> None:
        self.locked, self.current = False, None
        for csid in [csid for csid, stream in self.streams.items() if stream.left]:
            del self.streams[csid]

    def _known(self) -> dict[int, tuple[int, int, int]]:
        return {c: (s.type, s.length, s.msid) for c, s in self.streams.items() if not s.left}

    def _piece(self, data: bytes, base: int, pos: int) -> None:
        while pos < len(data):
            if not self.locked:
                pos = self._search(data, base, pos)
                continue
            if self.current is not None:
                pos = self._payload(data, base, pos)
                continue
            after = self._header(data, base, pos)
            if after is None:  # cut by the end of the piece
                self._unlock()
                return
            if after < 0:
                self._unlock()
                pos += 1
            else:
                pos = after

    def _search(self, data: bytes, base: int, pos: int) -> int:
        starts = [at - base - pos for at in self.segments if base + pos <= at]
        hints = resync.Hints(None if self.open else self.size, self._known(), True, starts)
        for step in STEPS:
            part = data[pos : pos + step]
            final = len(part) < step or step == STEPS[-1]
            lock = resync.search(part, hints, final=final)
            if lock is not None:
                self.reading.locks.append((base + pos, base + pos + lock.offset, lock))
                self.size, self.open = lock.chunk_size, lock.chunk_size_open
                self.minimum = lock.chunk_size_min
                kept = self.streams
                self.streams = {c: _Stream(type_, n, msid) for c, type_, n, msid in lock.streams}
                self.streams |= {c: s for c, s in kept.items() if s == self.streams.get(c)}
                self.locked = True
                return pos + lock.offset
            if final:
                self.reading.searches.append((base + pos, base + pos + len(part)))
                return pos + len(part)
        return len(data)

    def _header(self, data: bytes, base: int, pos: int) -> int | None:
        header = read_header(data, pos)
        if header is None:
            return None
        stream = self.streams.get(header.csid)
        end = header.end
        if header.fmt == 3 and stream is not None:
            if stream.extended and data.startswith(stream.extended, end):
                end += 4
        elif not self._take_over(header, stream):
            return -1
        stream = self.streams[header.csid]
        if header.fmt < 3 or not stream.left:
            stream.left, stream.offset, stream.damaged = stream.length, base + pos, False
            if self.open and stream.length > self.minimum:
                known = self._known()
                size = resync.split_size(
                    data,
                    end,
                    header.csid,
                    stream.length,
                    bool(stream.extended),
                    self.minimum,
                    known,
                )
                if size is None:
                    return -1
                if size == resync.UNSPLIT:
                    self.minimum = stream.length
                else:
                    self.size, self.open = size, False
        size = max(self.size, stream.length) if self.open else self.size
        chunk = min(stream.left, size)
        stream.left -= chunk
        self.current = (header.csid, chunk)
        if not chunk:
            self._payload(data, base, end)
        return end

    def _take_over(self, header: Header, stream: _Stream | None) -> bool:
        if stream is None:
            if header.fmt > 1:
                return False
            stream = self.streams[header.csid] = _Stream(0, 0, 0)
        if header.fmt < 2:
            if header.type not in MESSAGE_TYPES:
                return False
            stream.type, stream.length = header.type, header.length
        if header.fmt == 0:
            stream.msid = header.msid
        stream.extended = header.extended
        return True

    def _payload(self, data: bytes, base: int, pos: int) -> int:
        assert self.current is not None
        csid, left = self.current
        take = min(left, len(data) - pos)
        pos += take
        self.current = (csid, left - take)
        if left - take:
            return pos
        self.current = None
        stream = self.streams[csid]
        if stream.left == 0:
            row = Row(stream.offset, csid, stream.type, stream.length, stream.msid, base + pos)
            (self.reading.damaged if stream.damaged else self.reading.rows).append(row)
            if stream.type == 1 and not stream.damaged and take == 4:
                self.size = int.from_bytes(data[pos - 4 : pos], "big") & 0x7FFFFFFF
                self.open = False
        return pos


def truth(data: bytes, start: int = 0) -> list[Row]:
    """Return every message of an unharmed stream whose chunks begin at `start`."""
    return PlainReader([(start, data[start:])], chunk_size=128).read().rows
