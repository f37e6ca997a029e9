"""What changes in each direction's byte stream: secrets in messages, media that is blanked."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Iterator
from functools import partial
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzer.covered import blocks
from analyzer.redaction.addresses import Addresses
from analyzer.redaction.collect import TEXT_TYPES, has_text, unread
from analyzer.redaction.media import coded
from analyzer.redaction.patterns import Hit, Patterns
from analyzer.redaction.secrets import NAME_COMMANDS, ORDINARY
from analyzer.redaction.unparsed import edges
from dissectors import spec
from dissectors.spans import Run, Span

if TYPE_CHECKING:
    from analyzer.message_bytes import Body
    from analyzer.model import Connection
    from analyzer.session import Session
    from analyzer.tcp import TcpDirection
    from dissectors.fields import Field

Ints = NDArray[np.int64]

_MEDIA: Final = (spec.AUDIO, spec.VIDEO, spec.AGGREGATE)
_DOTTED: Final = re.compile(rb"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])")
_TEXT: Final = re.compile(rb"[\x20-\x7e\x80-\xff]")
_BLOCK: Final = 1 << 20
_MOST_BODIES: Final = 4096
"""Bytes, and bodies, searched at once."""
_PROXY_V2: Final = b"\r\n\r\n\x00\r\nQUIT\n"


class Anchor(NamedTuple):
    """A segment that tells where a direction's stream stands in sequence numbers."""

    frame: int
    file_offset: int
    stream_offset: int


def disjoint(edits: dict[int, bytes]) -> list[tuple[int, bytes]]:
    """Return edits in order; what two of them cover is the earlier one's."""
    found: list[tuple[int, bytes]] = []
    done = 0
    for at, text in sorted(edits.items()):
        rest = text[max(done - at, 0) :]
        if rest:
            found.append((at + len(text) - len(rest), rest))
            done = at + len(text)
    return found


def as_integers(column: array[int]) -> Ints:
    """Return a view of the column."""
    return np.frombuffer(column, np.int64) if column else np.zeros(0, np.int64)


def in_order(starts: Ints, ends: Ints) -> tuple[Ints, Ints]:
    """Return ranges sorted by start; mostly they are, and then nothing is copied."""
    if len(starts) < 2 or bool((starts[1:] >= starts[:-1]).all()):
        return starts, ends
    order = np.argsort(starts, kind="stable")
    return starts[order], ends[order]


class StreamPlan:
    """The changes of one direction, in stream offsets."""

    def __init__(self, session: Session, connection: Connection, direction: int) -> None:
        side = connection.sides[direction]
        self._kept = partial(session.stream, connection.index, direction)
        self.start_frame = connection.tcp_connection.start_frame
        self.direction: TcpDirection = connection.tcp_connection.directions[side]
        self._edits: dict[int, bytes] = {}
        self._blank_start, self._blank_end = array("q"), array("q")

    @property
    def anchor(self) -> Anchor | None:
        """The first segment in the capture's order; None without any."""
        segments = self.direction.segments
        if not len(segments):
            return None
        row = int(np.argmin(segments.frame))
        columns = (segments.frame, segments.file_offset, segments.stream_offset)
        return Anchor(*(int(column[row]) for column in columns))

    def kept(self, start: int, data: bytes) -> bool:
        """Whether a segment's bytes are what the stream has: one sent again may differ."""
        skip = max(-start, 0)
        return self._kept(start + skip, len(data) - skip) == data[skip:]

    def put(self, start: int, data: bytes) -> None:
        """Have `data` stand at a stream offset."""
        if len(data) > len(self._edits.get(start, b"")):
            self._edits[start] = data

    def blank(self, runs: Iterable[Run], start: int, length: int) -> None:
        """Have `FILL` stand in body bytes `start` … `start + length`, chunk headers left alone."""
        for run in runs:
            low = max(start - run.body_offset, 0)
            high = min(start + length - run.body_offset, run.length)
            if low >= high:
                continue
            payload, stride = run.chunk_payload, run.chunk_payload + run.header_length
            first, last = low // payload, (high - 1) // payload
            # A message can have millions of chunks, so no object for each.
            starts = run.stream_offset + stride * np.arange(first, last + 1, dtype=np.int64)
            ends = starts + payload
            ends[-1] += high - (last + 1) * payload
            starts[0] += low - first * payload
            self._blank_start.frombytes(starts.tobytes())
            self._blank_end.frombytes(ends.tobytes())

    def edits(self) -> list[tuple[int, bytes]]:
        """Return (stream offset, bytes) in order, not overlapping."""
        return disjoint(self._edits)

    def blanks(self) -> tuple[Ints, Ints]:
        """Return starts and ends of what is blanked, in order."""
        return in_order(as_integers(self._blank_start), as_integers(self._blank_end))

    def inside(self, start: int, length: int) -> bool:
        """Whether an edit at `start` is known that is at least so long."""
        return len(self._edits.get(start, b"")) >= length


def plan(
    session: Session, patterns: Patterns, addresses: Addresses | None, *, strip: bool
) -> list[StreamPlan]:
    """Return the changes of all directions; `strip` blanks coded media."""
    plans = {
        (connection.index, direction): StreamPlan(session, connection, direction)
        for connection in session.connections
        for direction in (0, 1)
    }
    for row, found, hits in _searched(session, patterns, strip):
        key = session.value(row, "connection"), session.value(row, "direction")
        if strip and session.value(row, "type_id") in _MEDIA:
            _strip(session, row, found.data, plans[key])
        if hits is not None:
            _message(session, row, found, hits, plans[key], patterns, addresses is not None)
    for (connection, direction), each in plans.items():
        _stream(session, connection, direction, each, patterns)
        if addresses is not None:
            _proxy_header(session, connection, direction, each, addresses)
    return list(plans.values())


def _searched(
    session: Session, patterns: Patterns, strip: bool
) -> Iterator[tuple[int, Body, list[Hit] | None]]:
    """Yield (row, body, secrets in it) of the messages that matter: media has no secrets where
    nothing is looked for."""
    rows = session.order()
    if not patterns.forms:
        types = session.messages.column("type_id")[rows]
        rows = rows[np.isin(types, (*TEXT_TYPES, *(_MEDIA if strip else (spec.AGGREGATE,))))]
    at = 0
    while at < len(rows):
        bodies: list[tuple[int, Body]] = []
        size = 0
        while at < len(rows) and len(bodies) < _MOST_BODIES and size < _BLOCK:
            row = int(rows[at])
            bodies.append((row, session.body(row)))
            size += len(bodies[-1][1].data)
            at += 1
        hits = patterns.find_each([body.data for _, body in bodies])
        for (row, body), each in zip(bodies, hits, strict=True):
            yield row, body, each if patterns.forms or has_text(session, row) else None


def _strip(session: Session, row: int, data: bytes, plan: StreamPlan) -> None:
    """Blank the coded media of a message."""
    type_id = session.value(row, "type_id")
    for start, size in coded(type_id, data, session.context(row).video):
        plan.blank(session.runs(row).runs, start, size)


def _message(
    session: Session,
    row: int,
    found: Body,
    hits: list[Hit],
    plan: StreamPlan,
    patterns: Patterns,
    hide: bool,
) -> None:
    """Replace what is secret in a message, given the secrets in its body."""
    text = has_text(session, row)
    for hole in found.missing:
        hits += _beside(patterns, found.data, hole)
    if text:
        hits += _words(session, row, found.data, patterns)
        hits += _integers(session, row, found.data, patterns)
    edits = [(hit.start, patterns.placeholder(hit.secret, hit.length)) for hit in hits]
    if text:
        for start, size in unread(session, row):
            edits.append((start, _masked(found.data[start : start + size], start, edits)))
    runs = session.runs(row) if edits else None
    for start, new in edits:
        assert runs is not None
        _spread(plan, new, runs.to_stream(start, len(new)))
    if text and hide:
        for match in _DOTTED.finditer(found.data):
            if _is_address(match[0]):
                new = b"~ip".ljust(len(match[0]), b"~")
                _spread(plan, new, session.runs(row).to_stream(match.start(), len(new)))


def _masked(data: bytes, at: int, edits: Iterable[tuple[int, bytes]]) -> bytes:
    """Return undecoded bytes of a body, from `at` on, without their text: who knows what it is."""
    masked = bytearray(_TEXT.sub(b"~", data))
    for start, new in edits:
        low, high = max(start, at), min(start + len(new), at + len(data))
        if low < high:
            masked[low - at : high - at] = new[low - start : high - start]
    return bytes(masked)


def _spread(plan: StreamPlan, data: bytes, spans: Iterable[Span]) -> None:
    """Put `data` into the stream spans that carry it, chunk headers left alone."""
    done = 0
    for start, length in spans:
        plan.put(start, data[done : done + length])
        done += length


def _beside(patterns: Patterns, data: bytes, hole: Span) -> Iterator[Hit]:
    """Yield what of a secret stands before and behind a hole in a body."""
    before = patterns.cut_end(data[max(hole.start - patterns.longest, 0) : hole.start])
    if before:
        yield before._replace(start=hole.start - before.length)
    behind = patterns.cut_start(data[hole.end : hole.end + patterns.longest])
    if behind:
        yield behind._replace(start=hole.end)


def _words(session: Session, row: int, data: bytes, patterns: Patterns) -> Iterator[Hit]:
    """Yield short secrets that are whole values, and ordinary words where they are a name."""
    if not patterns.words:
        return
    nodes = [node for node in session.dissect(row).body.walk() if isinstance(node.value, str)]
    name = next((node for node in nodes if not node.children), None)
    named = name is not None and name.value in NAME_COMMANDS
    first = True
    for node in nodes:
        if node.children or node is name:
            continue
        found = _word(node, data, patterns)
        if found is None:
            continue
        ordinary = str(node.value).lower() in ORDINARY
        if not ordinary or (named and first):
            yield found
        first = False


def _integers(session: Session, row: int, data: bytes, patterns: Patterns) -> Iterator[Hit]:
    """Yield the AMF3 Integers that are secrets."""
    if not patterns.integers:
        return
    for node in session.dissect(row).body.walk():
        secret = patterns.integers.get(data[node.start : node.end])
        if secret is not None and isinstance(node.value, int):
            yield Hit(node.start + 1, node.length - 1, secret)


def _word(node: Field, data: bytes, patterns: Patterns) -> Hit | None:
    for word, secret in patterns.words.items():
        start = node.start + node.length - len(word)
        if (
            node.value == word.decode("utf-8", "replace")
            and data[start : start + len(word)] == word
        ):
            return Hit(start, len(word), secret)
    return None


def _stream(
    session: Session, connection: int, direction: int, plan: StreamPlan, patterns: Patterns
) -> None:
    """Find what stands in no message: before synchronisation, in unused bytes."""
    for start, length in edges(session, connection, direction):
        if not plan.inside(start, length):
            plan.put(start, b"~" * length)
    if not patterns.forms:
        return
    for at, data in blocks(session, connection, direction, patterns.longest):
        for hit in patterns.find(data):
            if not plan.inside(at + hit.start, hit.length):
                plan.put(at + hit.start, patterns.placeholder(hit.secret, hit.length))


def _proxy_header(
    session: Session, connection: int, direction: int, plan: StreamPlan, addresses: Addresses
) -> None:
    """Replace the real client's address before C0: HAProxy's forms, SRS's prefix."""
    view = session.connections[connection]
    size = view.rtmp.halves[view.sides[direction]].skip
    if not size:
        return
    data = session.stream(connection, direction, 0, size)
    places: list[tuple[int, int]] = []
    if data[0] == 0xF3:
        places = [(3, 4)]
    elif data.startswith(_PROXY_V2):
        places = {1: [(16, 4), (20, 4)], 2: [(16, 16), (32, 16)]}.get(data[13] >> 4, [])
    for start, length in places:
        if start + length <= size:
            plan.put(start, addresses.ip(data[start : start + length]))
    if data.startswith(b"PROXY "):
        for match in re.finditer(rb"\S+", data):
            if _is_address(match[0]):
                plan.put(match.start(), b"~ip".ljust(len(match[0]), b"~"))


def _is_address(text: bytes) -> bool:
    try:
        ip_address(text.decode("ascii"))
    except ValueError:
        return False
    return True
