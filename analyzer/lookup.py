"""Questions about one row, answered from the capture's bytes when somebody looks."""

from __future__ import annotations

from collections import OrderedDict
from functools import lru_cache
from threading import RLock
from typing import TYPE_CHECKING, Any, Final

from analyzer import media_rows
from analyzer.annotate import annotate, unacknowledged
from analyzer.bounds import Bounds, of_media
from analyzer.configurations import Configurations
from analyzer.exchanges import Exchange, exchanges
from analyzer.failures import Failures
from analyzer.handshakes import add_round_trips
from analyzer.holes import dissect_incomplete
from analyzer.index import Array
from analyzer.message_bytes import Body, MessageBytes
from analyzer.model import DIRECTIONS, Connection
from dissectors import spec
from dissectors.chunk_state import Flag
from dissectors.context import Context
from dissectors.dissect import Brief, Header, brief, dissect_body, dissect_header, type_name
from dissectors.fields import Dissection, Field
from dissectors.handshake_tree import dissect_handshake
from dissectors.whole import HEAD_SIZE

if TYPE_CHECKING:
    from analyzer.metrics import Metrics

CACHED_BODIES: Final = 256
CACHED_WEIGHT: Final = 128 << 10
"""Body bytes of all cached trees: an AMF value can be one byte and its field 300."""
FRAME_WEIGHT: Final = 1024
FRAME_FIELDS: Final = 64
"""What a tree of coded audio or video counts at most: its fields are few, but for many tracks."""
SMALL: Final = 256
"""Bytes of a message of which equal ones are decoded once."""
MAX_ALIKE: Final = 64
LARGE: Final = 200_000
"""Messages from which on views and families of rules each measure anew what they need of every
frame, rather than keep what the others needed: a tenth of the time, a quarter of the memory."""
GONE: Final = "no longer available"
"""Of bytes that a live capture's spool has overwritten."""
MEDIA_KINDS: Final = {spec.AUDIO: "audio", spec.VIDEO: "video"}
_OPEN_ENDED: Final = frozenset({15, 16, 17, 18, 19, 20, spec.AGGREGATE})
"""Types whose bodies hold as many values as fit."""
_OF_PLACE: Final = frozenset({spec.AUDIO, spec.VIDEO, spec.AGGREGATE})
"""Types decoded with what the connection knows there; the others are from their bytes alone."""
INFERRED: Final = {
    Flag.INFERRED_TIMESTAMP: "timestamp",
    Flag.INFERRED_MSID: "msid",
    Flag.INFERRED_LENGTH: "length",
    Flag.INFERRED_TYPE: "type_id",
    Flag.INFERRED_CHUNK_SIZE: "chunk_size",
}


class Lookup(MessageBytes):
    """Everything a view may ask about message rows. `Session` adds the indexing."""

    bounds: Bounds
    failures: Failures
    done: bool
    limits_hit: list[str]

    def __init__(self) -> None:
        self._lock = RLock()
        self._measuring = RLock()
        """Not the lock of the bodies: lists go on while statistics are computed."""
        self.limits_in_bodies: set[str] = set()
        """Limits of the decoders that were hit by what was looked at so far."""
        self._dissections: OrderedDict[int, Dissection] = OrderedDict()
        self._alike: dict[tuple[Any, ...], tuple[Context, Dissection]] = {}
        """Small messages by what they were decoded from: floods repeat the same one."""
        self._cached = 0
        self._exchanges: dict[int, Exchange] | None = None
        self._metrics: tuple[tuple[int, bool], Metrics] | None = None
        self._configurations = Configurations(self)

    def forget(self) -> None:
        """Drop what was cached: connections got their final numbers."""
        with self._lock:
            self._dissections.clear()
            self._alike.clear()
            self._cached = 0
            self._configurations.clear()
            self._exchanges = None
            self._metrics = None

    @property
    def metrics(self) -> Metrics:
        """Statistics of what is indexed so far; computed when asked for, again when more came."""
        known, last = (len(self.messages), self.done), self._metrics
        if last is not None and last[0] == known:  # rules ask a hundred times a connection
            return last[1]
        from analyzer.metrics import Metrics

        with self._measuring:
            last = self._metrics
            if last is None or last[0] != known:
                self._metrics = last = None  # never two of them in memory
                self._metrics = last = known, Metrics(self)
            return last[1]

    def relax(self, whole: bool = False) -> None:
        """Give up what was measured of every frame, where that is much; it is measured again.

        `whole`: also what of it takes long to read again, for who will not ask soon.
        """
        known = self._metrics
        if known is None or len(self.messages) < LARGE:
            return
        if whole and self.done and not self.messages.endless:
            self._metrics = None
        else:
            known[1].relax()

    def exchange(self, row: int) -> Exchange | None:
        """Return the call and reply that a command belongs to, once the capture is indexed."""
        if self._exchanges is None:
            if not self.done:
                return None
            self._exchanges = exchanges(self.connections, self.messages)
        return self._exchanges.get(row)

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

    # -- trees ----------------------------------------------------------------------------

    def context(self, row: int) -> Context:
        """Return what the connection knows where this message stands."""
        connection = self.connections[self.value(row, "connection")]
        direction = self.value(row, "direction")
        type_id = self.value(row, "type_id")
        media = type_id in (spec.AUDIO, spec.VIDEO, spec.AGGREGATE)
        encoding = connection.object_encoding if not media else None
        offset = self.value(row, "stream_offset")
        configs = self._configurations.before
        return Context(
            type_id,
            DIRECTIONS[direction],
            self.value(row, "msid"),
            self.value(row, "timestamp"),
            encoding or 0,
            configs(connection, direction, "video", offset) if media else {},
            configs(connection, direction, "audio", offset) if media else {},
            not self.value(row, "flags") & Flag.COMPLETE,
        )

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
        type_id, flags, body = self.value(row, "type_id"), self.value(row, "flags"), self.body(row)
        if body.missing and flags & Flag.COMPLETE:
            found = _gone(type_id, len(body.data))
        else:
            try:
                found = self._decode(row, type_id, flags, body)
            except Exception as error:
                view = self.connections[self.value(row, "connection")]
                lost = f"{self.message_id(row)} was not decoded"
                text = self.failures.add("decoding", lost, error, view)
                found = _unreadable(type_id, len(body.data), text)
        self._dissections[row] = found
        self._cached += _weight(found)
        while len(self._dissections) > CACHED_BODIES or (
            self._cached > CACHED_WEIGHT and len(self._dissections) > 1
        ):
            self._cached -= _weight(self._dissections.popitem(last=False)[1])
        return found

    def _decode(self, row: int, type_id: int, flags: int, body: Body) -> Dissection:
        cut = not flags & Flag.COMPLETE
        ctx = self.context(row) if type_id in _OF_PLACE else _anywhere(type_id, cut)
        if type_id in _OPEN_ENDED:
            ctx = self.bounds.context(ctx)
        alike = None
        if len(body.data) <= SMALL and not self._told_apart(row, type_id):
            length = self.value(row, "length") if cut else len(body.data)
            alike = (type_id, body.data, length, flags, tuple(body.missing))
            known = self._alike.get(alike)
            if known is not None and (known[0] is ctx or known[0] == ctx):
                return known[1]
        if cut:
            found = dissect_incomplete(body, self.value(row, "length"), flags, ctx)
        else:
            found = dissect_body(type_id, body.data, ctx)
        if type_id in _OPEN_ENDED:
            self.note_limits(self.bounds.of_body(found.body, ctx))
        elif type_id in MEDIA_KINDS:
            self.note_limits(of_media(found.body))
        annotate(self, row, type_id, found.body)
        if alike is not None:
            if len(self._alike) >= MAX_ALIKE:
                self._alike.clear()
            self._alike[alike] = ctx, found
        return found

    def unwritten(self, row: int, error: Exception) -> None:
        """Take note of a fault of the program in what an output made of a message."""
        view = self.connections[self.value(row, "connection")]
        self.failures.add("writing", f"{self.message_id(row)} was not written", error, view)

    def _told_apart(self, row: int, type_id: int) -> bool:
        """Whether `annotate` says of this row what it would not say of an equal body."""
        if type_id in (spec.COMMAND_AMF0, spec.COMMAND_AMF3):
            return self.exchange(row) is not None
        return type_id == spec.ACKNOWLEDGEMENT

    def note_limits(self, names: set[str]) -> None:
        """Take note of limits that were hit, also after the capture was read."""
        self.limits_in_bodies |= names
        if self.done and names:
            self.limits_hit = sorted({*self.limits_hit, *names})

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
        skip, holes = (client.skip, server.skip), (client.first_holes, server.first_holes)
        trees = dissect_handshake(client.first, server.first, skip, holes)
        add_round_trips(view, trees)
        return trees

    def info(self, row: int) -> str:
        """Return the list's last column: what the message says, in few words."""
        shared = self.template(row)
        if shared is not None:
            return shared.info
        plain = self._brief(row)
        return plain.info if plain is not None else self.dissect(row).info

    def brief(self, row: int) -> Brief | None:
        """Return info and summary of a message of fixed form as `dissect` would make them, without
        its tree; None for others. Floods consist of such messages.
        """
        plain = self._brief(row)
        if plain is not None and self.value(row, "type_id") == spec.ACKNOWLEDGEMENT:
            assert plain.summary is not None
            key, value = plain.summary
            known = unacknowledged(self, row, value["sequence_number"])
            return plain if known is None else Brief(plain.info, (key, value | known.summary))
        return plain

    def _brief(self, row: int) -> Brief | None:
        type_id = self.value(row, "type_id")
        if type_id in _OPEN_ENDED or type_id in MEDIA_KINDS:
            return None
        flags, length = self.value(row, "flags"), self.value(row, "length")
        # A live capture may have dropped the bytes, and then nothing is said of them.
        if not flags & Flag.COMPLETE or length > HEAD_SIZE or self.messages.endless:
            return None
        head = self.messages.column("head")[row].tobytes()
        return brief(type_id, head[:length])

    def summary(self, row: int) -> tuple[str, dict[str, Any]] | None:
        """Return the decoded summary and its key; None for a type without one.

        Of coded audio and video frames only the header is read; `dissect` knows the rest.
        """
        shared = self.template(row)
        if shared is not None:
            kind = MEDIA_KINDS[self.value(row, "type_id")]
            return kind, media_rows.summary_at(shared, self.value(row, "timestamp"))
        return self.decoded_summary(row)

    def decoded_summary(self, row: int) -> tuple[str, dict[str, Any]] | None:
        """Return the summary of the whole body and its key; None for a type without one."""
        return summary_of(self.dissect(row))

    def template(self, row: int) -> media_rows.Template | None:
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
            config = self._configurations.before(owner, direction, kind, stream_offset).get(0)
        return media_rows.template(type_id, head, length, config)


def summary_of(dissection: Dissection) -> tuple[str, dict[str, Any]] | None:
    """Return the summary of a decoded body and its key; None for a type without one."""
    body = dissection.body
    if body.name == "body" or not isinstance(body.value, dict):
        return None
    return body.name, body.value


@lru_cache(maxsize=512)
def _anywhere(type_id: int, cut: bool) -> Context:
    """Return what messages are decoded with that mean the same wherever they stand."""
    return Context(type_id, truncated=cut)


def _message(dissection: Dissection, header: Field) -> Field:
    label = f"Real Time Messaging Protocol ({dissection.title})"
    root = Field("message", label, None, 0, dissection.body.length)
    root.children = [header, dissection.body]
    return root


def _weight(dissection: Dissection) -> int:
    body = dissection.body
    if body.name in ("audio", "video") and len(body.children) <= FRAME_FIELDS:
        return min(body.length, FRAME_WEIGHT)
    return body.length


def _gone(type_id: int, length: int) -> Dissection:
    """What can be said of a body whose bytes were read once and are not there any more."""
    return _unreadable(type_id, length, GONE)


def _unreadable(type_id: int, length: int, why: str) -> Dissection:
    root = Field("body", "RTMP Body", None, 0, length)
    root.children = [Field("unavailable", f"{length} bytes, {why}", None, 0, length)]
    return Dissection(type_name(type_id), f"[body {why}]", root)
