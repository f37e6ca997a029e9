"""Questions about one row, answered from the capture's bytes when somebody looks."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from threading import RLock
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from analyzer import media_rows
from analyzer.annotate import annotate
from analyzer.exchanges import Exchange, exchanges
from analyzer.handshakes import add_round_trips
from analyzer.index import Array
from analyzer.model import DIRECTIONS, Connection
from analyzer.tcp import Piece, TcpDirection
from dissectors import spec
from dissectors.chunk_state import Flag
from dissectors.context import CodecConfig, Context
from dissectors.dissect import Header, dissect_body, dissect_header, type_name
from dissectors.fields import Dissection, Field
from dissectors.handshake_tree import dissect_handshake
from dissectors.messages.media_config import records
from dissectors.spans import Run, Span, SpanMap

if TYPE_CHECKING:
    from analyzer.captures import CaptureSet
    from analyzer.index import MessageTable, RunTable
    from analyzer.metrics import Metrics

CACHED_BODIES: Final = 256
CACHED_WEIGHT: Final = 128 << 10
"""Body bytes of all cached trees: an AMF value can be one byte and its field 300."""
FRAME_WEIGHT: Final = 1024
"""What a tree of coded audio or video counts at most: its fields are few."""
MAX_CHUNK_SPANS: Final = 4096
"""Chunks listed of one message; 16 MB in chunks of 128 bytes are 131,072."""
MAX_WINDOW: Final = 1 << 20
"""Capture bytes read at once for the segments of one message."""
MANY_RUNS: Final = 8
CLOSE_RUNS: Final = 8
"""So many runs of a message are read at once where they fill at least an eighth of the stream
between them: interleaved chunks make a run of each."""
MAX_TRACKS: Final = 256
"""Track ids are one byte."""
GONE: Final = "no longer available"
"""Of bytes that a live capture's spool has overwritten."""
_NO_CONFIGS: Final[dict[int, CodecConfig]] = {}
MEDIA_KINDS: Final = {spec.AUDIO: "audio", spec.VIDEO: "video"}
INFERRED: Final = {
    Flag.INFERRED_TIMESTAMP: "timestamp",
    Flag.INFERRED_MSID: "msid",
    Flag.INFERRED_LENGTH: "length",
    Flag.INFERRED_TYPE: "type_id",
    Flag.INFERRED_CHUNK_SIZE: "chunk_size",
}


class Body(NamedTuple):
    """A message body; missing ranges are filled with zeros."""

    data: bytes
    missing: list[Span]


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


class Lookup:
    """Everything a view may ask about message rows. `Session` adds the indexing."""

    captures: CaptureSet
    messages: MessageTable
    runs_table: RunTable
    pinned: Mapping[int, tuple[bytes, bytes]] = MappingProxyType({})
    """Chunk header and body of messages that outlive the spool, by row."""
    connections: list[Connection]
    done: bool

    def __init__(self) -> None:
        self._lock = RLock()
        self._dissections: OrderedDict[int, Dissection] = OrderedDict()
        self._cached = 0
        self._exchanges: dict[int, Exchange] | None = None
        self._metrics: tuple[tuple[int, bool], Metrics] | None = None
        self._configs: OrderedDict[tuple[int, int, str, int], dict[int, CodecConfig]] = (
            OrderedDict()
        )

    def forget(self) -> None:
        """Drop what was cached: connections got their final numbers."""
        with self._lock:
            self._dissections.clear()
            self._cached = 0
            self._configs.clear()
            self._exchanges = None
            self._metrics = None

    @property
    def metrics(self) -> Metrics:
        """Statistics of what is indexed so far; computed when asked for, again when more came."""
        from analyzer.metrics import Metrics

        with self._lock:
            known = (len(self.messages), self.done)
            if self._metrics is None or self._metrics[0] != known:
                self._metrics = known, Metrics(self)
            return self._metrics[1]

    def exchange(self, row: int) -> Exchange | None:
        """Return the call and reply that a command belongs to, once the capture is indexed."""
        if self._exchanges is None:
            if not self.done:
                return None
            self._exchanges = exchanges(self.connections, self.messages)
        return self._exchanges.get(row)

    def value(self, row: int, name: str) -> int:
        """Return one integer column of a row."""
        return self.messages.value(name, row)

    def order(self) -> Array:
        """Return the row numbers in output order: completion time, connection, direction, index."""
        return self.messages.order()

    # -- names ----------------------------------------------------------------------------

    def message_id(self, row: int) -> str:
        """Return the id of a message: ``c0.c2s.3``."""
        direction = DIRECTIONS[self.value(row, "direction")]
        return f"c{self.value(row, 'connection')}.{direction}.{self.value(row, 'index')}"

    def type_name(self, row: int) -> str:
        """Return the name of the message's type, as Wireshark writes it."""
        return type_name(self.value(row, "type_id"))

    def inferred(self, row: int) -> list[str]:
        """Name the values of this message that do not follow from bytes that were seen."""
        flags = self.value(row, "flags")
        return [name for flag, name in INFERRED.items() if flags & flag]

    @property
    def capture_start_ns(self) -> int:
        """Time of the first packet, nanoseconds since the epoch; times of rows count from it."""
        raise NotImplementedError

    # -- bytes ----------------------------------------------------------------------------

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
        stream = self._stream_of(row)
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
        length = self.value(row, "length")
        if position < length:
            missing.append(Span(position, length - position))
        return Body(b"".join(pieces), missing)

    def missing(self, row: int) -> list[tuple[int, int]]:
        """Return the missing ranges of the body as (start, length)."""
        if self.value(row, "flags") & Flag.COMPLETE:
            return []
        return [(span.start, span.length) for span in _joined(self.body(row).missing)]

    def header_bytes(self, row: int) -> bytes:
        """Return the message's first chunk header: basic, message, extended timestamp."""
        if row in self.pinned:
            return self.pinned[row][0]
        start = self.value(row, "stream_offset")
        first = self.value(row, "first_run")
        payload = int(self.runs_table.column("stream_offset")[first])
        return self._read(self._stream_of(row), start, payload - start)[0]

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

    # -- trees ----------------------------------------------------------------------------

    def context(self, row: int) -> Context:
        """Return what the connection knows where this message stands."""
        connection = self.connections[self.value(row, "connection")]
        direction = self.value(row, "direction")
        type_id = self.value(row, "type_id")
        media = type_id in (spec.AUDIO, spec.VIDEO, spec.AGGREGATE)
        encoding = connection.object_encoding if not media else None
        offset = self.value(row, "stream_offset")
        return Context(
            type_id,
            DIRECTIONS[direction],
            self.value(row, "msid"),
            self.value(row, "timestamp"),
            encoding or 0,
            self._configurations(connection, direction, "video", offset) if media else {},
            self._configurations(connection, direction, "audio", offset) if media else {},
            not self.value(row, "flags") & Flag.COMPLETE,
        )

    def _configurations(
        self, connection: Connection, direction: int, kind: str, offset: int
    ) -> dict[int, CodecConfig]:
        """Return the codec configurations in force at a stream offset, by track."""
        side = connection.sides[direction]
        count = connection.rtmp.configs_before(side, kind, offset)
        if not count:
            return _NO_CONFIGS
        key = (connection.index, direction, kind, count)
        found = self._configs.get(key)
        if found is None:
            before = connection.rtmp.halves[side].configs[kind][:count]
            # The last one of each track counts. Readers go forward: most is known already.
            earlier = self._configs.get((*key[:3], count - 1))
            found = dict(earlier or {})
            for ordinal in before[-1 if earlier is not None else -MAX_TRACKS :]:
                row = self.row_of(connection, direction, ordinal)
                if row < 0 or (row < self.messages.first and row not in self.pinned):
                    continue
                type_id = self.value(row, "type_id")
                wanted = spec.VIDEO if kind == "video" else spec.AUDIO
                for track, codec, data in records(wanted, type_id, self.body(row).data):
                    found[track] = CodecConfig(codec, data, self.message_id(row))
            self._configs[key] = found
            while len(self._configs) > CACHED_BODIES:
                self._configs.popitem(last=False)
        return found

    def row_of(self, connection: Connection, direction: int, ordinal: int) -> int:
        """Return the row of the direction's message that ended as number `ordinal`, or -1."""
        raise NotImplementedError

    def dissect(self, row: int) -> Dissection:
        """Decode the message's body. May be called from any thread."""
        with self._lock:
            return self._dissect(row)

    def _dissect(self, row: int) -> Dissection:
        found = self._dissections.get(row)
        if found is not None:
            self._dissections.move_to_end(row)
            return found
        type_id, body = self.value(row, "type_id"), self.body(row)
        if body.missing and self.value(row, "flags") & Flag.COMPLETE:
            found = _gone(type_id, len(body.data))
        else:
            found = dissect_body(type_id, body.data, self.context(row))
            annotate(self, row, found.body)
        self._dissections[row] = found
        self._cached += _weight(found)
        while len(self._dissections) > CACHED_BODIES or (
            self._cached > CACHED_WEIGHT and len(self._dissections) > 1
        ):
            self._cached -= _weight(self._dissections.popitem(last=False)[1])
        return found

    def tree(self, row: int) -> Field:
        """Return the annotated tree: chunk header, then body."""
        dissection = self.dissect(row)
        raw = self.header_bytes(row)
        if not any(raw) and not self.available(row):
            header = Field("header", f"RTMP Header: {GONE}", None, 0, len(raw), space="header")
            return _message(dissection, header)
        names = ("fmt", "csid", "msid", "type_id", "timestamp", "length", "flags")
        header = dissect_header(raw, Header(*(self.value(row, name) for name in names)))
        return _message(dissection, header)

    def handshake_tree(self, connection: int) -> list[Field]:
        """Return the trees of C0+C1, S0+S1+S2 and C2, as far as captured."""
        view = self.connections[connection]
        client, server = (view.rtmp.halves[side] for side in view.sides)
        trees = dissect_handshake(client.first, server.first, (client.skip, server.skip))
        add_round_trips(view, trees)
        return trees

    def info(self, row: int) -> str:
        """Return the list's last column: what the message says, in few words."""
        shared = self._frame(row)
        return shared.info if shared is not None else self.dissect(row).info

    def summary(self, row: int) -> tuple[str, dict[str, Any]] | None:
        """Return the decoded summary and its key; None for a type without one.

        Of coded audio and video frames only the header is read; `dissect` knows the rest.
        """
        shared = self._frame(row)
        if shared is not None:
            kind = MEDIA_KINDS[self.value(row, "type_id")]
            return kind, media_rows.summary_at(shared, self.value(row, "timestamp"))
        return self.decoded_summary(row)

    def decoded_summary(self, row: int) -> tuple[str, dict[str, Any]] | None:
        """Return the summary of the whole body and its key; None for a type without one."""
        body = self.dissect(row).body
        if body.name == "body" or not isinstance(body.value, dict):
            return None
        return body.name, body.value

    def _frame(self, row: int) -> media_rows.Template | None:
        """Return what is common to all coded frames with this header; None for other messages."""
        type_id = self.value(row, "type_id")
        if type_id not in MEDIA_KINDS:
            return None
        head = self.messages.column("head")[row].tobytes()
        names = ("connection", "direction", "length", "flags", "stream_offset")
        return self.frame(type_id, head, *(self.value(row, name) for name in names))

    def frame(
        self,
        type_id: int,
        head: bytes,
        connection: int,
        direction: int,
        length: int,
        flags: int,
        stream_offset: int,
    ) -> media_rows.Template | None:
        """Return the template of an audio or video message, given its columns."""
        if not length or not flags & Flag.COMPLETE:
            return None
        kind = MEDIA_KINDS[type_id]
        owner = self.connections[connection]
        with self._lock:
            config = self._configurations(owner, direction, kind, stream_offset).get(0)
        return media_rows.template(type_id, head, length, config)


def _message(dissection: Dissection, header: Field) -> Field:
    label = f"Real Time Messaging Protocol ({dissection.title})"
    root = Field("message", label, None, 0, dissection.body.length)
    root.children = [header, dissection.body]
    return root


def _weight(dissection: Dissection) -> int:
    length = dissection.body.length
    return min(length, FRAME_WEIGHT) if dissection.body.name in ("audio", "video") else length


def _gone(type_id: int, length: int) -> Dissection:
    """What can be said of a body whose bytes were read once and are not there any more."""
    root = Field("body", "RTMP Body", None, 0, length)
    root.children = [Field("unavailable", f"{length} bytes, {GONE}", None, 0, length)]
    return Dissection(type_name(type_id), f"[body {GONE}]", root)


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


def _joined(spans: list[Span]) -> list[Span]:
    """Join spans that touch."""
    joined: list[Span] = []
    for span in sorted(spans):
        if joined and joined[-1].end >= span.start:
            last = joined.pop()
            span = Span(last.start, max(last.end, span.end) - last.start)
        joined.append(span)
    return joined
