"""From stream offsets to the file: every frame that carries a changed byte, sent again or not."""

from __future__ import annotations

import re
from array import array
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from analyzer.link import LinkLayer, SegmentBatch
from analyzer.redaction.loose import commands, scrape
from analyzer.redaction.patterns import Hit, Patterns
from analyzer.redaction.plan import Ints, StreamPlan, as_integers, disjoint, in_order
from analyzer.redaction.reread import Block, blocks
from analyzer.redaction.secrets import Secrets

if TYPE_CHECKING:
    from analyzer.sources import Capture, FrameBatch

_SYN: Final = 2
_WRAP: Final = 1 << 32
SMALLEST: Final = 60
"""Bytes of an Ethernet frame that are always there; an acknowledgement has zeros behind them."""
TUNNEL: Final = tuple(f"POST /{verb}/".encode() for verb in "open send idle close fcs".split())
_HTTP_HEAD: Final = re.compile(
    rb"(?:POST /[^\r\n]{0,512} )?HTTP/1\.[01][^\r\n]{0,512}\r\n(?:[^\r\n]{1,4096}\r\n)*\r\n"
)
"""Request line or status line, and header fields."""
FILL: Final = b"\x55"
"""Stands for coded media. Zeros can be chunk headers: behind a hole the stream would be found again
in the wrong place."""
_RANGES: Final = 1 << 16
"""Ranges made Python numbers at once."""


class Edits:
    """The changes of the whole file, by offset in the decompressed capture."""

    def __init__(self) -> None:
        self.texts: dict[int, bytes] = {}
        self._starts, self._ends = array("q"), array("q")

    def put(self, at: int, data: bytes) -> None:
        if len(data) > len(self.texts.get(at, b"")):
            self.texts[at] = data

    def blank(self, starts: Ints, ends: Ints) -> None:
        self._starts.frombytes(starts.tobytes())
        self._ends.frombytes(ends.tobytes())

    def sealed(self) -> Sealed:
        """Return the changes in the order of the file."""
        starts, ends = as_integers(self._starts), as_integers(self._ends)
        return Sealed(disjoint(self.texts), *in_order(starts, ends))


class Sealed:
    """The changes in order, to be applied block by block."""

    def __init__(self, texts: list[tuple[int, bytes]], starts: Ints, ends: Ints) -> None:
        self._at = np.array([at for at, _ in texts], np.int64)
        self._texts = [text for _, text in texts]
        self._starts, self._ends = starts, ends

    def apply(self, data: bytearray, base: int) -> Ints:
        """Change a block of the file; return where in it something changed."""
        end = base + len(data)
        changed: list[Any] = []
        low, high = np.searchsorted(self._starts, (base, end)).tolist()
        for part in range(low, high, _RANGES):
            some = slice(part, min(part + _RANGES, high))
            spans = (self._starts[some] - base).tolist(), (self._ends[some] - base).tolist()
            for start, stop in zip(*spans, strict=True):
                data[start:stop] = FILL * (stop - start)
        changed.append(self._starts[low:high] - base)
        low, high = np.searchsorted(self._at, (base, end)).tolist()
        for index in range(low, high):
            at, text = int(self._at[index]) - base, self._texts[index]
            data[at : at + len(text)] = text
        changed.append(self._at[low:high] - base)
        return np.concatenate(changed)


class _Stream:
    """One direction while its segments pass by."""

    def __init__(self, plan: StreamPlan) -> None:
        self.plan = plan
        self.base: int | None = None
        """Sequence number of stream offset 0, once its anchor was seen."""
        self.last = self.reach = 0
        edits = plan.edits()
        self.at = np.array([at for at, _ in edits], np.int64)
        self.stops = np.array([at + len(text) for at, text in edits], np.int64)
        self.texts = [text for _, text in edits]
        self.blank_at, self.blank_end = plan.blanks()

    def offsets(self, seq: Ints) -> Ints:
        """Return stream offsets of sequence numbers, unwrapped from the last one on."""
        assert self.base is not None
        raw = (seq - self.base) % _WRAP
        steps = np.diff(np.concatenate(([self.last % _WRAP], raw)))
        steps = (steps + _WRAP // 2) % _WRAP - _WRAP // 2
        found: Ints = self.last + np.cumsum(steps)
        return found


class _Collector:
    def __init__(self, plans: list[StreamPlan], patterns: Patterns) -> None:
        self.edits = Edits()
        self.strays = Secrets()
        """What looks like a secret in packets that no stream has."""
        self._patterns = patterns
        self._streams = [_Stream(plan) for plan in plans]
        self._anchors: dict[int, list[_Stream]] = {}
        self._flows: dict[tuple[int, bool], list[_Stream]] = {}
        self._tunnels: set[int] = set()
        self._tails: dict[tuple[int, bool], tuple[int, bytes, list[tuple[int, int]]]] = {}
        for stream in self._streams:
            anchor = stream.plan.anchor
            if anchor is not None:
                self._anchors.setdefault(anchor.frame, []).append(stream)

    def take(self, block: Block, segments: SegmentBatch) -> None:
        rows = np.flatnonzero(segments.captured > 0)
        segments = segments.take(rows)
        self._find_bases(segments)
        for key, streams in self._flows.items():
            chosen = np.flatnonzero((segments.flow == key[0]) & (segments.reverse == key[1]))
            if len(chosen):
                self._map(segments.take(chosen), streams)
        if self._patterns.forms:
            self._rest(block, segments)
        self._foreign(segments)
        self._no_segments(block, segments)

    def _find_bases(self, segments: SegmentBatch) -> None:
        """Learn the sequence numbers of streams whose first segment is in this batch."""
        for frame in self._anchors.keys() & set(segments.frame.tolist()):
            for stream in self._anchors[frame]:
                anchor = stream.plan.anchor
                assert anchor is not None
                behind = anchor.file_offset - segments.position
                hit = np.flatnonzero(
                    (segments.frame == frame) & (behind >= 0) & (behind < segments.captured)
                )
                if not len(hit):
                    continue
                place = int(hit[0])
                seq = int(_first(segments)[place]) + int(behind[place]) - anchor.stream_offset
                stream.base = seq % _WRAP
                stream.last = anchor.stream_offset
                key = int(segments.flow[place]), bool(segments.reverse[place])
                self._flows.setdefault(key, []).append(stream)

    def _map(self, segments: SegmentBatch, streams: list[_Stream]) -> None:
        """Give each segment to the connection it belongs to: ports are used again."""
        seq, open_rows = _first(segments), np.arange(len(segments))
        for stream in sorted(streams, key=lambda each: -each.plan.start_frame):
            rows = open_rows[segments.frame[open_rows] >= stream.plan.start_frame]
            if not len(rows):
                continue
            offsets = stream.offsets(seq[rows])
            inside = (offsets + segments.captured[rows] > 0) & (
                offsets < stream.plan.direction.length
            )
            if inside.any():
                stream.last = int(offsets[inside][-1])
                self._apply(stream, offsets[inside], segments.take(rows[inside]))
                self._sent_again(stream, offsets[inside], segments.take(rows[inside]))
            open_rows = np.setdiff1d(open_rows, rows[inside])
        for row in open_rows.tolist():
            scrape(_payload(segments, row), self.strays)

    def _sent_again(self, stream: _Stream, offsets: Ints, segments: SegmentBatch) -> None:
        """Look into segments that came twice, and not alike: the stream has one of them only."""
        reach = np.maximum.accumulate(np.append(stream.reach, offsets + segments.captured))
        stream.reach = int(reach[-1])
        for row in np.flatnonzero(offsets < reach[:-1]).tolist():
            payload = _payload(segments, row)
            if not stream.plan.kept(int(offsets[row]), payload):
                scrape(payload, self.strays)

    def _apply(self, stream: _Stream, offsets: Ints, segments: SegmentBatch) -> None:
        ends = offsets + segments.captured
        low = np.searchsorted(stream.stops, offsets, side="right")
        high = np.searchsorted(stream.at, ends, side="left")
        for row in np.flatnonzero(low < high).tolist():
            shift = int(segments.position[row] - offsets[row])
            first, last = int(offsets[row]), int(ends[row])
            for index in range(int(low[row]), int(high[row])):
                at, text = int(stream.at[index]), stream.texts[index]
                begin, end = max(at, first), min(at + len(text), last)
                self.edits.put(begin + shift, text[begin - at : end - at])
        low = np.searchsorted(stream.blank_end, offsets, side="right")
        high = np.searchsorted(stream.blank_at, ends, side="left")
        counts = np.maximum(high - low, 0)
        for row in np.flatnonzero(counts).tolist():
            some = slice(int(low[row]), int(high[row]))
            shift = int(segments.position[row] - offsets[row])
            begin = np.maximum(stream.blank_at[some], offsets[row]) + shift
            self.edits.blank(begin, np.minimum(stream.blank_end[some], ends[row]) + shift)

    # -- what no stream tells

    def _rest(self, block: Block, segments: SegmentBatch) -> None:
        """Find secrets that are still there: other protocols, bytes no stream has."""
        patterns = self._patterns
        data = bytearray(block.data)
        near = {
            at: text
            for at, text in self.edits.texts.items()
            if block.base <= at < block.base + len(data)
        }
        for at, text in near.items():
            data[at - block.base : at - block.base + len(text)] = text
        starts = payload_starts(block.frames, segments)
        for hit in within_frames(patterns.find(data), block.frames, starts):
            new = patterns.placeholder(hit.secret, hit.length)
            self.edits.put(block.base + hit.start, new)

    def _foreign(self, segments: SegmentBatch) -> None:
        """Look into flows that are no RTMP."""
        known, first = set(self._flows), _first(segments)
        for row in range(len(segments)):
            key = int(segments.flow[row]), bool(segments.reverse[row])
            if key not in known:
                commands(_payload(segments, row), self.strays)
                self._boundary(key, row, segments, int(first[row]))
                self._tunnel(row, segments)

    def _tunnel(self, row: int, segments: SegmentBatch) -> None:
        """Blank what RTMPT carries in HTTP: it is not decoded, so nobody knows what is in it."""
        flow, payload = int(segments.flow[row]), _payload(segments, row)
        if flow not in self._tunnels:
            if not payload.startswith(TUNNEL):
                return
            self._tunnels.add(flow)
        start, done = int(segments.position[row]), 0
        for head in _HTTP_HEAD.finditer(payload):
            self.edits.put(start + done, bytes(head.start() - done))
            done = head.end()
        self.edits.put(start + done, bytes(len(payload) - done))

    def _no_segments(self, block: Block, segments: SegmentBatch) -> None:
        """Look into frames that gave no segment: a fragment alone, what ICMP quotes of a packet."""
        frames = block.frames
        first = frames.first_frame
        alone = np.setdiff1d(np.arange(first, first + len(frames)), segments.frame) - first
        for index in alone.tolist():
            at, size = int(frames.offset[index]), int(frames.caplen[index])
            data = block.data[at : at + size]
            if any(data[SMALLEST:]):
                commands(data, self.strays)
                end = self._patterns.cut_end(data)
                if end:
                    new = self._patterns.placeholder(end.secret, end.length)
                    self.edits.put(block.base + at + end.start, new)

    def _boundary(self, key: tuple[int, bool], row: int, segments: SegmentBatch, seq: int) -> None:
        """Find a secret that two segments of another protocol share."""
        patterns = self._patterns
        position, payload = int(segments.position[row]), _payload(segments, row)
        expected, tail, places = self._tails.get(key, (-1, b"", []))
        most = max(patterns.longest - 1, 0)
        if seq == expected and tail:
            joined = tail + payload[:most]
            for hit in patterns.find(joined):
                if hit.start < len(tail) < hit.start + hit.length:
                    new = patterns.placeholder(hit.secret, hit.length)
                    self._put_pieces(hit.start, new, [*places, (position, len(payload))])
        else:
            tail, places = b"", []
        whole, places = tail + payload, [*places, (position, len(payload))]
        drop = max(len(whole) - most, 0)
        while places and drop >= places[0][1]:
            drop -= places.pop(0)[1]
        if drop:
            places[0] = (places[0][0] + drop, places[0][1] - drop)
        kept = whole[len(whole) - sum(length for _, length in places) :]
        self._tails[key] = ((seq + int(segments.length[row])) % _WRAP, kept, places)

    def _put_pieces(self, at: int, text: bytes, places: list[tuple[int, int]]) -> None:
        for position, length in places:
            if at < length and text:
                piece = text[: length - at]
                self.edits.put(position + at, piece)
                text, at = text[len(piece) :], 0
            else:
                at = max(at - length, 0)


def _payload(segments: SegmentBatch, row: int) -> bytes:
    start = int(segments.payload[row])
    return bytes(segments.data[start : start + int(segments.captured[row])])


def _first(segments: SegmentBatch) -> Ints:
    """Return the sequence number of each segment's first payload byte."""
    syn = (segments.flags & _SYN) != 0
    found: Ints = (segments.seq + syn) % _WRAP
    return found


def payload_starts(frames: FrameBatch, segments: SegmentBatch) -> Ints:
    """Return where each frame's payload starts in its block: behind TCP, else at its start."""
    starts = frames.offset.copy()
    plain = segments.payload < segments.split
    index = (segments.frame - frames.first_frame)[plain]
    starts[index] = segments.payload[plain]
    return starts


def within_frames(hits: list[Hit], frames: FrameBatch, starts: Ints) -> list[Hit]:
    """Return the hits that lie in one frame's payload."""
    if not hits or not len(frames):
        return []
    at = np.array([hit.start for hit in hits])
    ends = at + np.array([hit.length for hit in hits])
    frame = np.searchsorted(frames.offset, at, side="right") - 1
    good = (
        (frame >= 0) & (at >= starts[frame]) & (ends <= frames.offset[frame] + frames.caplen[frame])
    )
    return [hit for hit, inside in zip(hits, good.tolist(), strict=True) if inside]


def collect_edits(
    capture: Capture, plans: list[StreamPlan], patterns: Patterns
) -> tuple[Sealed, Secrets]:
    """Read the capture again; return what to change in the file, and what it holds besides."""
    link = LinkLayer()
    collector = _Collector(plans, patterns)
    for block in blocks(capture):
        if len(block.frames):
            collector.take(block, link.decode(block.frames))
    return collector.edits.sealed(), collector.strays
