"""A message as it lies in the capture file: whole frames, with the headers they came in."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from analyzer.link.headers import MAX_HEADERS, Part, parts_of
from analyzer.message_bytes import FileSpan
from analyzer.tui.byte_views import (
    LINK,
    MISSING,
    NETWORK,
    OTHER,
    SPACES,
    TRANSPORT,
    Block,
    ByteView,
    Piece,
    chunk_pieces,
    message_view,
    stream_view,
)
from analyzer.tui.stream_places import owner

if TYPE_CHECKING:
    from analyzer.session import Session
    from analyzer.sources.again import FoundFrame

CLOSE: Final = 64 << 10
"""Stream bytes between two chunks up to which both are located at once."""
REGION: Final = 4 << 20
MAX_REGIONS: Final = 64
"""Places of the capture, so many bytes each, in which one message's frames are looked up: a
few milliseconds each."""
ABSENT: Final = -1
"""Source of a block whose bytes cannot be read."""

_KINDS: Final = {
    "link": LINK,
    "network": NETWORK,
    "transport": TRANSPORT,
    "payload": OTHER,
    "trailer": LINK,
}
Locate = Callable[[int, int], Sequence[FileSpan]]
"""From stream bytes (offset, length) to where the capture has them."""


class Own(NamedTuple):
    """Bytes of the message: a piece, and where they stand in the stream."""

    offset: int
    length: int
    kind: int
    space: str
    start: int


@dataclass(slots=True)
class _Found:
    """A block to be: a frame, or bytes that stand alone."""

    title: str
    source: int
    frame: FoundFrame | None = None
    length: int = 0
    own: list[tuple[int, Own]] = field(default_factory=list)
    """With their places in the block."""


class FrameView(ByteView):
    """One block per captured frame. Headers are found when somebody looks at them."""

    def __init__(self, session: Session, locate: Locate, connection: int, direction: int) -> None:
        super().__init__(SPACES[2], session.captures.pread)
        self._session = session
        self._locate = locate
        self._stream = connection, direction
        self._frames: dict[int, FoundFrame] = {}
        """By the number of their blocks."""
        self._blocks: dict[int, int] = {}
        """Numbers of blocks by file offset."""
        self._ends: list[int] = []
        self._offsets: list[int] = []
        """Stream offsets of `pieces`."""
        self._parts: dict[int, list[Part]] = {}

    def add(self, found: _Found) -> None:
        """Append a block."""
        number, source = len(self.blocks), found.source
        length = found.length
        if found.frame is not None:
            self._frames[number], length = found.frame, found.frame.captured
        if source != ABSENT:
            self._blocks[source] = number
        self.blocks.append(Block(self.size, length, max(source, 0), source, found.title))
        for at, (offset, size, kind, space, start) in sorted(found.own):
            self._offsets.append(offset)
            self.pieces.append(Piece(self.size + at, size, kind, space, start))
        self.size += length
        self._ends.append(self.size)

    def read(self, block: Block, offset: int, length: int) -> bytes:
        if block.source == ABSENT:
            return bytes(min(length, block.length - offset))
        return super().read(block, offset, length)

    def _number(self, at: int) -> int:
        return min(bisect_right(self._ends, at), len(self.blocks) - 1)

    def _parts_of(self, number: int) -> list[Part]:
        """Return what a frame consists of, in places of the view."""
        found = self._parts.get(number)
        if found is None:
            frame, start = self._frames[number], self.blocks[number].at
            data = self._session.captures.pread(frame.offset, min(frame.captured, MAX_HEADERS))
            parts = parts_of(data, frame.link, frame.captured, frame.length)
            found = [part._replace(start=start + part.start) for part in parts]
            self._parts[number] = found
        return found

    def _part(self, at: int) -> Part | None:
        number = self._number(at)
        if number not in self._frames:
            return None
        parts = self._parts_of(number)
        return next((p for p in parts if p.start <= at < p.start + p.length), None)

    def pieces_in(self, low: int, high: int) -> list[Piece]:
        """Return headers before the message's own bytes, which win."""
        number = self._number(low)
        own = super().pieces_in(low, high)
        if number not in self._frames:
            return own
        parts = [
            Piece(part.start, part.length, _KINDS[part.kind])
            for part in self._parts_of(number)
            if part.start < high and part.start + part.length > low
        ]
        return parts + own

    def is_hidden(self, at: int) -> bool:
        """Of a frame only headers are shown, and what may be seen of the message."""
        if not self._hides:
            return False
        if self.piece_at(at) is not None:
            return super().is_hidden(at)
        part = self._part(at)
        return part is None or part.kind in ("payload", "trailer")

    def at_stream(self, start: int, length: int) -> list[tuple[int, int]]:
        out = []
        for span in self._locate(start, length):
            if span.file_offset is None:
                continue
            frame = self._session.captures.frame(span.file_offset)
            number = self._blocks.get(frame.offset if frame else span.file_offset)
            if number is not None:
                low = self.blocks[number].at + span.file_offset - self.blocks[number].address
                out.append((low, low + span.length))
        return sorted(out)

    def describe(self, at: int) -> str:
        """Say which layer a byte outside of the message is in, or whose it is."""
        number = self._number(at)
        frame = self._frames.get(number)
        if frame is None or self.piece_at(at) is not None:
            return super().describe(at)
        part = self._part(at)
        where = f"frame {frame.number}"
        if part is None:
            return f"{where}: headers that are not understood"
        if part.kind == "payload":
            return f"{where}: {part.name} outside of this message{self._owner(number, at)}"
        name = part.name if part.kind == "trailer" else f"{part.name} header"
        return f"{where}: {name}, byte {at - part.start + 1} of {part.length}"

    def _owner(self, number: int, at: int) -> str:
        """Name whose a byte is that stands in one segment with bytes of this message."""
        block = self.blocks[number]
        first, last = (
            bisect_left(self._starts, place) for place in (block.at, block.at + block.length)
        )
        for index in range(first, last):
            offset = self._offsets[index] + at - self.pieces[index].at
            where = self._locate(offset, 1) if offset >= 0 else ()
            if where and where[0].file_offset == block.address + at - block.at:
                whose = owner(self._session, *self._stream, offset)
                return f": {whose}" if whose else ""
        return ""


def file_view(session: Session, row: int) -> FrameView:
    """The whole frames that carry a message."""
    place = session.value(row, "connection"), session.value(row, "direction")

    def locate(start: int, length: int) -> Sequence[FileSpan]:
        return session.locate(row, "stream", start, length)

    own = [
        Own(start + at, length, kind, space, begin)
        for start, pieces in chunk_pieces(session, row)
        for at, length, kind, space, begin in pieces
        if kind != OTHER and length
    ]
    return frames_of(session, locate, place, sorted(own))


def frames_of(
    session: Session, locate: Locate, place: tuple[int, int], own: list[Own]
) -> FrameView:
    """Return the frames that carry stream bytes of a (connection, direction), in stream order."""
    view, finder = FrameView(session, locate, *place), _Finder(session)
    blocks: dict[int, _Found] = {}
    """Frames by their place; what stands alone under numbers below 0."""
    for span, parts in _located(own, locate):
        found, shift = finder.find(span), -span.stream_offset
        if found.frame is not None:
            found = blocks.setdefault(found.frame.offset, found)
            shift += (span.file_offset or 0) - found.source
        else:
            low, last = parts[0].offset, parts[-1]
            if found.source == ABSENT:
                parts = [part._replace(kind=MISSING) for part in parts]
            else:
                found.source += low - span.stream_offset
            found.length, shift = last.offset + last.length - low, -low
            blocks[~len(blocks)] = found
        found.own += [(part.offset + shift, part) for part in parts]
    for found in blocks.values():
        view.add(found)
    view.seal()
    return view


def frame_view(
    session: Session, place: tuple[int, int], whole: FileSpan, own: list[Own]
) -> FrameView:
    """Return the one frame that has the bytes `whole` of a (connection, direction); without any,
    the frame at their place."""

    def locate(start: int, length: int) -> list[FileSpan]:
        skip = max(start - whole.stream_offset, 0)
        size = min(start + length, whole.stream_offset + whole.length) - whole.stream_offset - skip
        if size <= 0:
            return []
        at = None if whole.file_offset is None else whole.file_offset + skip
        return [FileSpan(whole.stream_offset + skip, size, at, whole.frame)]

    if own:
        return frames_of(session, locate, place, own)
    view = FrameView(session, locate, *place)
    view.add(_Finder(session).find(whole))
    view.seal()
    return view


def _located(own: list[Own], locate: Locate) -> Iterator[tuple[FileSpan, list[Own]]]:
    """Yield where the capture has them, with what stands there."""
    first = 0
    for low, high in _ranges(own):
        for span in locate(low, high - low):
            start, end = span.stream_offset, span.stream_offset + span.length
            parts: list[Own] = []
            for index in range(first, len(own)):
                part = own[index]
                offset, stop = part.offset, part.offset + part.length
                if offset >= end:
                    break
                if stop <= end:
                    first += 1
                if offset < start or stop > end:
                    skip = max(start - offset, 0)
                    length = min(stop, end) - offset - skip
                    part = Own(offset + skip, length, part.kind, part.space, part.start + skip)
                if part.length > 0:
                    parts.append(part)
            if parts:
                yield span, parts


def _ranges(own: list[Own]) -> list[tuple[int, int]]:
    """Return the stream ranges to locate: what stands close together at once."""
    out: list[tuple[int, int]] = []
    for offset, length, *_ in own:
        if out and offset - out[-1][1] <= CLOSE:
            out[-1] = out[-1][0], offset + length
        else:
            out.append((offset, offset + length))
    return out


class _Finder:
    """Finds frames for one view, within bounds, and says what is known of them."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._regions: set[int] = set()

    def find(self, span: FileSpan) -> _Found:
        """Return the block for a span; without its frame where that cannot be had."""
        at = span.file_offset
        captures, bare = self._session.captures, f"frame {span.frame}"
        if at is None:
            title = "not in the file" if span.frame is None else f"{bare}: cannot be found again"
            return _Found(title, ABSENT)
        if at < captures.oldest:
            return _Found(f"{bare}: no longer available", ABSENT)
        self._regions.add(at // REGION)
        if len(self._regions) > MAX_REGIONS:
            return _Found(f"{bare}: headers left out, the message is too far spread", at)
        frame = captures.frame(at)
        if frame is None:
            return _Found(f"{bare}: its headers cannot be found again", at)
        if not frame.number:  # of one of several files; no fragment is told from a whole packet
            frame = frame._replace(number=span.frame or 0)
        return _Found(self._title(frame, span), frame.offset, frame)

    def _title(self, frame: FoundFrame, span: FileSpan) -> str:
        seconds = (frame.time_ns - self._session.capture_start_ns) / 1e9
        size = f"{frame.length:,} bytes"
        if frame.captured < frame.length:
            size = f"{frame.captured:,} of {size} captured"
        whole = f", fragment completed in frame {span.frame}" if frame.number != span.frame else ""
        return f"frame {frame.number}, {seconds:+.6f} s, {size}{whole}"


VIEWS: Final = {"message": message_view, "stream": stream_view, "file": file_view}
