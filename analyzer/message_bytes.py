"""A message's bytes: where they stand in stream and file, and the bytes themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from analyzer.model import Connection
from analyzer.tcp import Piece, TcpDirection
from dissectors.chunk_state import Flag
from dissectors.spans import Run, Span, SpanMap
from dissectors.whole import HEAD_SIZE

if TYPE_CHECKING:
    from analyzer.captures import CaptureSet
    from analyzer.index import MessageTable, RunTable

MAX_CHUNK_SPANS: Final = 131_072
"""Chunks listed of one message: the longest one, 16 MB, in chunks of 128 bytes."""
MAX_WINDOW: Final = 1 << 20
"""Capture bytes read at once for the segments of one message."""
KEPT_BODY: Final = 64 << 10
"""Bytes of a body that is kept until the next one is read."""
SMALL_BODY: Final = 1024
CLOSE_BODY: Final = 256
AHEAD: Final = 16 << 10
"""Stream bytes read at once where small bodies are asked for one behind the other, so close."""
LONGEST_HEADER: Final = 18
"""Bytes of a chunk header: basic, message, extended timestamp (RTMP 1.0 §5.3.1)."""
MANY_RUNS: Final = 8
CLOSE_RUNS: Final = 8
"""So many runs of a message are read at once where they fill at least an eighth of the stream
between them: interleaved chunks make a run of each."""


class Body(NamedTuple):
    """A message body; missing ranges are filled with zeros."""

    data: bytes
    missing: list[Span]

    @property
    def captured(self) -> bytes:
        """The bytes before the first hole."""
        if not self.missing:
            return self.data
        return self.data[: min(span.start for span in self.missing)]


class FileSpan(NamedTuple):
    """Stream bytes and where they stand in the capture file; None where they are missing."""

    stream_offset: int
    length: int
    file_offset: int | None
    frame: int | None


class ChunkSpan(NamedTuple):
    """One chunk of a message: its header at `stream_offset`, then the payload."""

    stream_offset: int
    header_length: int
    payload_length: int


class MessageBytes:
    """Answers by row number, from the maps body → stream → file and the capture."""

    captures: CaptureSet
    messages: MessageTable
    runs_table: RunTable
    pinned: Mapping[int, tuple[bytes, bytes]] = MappingProxyType({})
    """Chunk header and body of messages that outlive the spool, by row."""
    connections: list[Connection]
    _recent: tuple[int, Body | None] = (-1, None)
    """A row and its body, which writers ask for again to say what is missing of it."""
    _ahead: Mapping[int, tuple[TcpDirection, int, bytes]] = MappingProxyType({})
    """A stream, an offset in it and the bytes from there on, by direction; no bytes yet behind the
    first small body."""

    def value(self, row: int, name: str) -> int:
        """Return one integer column of a row."""
        return self.messages.value(name, row)

    def _stream_of(self, row: int) -> TcpDirection:
        connection = self.connections[self.value(row, "connection")]
        return self._stream(connection, self.value(row, "direction"))

    def _stream(self, connection: Connection, direction: int) -> TcpDirection:
        side = connection.sides[direction]
        return connection.tcp_connection.directions[side]

    def _read(self, stream: TcpDirection, start: int, length: int) -> tuple[bytes, list[Span]]:
        """Return stream bytes with zeros for what is missing, and the missing stream spans."""
        pieces: list[bytes] = []
        missing: list[Span] = []
        found = stream.locate(start, length)
        whole, base = self._window(found)
        for piece in found:
            data = b""
            if piece.file_offset is not None:
                at = piece.file_offset - base
                data = whole[at : at + piece.length] if whole else self._pread(piece)
            if len(data) < piece.length:
                missing.append(Span(piece.stream_offset + len(data), piece.length - len(data)))
                data = data.ljust(piece.length, b"\0")
            pieces.append(data)
        return b"".join(pieces), missing

    def _at_once(self, stream: TcpDirection, runs: Sequence[Run]) -> tuple[bytes, int]:
        """Read the stream once for many runs that stand close together and have no hole.

        Returns the bytes and their stream offset; no bytes where each run is read by itself.
        """
        if len(runs) < MANY_RUNS:
            return b"", 0
        low = runs[0].stream_offset
        length = runs[-1].stream_offset + runs[-1].stream_length - low
        if length > CLOSE_RUNS * sum(run.stream_length for run in runs):
            return b"", 0
        data, holes = self._read(stream, low, length)
        return (b"", 0) if holes else (data, low)

    def _pread(self, piece: Piece) -> bytes:
        assert piece.file_offset is not None
        return self.captures.pread(piece.file_offset, piece.length)

    def _window(self, pieces: list[Piece]) -> tuple[bytes, int]:
        """Read the file once for pieces that stand close together: nearly always they do.

        Returns the bytes and their file offset; no bytes where each piece is read by itself.
        """
        if len(pieces) < 2:
            return b"", 0
        starts = [piece.file_offset for piece in pieces if piece.file_offset is not None]
        if len(starts) < len(pieces):
            return b"", 0
        low, end = min(starts), max(starts) + pieces[starts.index(max(starts))].length
        wanted = sum(piece.length for piece in pieces)
        if end - low > MAX_WINDOW or end - low > 2 * wanted + 4096:
            return b"", 0
        return self.captures.pread(low, end - low), low

    def stream(self, connection: int, direction: int, start: int, length: int) -> bytes:
        """Return stream bytes of one direction, holes as zeros."""
        return self._read(self._stream(self.connections[connection], direction), start, length)[0]

    def runs(self, row: int) -> SpanMap:
        """Return the map from the message's body to its stream."""
        first = self.value(row, "first_run")
        table, end = self.runs_table, first + self.value(row, "runs")
        columns = [table.column(name)[first:end].tolist() for name in Run._fields]
        return SpanMap([Run(*values) for values in zip(*columns, strict=True)])

    def available(self, row: int) -> bool:
        """Whether all bytes seen of the message can still be read: a live spool has an end."""
        return not self.value(row, "flags") & Flag.COMPLETE or not self.body(row).missing

    def body(self, row: int) -> Body:
        """Read the message's body from the capture."""
        if row in self.pinned:
            return Body(self.pinned[row][1], [])
        length = self.value(row, "length")
        complete = self.value(row, "flags") & Flag.COMPLETE
        if length <= HEAD_SIZE and complete and not self.messages.endless:  # all in the index
            return Body(self.messages.column("head")[row].tobytes()[:length], [])
        recent = self._recent
        if recent[0] == row and recent[1] is not None:
            return recent[1]
        stream = self._stream_of(row)
        if complete and length <= SMALL_BODY and not self.messages.endless:
            near = self._one_chunk(row, stream, length)
            if near is not None:
                return Body(near, [])
        pieces: list[bytes] = []
        missing: list[Span] = []
        spans = self.runs(row)
        whole, base = self._at_once(stream, spans.runs)
        position = 0
        for run in spans.runs:
            if not run.length:
                continue
            if run.body_offset > position:  # whole chunks are missing
                missing.append(Span(position, run.body_offset - position))
                pieces.append(bytes(run.body_offset - position))
            at, holes = run.stream_offset - base, list[Span]()
            if whole:
                data = whole[at : at + run.stream_length]
            else:
                data, holes = self._read(stream, run.stream_offset, run.stream_length)
            for hole in holes:
                missing += SpanMap([run]).to_body(hole.start, hole.length)
            pieces.append(_unchunk(data, run))
            position = run.body_offset + run.length
        if position < length:
            missing.append(Span(position, length - position))
        body = Body(b"".join(pieces), missing)
        if len(body.data) <= KEPT_BODY and not self.messages.endless:
            self._recent = row, body
        return body

    def _one_chunk(self, row: int, stream: TcpDirection, length: int) -> bytes | None:
        """Return a small body of one chunk that stands close behind what was asked for before."""
        run, runs = self.value(row, "first_run"), self.runs_table
        if self.value(row, "runs") != 1 or length > runs.value("chunk_payload", run):
            return None
        start = runs.value("stream_offset", run)
        return self._near(stream, self.value(row, "direction"), start, length)

    def _near(self, stream: TcpDirection, direction: int, start: int, length: int) -> bytes | None:
        """Return stream bytes that stand close behind those asked for before, read together with
        what follows; None where they do not, or are not all there.
        """
        known, low, data = self._ahead.get(direction, (None, 0, b""))
        at = start - low
        if known is not stream or not 0 <= at <= len(data) + CLOSE_BODY:
            self._ahead = {**self._ahead, direction: (stream, start + length, b"")}
            return None
        if at + length > len(data):
            low = max(start - LONGEST_HEADER, 0)  # asked for behind the body
            data, at = self._without_hole(stream, low), start - low
            self._ahead = {**self._ahead, direction: (stream, low, data)}
        return data[at : at + length] if at + length <= len(data) else None

    def _without_hole(self, stream: TcpDirection, start: int) -> bytes:
        """Read stream bytes up to the first that is missing."""
        data, missing = self._read(stream, start, AHEAD)
        return data[: missing[0].start - start] if missing else data

    def missing(self, row: int) -> list[tuple[int, int]]:
        """Return the missing ranges of the body as (start, length)."""
        if self.value(row, "flags") & Flag.COMPLETE:
            return []
        return [(span.start, span.length) for span in joined(self.body(row).missing)]

    def header_bytes(self, row: int) -> bytes:
        """Return the message's first chunk header: basic, message, extended timestamp."""
        if row in self.pinned:
            return self.pinned[row][0]
        start = self.value(row, "stream_offset")
        first = self.value(row, "first_run")
        length = self.runs_table.value("stream_offset", first) - start
        stream, near = self._stream_of(row), None
        if not self.messages.endless:
            near = self._near(stream, self.value(row, "direction"), start, length)
        return near if near is not None else self._read(stream, start, length)[0]

    def chunk_spans(self, row: int) -> list[ChunkSpan]:
        """Return the message's chunks, at most `MAX_CHUNK_SPANS`."""
        header = self.value(row, "stream_offset")
        csid, flags = self.value(row, "csid"), self.value(row, "flags")
        later = 1 if csid < 64 else 2 if csid < 320 else 3
        if flags & Flag.EXTENDED and not flags & Flag.EXTENDED_OMITTED:
            later += 4
        spans: list[ChunkSpan] = []
        for number, run in enumerate(self.runs(row).runs):
            offset, left = run.stream_offset, run.length
            while len(spans) < MAX_CHUNK_SPANS:
                head = run.header_length or later
                if not spans and not number:
                    head = offset - header
                take = min(left, run.chunk_payload)
                spans.append(ChunkSpan(offset - head, head, take))
                left -= take
                offset += take + run.header_length
                if left <= 0:
                    break
        return spans

    def locate(self, row: int, space: str, start: int, length: int) -> list[FileSpan]:
        """Map a span of the row's `header`, `body` or `stream` to stream and file."""
        stream = self._stream_of(row)
        if space == "header":
            spans = [Span(self.value(row, "stream_offset") + start, length)]
        elif space == "stream":
            spans = [Span(start, length)]
        else:
            spans = self.runs(row).to_stream(start, length)
        return [
            FileSpan(piece.stream_offset, piece.length, piece.file_offset, piece.frame)
            for span in spans
            for piece in stream.locate(span.start, span.length)
        ]


def _unchunk(data: bytes, run: Run) -> bytes:
    """Remove the fmt 3 headers from the stream bytes of a run."""
    if not run.header_length or run.length <= run.chunk_payload:
        return data
    body = bytearray(data)
    if run.chunk_payload < 64:
        # Few payload bytes per header: delete the header columns in C.
        stride = run.chunk_payload + run.header_length
        for i in range(run.header_length):
            del body[run.chunk_payload :: stride - i]
        return bytes(body)
    stride = run.chunk_payload + run.header_length
    return b"".join([data[at : at + run.chunk_payload] for at in range(0, len(data), stride)])


def joined(spans: list[Span]) -> list[Span]:
    """Join spans that touch."""
    joined: list[Span] = []
    for span in sorted(spans):
        if joined and joined[-1].end >= span.start:
            last = joined.pop()
            span = Span(last.start, max(last.end, span.end) - last.start)
        joined.append(span)
    return joined
