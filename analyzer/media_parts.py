"""The pieces of coded media in one message: by track, out of aggregates, headers left behind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from dissectors import spec
from dissectors.messages import media_names as names
from dissectors.messages.media_config import MAX_SUB_MESSAGES
from dissectors.messages.media_head import (
    HEAD_SIZE,
    MAX_TRACKS,
    AudioHead,
    ExHead,
    VideoHead,
    is_legacy_with_high_bit,
    peek_audio,
    peek_video,
    read_ex_head,
)

CODED: Final = frozenset({None, "nalu", "raw", "coded_frames", "coded_frames_x"})
"""Packet types with media behind the header; None where the codec knows none."""
CONFIG: Final = frozenset({"sequence_header", "sequence_start", "mpeg2ts_sequence_start"})
_TAG: Final = 11
_BACK_POINTER: Final = 4
_COMPOSITION_TIME: Final = 3
_TRACK_HEADER: Final = 4
"""Track id and u24 size."""


class Part(NamedTuple):
    """One track's piece of an audio or video message."""

    video: bool
    track: int
    codec: str | None
    packet_type: str | None
    keyframe: bool
    composition_time: int
    """Milliseconds from DTS to PTS."""
    start: int
    """Where it stands in the body of the message."""
    length: int

    @property
    def config(self) -> bool:
        return self.packet_type in CONFIG

    @property
    def coded(self) -> bool:
        return self.packet_type in CODED


class Tag(NamedTuple):
    """A message as FLV knows it, alone or inside an aggregate; `start` is in the outer body."""

    type_id: int
    time: int
    """Milliseconds to be added to the timestamp of the message."""
    start: int
    length: int


def parts(type_id: int, body: bytes, length: int, known: str | None = None) -> list[Part]:
    """Return the pieces of an audio or video message of `length` bytes, [] for other types.

    `body` may be its beginning. `known` is the codec of the configuration in force, which tells
    what CodecID 7 and 13 mean.
    """
    if type_id not in (spec.AUDIO, spec.VIDEO) or not body:
        return []
    video = type_id == spec.VIDEO
    head = body[:HEAD_SIZE]
    seen = _peek(type_id, head, length, known)
    kind = seen.frame_type if isinstance(seen, VideoHead) else None
    if kind == "command":
        return []
    if seen.multitrack or (not seen.header_length and _enhanced(type_id, head)):
        return _tracks(body, video, kind == "keyframe")
    start = seen.header_length
    if not start or start >= length:
        return []
    time = (seen.composition_time or 0) if isinstance(seen, VideoHead) else 0
    key = kind == "keyframe"
    return [Part(video, 0, seen.codec, seen.packet_type, key, time, start, length - start)]


def _peek(
    type_id: int, head: bytes, length: int, known: str | None = None
) -> VideoHead | AudioHead:
    if type_id == spec.VIDEO:
        return peek_video(head, length, known)
    return peek_audio(head, length)


def _enhanced(type_id: int, head: bytes) -> bool:
    if type_id == spec.AUDIO:
        return head[0] >> 4 == names.EX_AUDIO
    return bool(head[0] & 0x80) and not is_legacy_with_high_bit(head)


def _tracks(body: bytes, video: bool, key: bool) -> list[Part]:
    """Multitrack (E-RTMP v2), and headers too long to be peeked at."""
    ex = ex_head(body, video)
    if ex.packet is None:
        return []
    types = names.VIDEO_PACKET_TYPES if video else names.AUDIO_PACKET_TYPES
    codecs = names.VIDEO_FOURCCS if video else names.AUDIO_FOURCCS
    packet = names.key_of(types, ex.packet)
    found = []
    for track, fourcc, start, size in track_spans(body, ex):
        codec, time = codecs.get(fourcc), 0
        timed = codec in names.COMPOSITION_TIME_CODECS
        if video and ex.packet == names.CODED_FRAMES and timed:
            time = int.from_bytes(body[start : start + _COMPOSITION_TIME], "big", signed=True)
            start, size = start + _COMPOSITION_TIME, size - _COMPOSITION_TIME
        if size > 0:
            found.append(Part(video, track, codec, packet, key, time, start, size))
    return found


def ex_head(body: bytes, video: bool) -> ExHead:
    """Return the enhanced header that a message begins with (E-RTMP v2)."""
    multitrack = names.VIDEO_MULTITRACK if video else names.AUDIO_MULTITRACK
    return read_ex_head(body, multitrack, video and body[0] >> 4 & 7 == names.COMMAND_FRAME)


def track_spans(body: bytes, ex: ExHead) -> Iterator[tuple[int, bytes, int, int]]:
    """Yield (track id, FourCC, start, length) of each track behind an enhanced header."""
    if not ex.end:
        return
    fourcc, end = ex.fourcc or b"", len(body)
    if ex.multitrack is None or ex.multitrack == names.ONE_TRACK:
        yield ex.track_id or 0, fourcc, ex.end, end - ex.end
        return
    pos = ex.end - _TRACK_HEADER
    for _ in range(MAX_TRACKS):
        start = pos + _TRACK_HEADER
        if start > end:
            return
        size = int.from_bytes(body[pos + 1 : start], "big")
        yield body[pos], fourcc, start, min(size, end - start)
        pos = start + size
        if ex.multitrack == names.MANY_CODECS:
            fourcc = body[pos : pos + 4]
            pos += 4


def tags(type_id: int, body: bytes) -> Iterator[Tag]:
    """Yield the FLV tags that a message is: itself, or what an aggregate holds (§7.1.6).

    Times in an aggregate count from its first tag, which stands for its own timestamp.
    """
    if type_id != spec.AGGREGATE:
        yield Tag(type_id, 0, 0, len(body))
        return
    position, first = 0, None
    for _ in range(MAX_SUB_MESSAGES):
        start = position + _TAG
        if start > len(body):
            return
        size = int.from_bytes(body[position + 1 : position + 4], "big")
        time = int.from_bytes(body[position + 4 : position + 7], "big") | body[position + 7] << 24
        first = time if first is None else first
        if start + size > len(body):
            return
        if body[position] != spec.AGGREGATE:
            yield Tag(body[position], time - first, start, size)
        position = start + size + _BACK_POINTER
