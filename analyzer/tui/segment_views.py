"""Trees and bytes of one TCP segment: its own frame, and the messages it carries bytes of."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from analyzer.link.headers import MAX_HEADERS, Part, parts_of
from analyzer.message_bytes import FileSpan
from analyzer.tui.byte_views import (
    NEAR,
    OTHER,
    PAYLOAD,
    SPACES,
    ByteView,
    Piece,
    chunk_pieces,
    message_blocks,
)
from analyzer.tui.frame_views import Own, frame_view
from dissectors.fields import Field

if TYPE_CHECKING:
    from analyzer.session import Session
    from analyzer.sources.again import FoundFrame
    from analyzer.tui.listings.segments import Segment

MAX_TREES: Final = 8
"""Messages of one segment that are shown with their trees."""
MAX_NAMED: Final = 100
"""Further ones that are named."""
MAX_LOOKED: Final = 64
"""Messages that may have bytes there and are looked into."""
FLAGS: Final = ("FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR")
ALONE: Final = "payload"
"""Space of bytes that have no place in the stream: they count from the payload's first one."""


class Tcp(NamedTuple):
    """RFC 9293 §3.1."""

    seq: int
    ack: int
    flags: int
    window: int


class SegmentDetails:
    """What both panes show of a segment."""

    def __init__(self, session: Session, segment: Segment) -> None:
        self.session = session
        self.segment = segment
        self.frame = _frame(session, segment)
        self._parts = _parts(session, self.frame)
        self.start, self.length, self.file_offset = self._place()
        self.placed = self.start is not None
        """Whether its bytes have a place in the stream."""
        self.rows = self._carried() if self.placed else []
        self.shown = self.rows[:MAX_TREES]

    # Where it stands

    def _part(self, kind: str) -> Part | None:
        return next((part for part in self._parts if part.kind == kind), None)

    def _place(self) -> tuple[int | None, int, int | None]:
        """Return (stream offset, payload bytes that were captured, file offset)."""
        segment, frame, payload = self.segment, self.frame, self._part("payload")
        if segment.file_offset is not None:
            return segment.offset, segment.length, segment.file_offset
        if frame is None:
            return segment.offset, segment.length if segment.offset is not None else 0, None
        if payload is None or not segment.length:
            return segment.offset, 0, frame.offset
        at = frame.offset + payload.start
        if segment.offset is None:
            return None, payload.length, at
        # What is told of a frame may begin within its payload; they end together.
        whole = payload.length if frame.captured == frame.length else segment.length
        return segment.offset + segment.length - whole, payload.length, at

    @property
    def span(self) -> tuple[int, int] | None:
        """Stream bytes (offset, length)."""
        return None if self.start is None or not self.length else (self.start, self.length)

    def _carried(self) -> list[int]:
        """Return the messages that have bytes in it, in stream order."""
        assert self.start is not None
        low, high = self.start, self.start + self.length
        table = self.session.messages
        count = len(table)
        starts = table.column("stream_offset")[:count]
        hits = np.flatnonzero(
            (starts < high)
            & (table.column("end_offset")[:count] > low)
            & (table.column("connection")[:count] == self.segment.connection)
            & (table.column("direction")[:count] == self.segment.direction)
        )
        hits = hits[np.argsort(starts[hits], kind="stable")]
        begun = hits[starts[hits] < low][-MAX_LOOKED:].tolist()
        rows = [row for row in begun if self._goes_on(row)] or begun[: len(begun) == 1]
        return [*rows, *hits[starts[hits] >= low].tolist()]

    def _goes_on(self, row: int) -> bool:
        """Whether a message that began before has bytes in it."""
        assert self.start is not None
        spans = self.session.runs(row)
        first = spans.runs[0].stream_offset if spans.runs else self.start + 1
        return self.start < first or bool(spans.to_body(self.start, self.length))

    @cached_property
    def _messages(self) -> list[Own]:
        """All bytes of the messages that are shown, in stream order."""
        return sorted(
            own
            for number, row in enumerate(self.shown)
            for own in _owned(self.session, row, number)
        )

    @cached_property
    def own(self) -> list[Own]:
        """The segment's bytes, in stream order: those of messages, and what is between them."""
        if self.start is None:
            return [Own(0, self.length, OTHER, ALONE, 0)] if self.length else []
        low, high = self.start, self.start + self.length
        if self.segment.file_offset is None and hasattr(self.session, "hidden"):
            return [Own(low, high - low, OTHER, "stream", low)]  # it may differ from the stream's
        out: list[Own] = []
        for own in _clip(self._messages, low, high - low):
            if own.offset > low:
                out += self._between(low, own.offset)
            if own.offset >= low:  # hostile chunks may overlap
                out.append(own)
                low = own.offset + own.length
        return [*out, *self._between(low, high)]

    def _between(self, low: int, high: int) -> list[Own]:
        """Return bytes of no message that is shown, those of the handshake apart."""
        start, end = self._handshake
        out = []
        for first, last, kind in (
            (low, min(high, start), OTHER),
            (max(low, start), min(high, end), PAYLOAD),
            (max(low, end), high, OTHER),
        ):
            if first < last:
                out.append(Own(first, last - first, kind, "stream", first))
        return out

    @property
    def _handshake(self) -> tuple[int, int]:
        view = self.session.connections[self.segment.connection]
        half = view.rtmp.halves[view.sides[self.segment.direction]]
        return half.skip, half.skip + len(half.first)

    # The tree

    def tree(self) -> Field:
        """Return the segment's own tree: what is known of it, and whose bytes it carries."""
        segment = self.segment
        event = f", {segment.event}" if segment.event else ""
        space = "stream" if self.placed else ALONE
        label = f"TCP Segment, frame {segment.frame}: {self.length:,} bytes{event}"
        start = self.start if self.start is not None else 0
        root = Field("segment", label, None, start, self.length, space=space)
        root.add("frame", f"Frame: {segment.frame}", segment.frame)
        seconds = (segment.time_ns - self.session.capture_start_ns) / 1e9
        root.add("time", f"Time: {seconds:.6f} s", seconds)
        if segment.event:
            root.add("event", f"Event: {segment.event}", segment.event)
        if self.start is not None:
            text = f"{self.start} to {self.start + self.length}" if self.length else str(start)
            root.add("stream_offset", f"Stream offset: {text}", self.start)
        root.add("length", f"Payload: {self.length} bytes", self.length)
        if (tcp := self._tcp()) is not None:
            flags = ", ".join(name for n, name in enumerate(FLAGS) if tcp.flags >> n & 1)
            node = root.add("tcp", f"TCP Header: sequence number {tcp.seq}, {flags or 'no flags'}")
            for name, text, value in (
                ("seq", f"Sequence number: {tcp.seq}", tcp.seq),
                ("ack", f"Acknowledgement number: {tcp.ack}", tcp.ack),
                ("flags", f"Flags: {flags or 'none'}", tcp.flags),
                ("window", f"Window: {tcp.window}", tcp.window),
            ):
                node.add(name, text, value, plumbing=True)
        if self.length:
            self._carries(root)
        return root

    def _tcp(self) -> Tcp | None:
        """Return what its TCP header says."""
        part, frame = self._part("transport"), self.frame
        if part is None or frame is None or part.length < 16:
            return None
        data = self.session.captures.pread(frame.offset + part.start, 16)
        return Tcp(*struct.unpack(">4xIIxBH", data)) if len(data) == 16 else None

    def _carries(self, root: Field) -> None:
        """Add whose bytes they are."""
        if self.start is None:
            root.add("carries", "Carries: nothing of the stream")
            return
        low, high = self.start, self.start + self.length
        begin, end = max(low, self._handshake[0]), min(high, self._handshake[1])
        if begin < end:
            label = f"Carries: {end - begin} bytes of the handshake"
            root.add("handshake", label, None, begin, end - begin)
        for row in self.rows[: MAX_TREES + MAX_NAMED]:
            self._name(root, row)
        if (more := len(self.rows) - MAX_TREES - MAX_NAMED) > 0:
            root.add("more", f"Carries: {more:,} messages more")
        if begin >= end and not self.rows:
            root.add("carries", "Carries: bytes of no message")

    def _name(self, root: Field, row: int) -> None:
        session = self.session
        assert self.start is not None
        low = max(session.value(row, "stream_offset"), self.start)
        high = min(session.value(row, "end_offset"), self.start + self.length)
        begins = session.value(row, "stream_offset") >= self.start
        ends = session.value(row, "end_offset") <= self.start + self.length
        part = ("whole", "beginning", "end", "middle")[2 * (not begins) + (not ends)]
        name = f"{session.message_id(row)} {session.type_name(row)}"
        root.add("carries", f"Carries: {name} ({part})", session.message_id(row), low, high - low)

    # The bytes

    def view(self, space: str) -> ByteView:
        """Return the bytes in a space, without those that are not to be shown."""
        view = self._view(space)
        if (hidden := getattr(self.session, "hidden", None)) is not None:
            view.hide(())
            for number, row in enumerate(self.shown):
                view.hide(hidden(row), _space("body", number))
        return view

    def _view(self, space: str) -> ByteView:
        if space == SPACES[2]:
            base = self.start or 0
            whole = FileSpan(base, self.length, self.file_offset, self.segment.frame)
            place = self.segment.connection, self.segment.direction
            return frame_view(self.session, place, whole, self.own)
        if not self.placed:
            at = self.file_offset or 0
            view = ByteView(space, self.session.captures.pread)
            view.block(0, at, [_piece(own, 0) for own in self.own], "not in the stream")
            return view.seal()
        if space == SPACES[0] and self.shown:
            return self._bodies()
        return self._stream(space)

    def _bodies(self) -> ByteView:
        """The messages' headers and bodies, one below the other."""
        data = b""
        blocks: list[tuple[int, list[Piece], str]] = []
        for number, row in enumerate(self.shown):
            name = self.session.message_id(row)
            for title, part, pieces in message_blocks(self.session, row):
                named = [p._replace(space=_space(p.space, number)) for p in pieces]
                blocks.append((len(data), named, f"{name}: {title or 'body'}"))
                data += part
        view = ByteView(SPACES[0], lambda at, length: data[at : at + length])
        for at, named, title in blocks:
            view.block(0, at, named, title)
        return view.seal()

    def _stream(self, space: str) -> ByteView:
        """The stream's bytes: of the segment, and of all of the messages."""
        connection, direction = self.segment.connection, self.segment.direction
        view = ByteView(
            space, lambda at, length: self.session.stream(connection, direction, at, length)
        )
        assert self.start is not None
        low, high = self.start, self.start + self.length
        outside = [part for own in self._messages for part in _outside(own, low, high)]
        groups: list[tuple[int, list[Piece]]] = []
        end = 0
        for own in sorted([*outside, *self.own]):
            if own.offset < end:
                continue
            gap = own.offset - end
            if groups and gap <= NEAR:
                start, pieces = groups[-1]
                if gap:
                    pieces.append(Piece(end - start, gap, OTHER))
            else:
                start, pieces = own.offset, []
                groups.append((start, pieces))
            pieces.append(_piece(own, own.offset - start))
            end = own.offset + own.length
        last: int | None = None
        for start, pieces in groups:
            title = "" if last is None else f"{start - last:,} bytes of other messages"
            view.block(start, start, pieces, title)
            last = start + sum(piece.length for piece in pieces)
        return view.seal()


def _frame(session: Session, segment: Segment) -> FoundFrame | None:
    if segment.file_offset is not None:
        return session.captures.frame(segment.file_offset)
    for near in segment.near:
        found = session.captures.frame_near(near, segment.frame, segment.time_ns)
        if found is not None and _carries(session, found, segment.length):
            return found
    return None


def _carries(session: Session, frame: FoundFrame, length: int) -> bool:
    """Whether a frame can have a payload of that length: of several files, it was found by time."""
    payload = sum(p.length for p in _parts(session, frame) if p.kind == "payload")
    return payload >= length or frame.captured < frame.length


def _parts(session: Session, frame: FoundFrame | None) -> list[Part]:
    if frame is None:
        return []
    data = session.captures.pread(frame.offset, min(frame.captured, MAX_HEADERS))
    return parts_of(data, frame.link, frame.captured, frame.length)


def _space(name: str, number: int) -> str:
    """Name the space of one of several messages."""
    return f"{name}:{number}" if name and number else name


def _owned(session: Session, row: int, number: int) -> Iterator[Own]:
    """Yield a message's bytes by their places in the stream."""
    for start, pieces in chunk_pieces(session, row):
        for at, length, kind, space, begin in pieces:
            if kind != OTHER and length:
                yield Own(start + at, length, kind, _space(space, number), begin)


def _clip(items: Iterable[Own], start: int, length: int) -> Iterator[Own]:
    """Yield what of these bytes is in a stretch of the stream."""
    for own in items:
        low, high = max(own.offset, start), min(own.offset + own.length, start + length)
        if low < high:
            skip = low - own.offset
            yield own._replace(offset=low, length=high - low, start=own.start + skip)


def _outside(own: Own, low: int, high: int) -> Iterator[Own]:
    """Yield what of these bytes is before `low` or from `high` on."""
    yield from _clip([own], own.offset, low - own.offset)
    yield from _clip([own], high, own.offset + own.length - high)


def _piece(own: Own, at: int) -> Piece:
    return Piece(at, own.length, own.kind, own.space, own.start)


def in_spaces(node: Field, number: int) -> Field:
    """Return a message's tree whose bytes are told from those of the segment's other messages."""
    if not number:
        return node
    children = [in_spaces(child, number) for child in node.children]
    return replace(node, space=_space(node.space, number), children=children)
