"""Headers of audio and video messages, decoded for whole columns at once.

The same values as `dissectors.messages.media_head` gives for one message; a test compares them.
FLV 10.1 §E.4.2.1, §E.4.3.1; E-RTMP v2 "Enhanced Audio", "Enhanced Video".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from dissectors import spec
from dissectors.messages import media_names as names
from dissectors.messages.media_head import AudioHead, VideoHead, peek_audio, peek_video

Array = npt.NDArray[Any]

OTHER, FRAME, CONFIG, END = range(4)
"""What a message is: neither of the others (metadata, command, empty), coded frame, codec
configuration, end of sequence."""

_TABLES: Final = (names.VIDEO_CODEC_IDS, names.SOUND_FORMATS)
CODECS: Final = (
    None,
    *sorted(
        {name.key for table in _TABLES for name in table.values()}
        | {*names.VIDEO_FOURCCS.values(), *names.AUDIO_FOURCCS.values()}
    ),
)
"""Codec names by the number that the columns hold; 0 is unknown."""
_NUMBER: Final = {name: number for number, name in enumerate(CODECS)}
_REORDERED: Final = [_NUMBER[name] for name in sorted(names.COMPOSITION_TIME_CODECS)]
_SEVEN: Final = 7
"""ModEx in Enhanced RTMP, and H.264 in the headers of drones that set the top bit by mistake."""


def _codes(table: dict[int, names.Name]) -> Array:
    found = [_NUMBER[table[code].key] if code in table else 0 for code in range(16)]
    return np.array(found, np.uint8)


_VIDEO_IDS, _AUDIO_IDS = _codes(names.VIDEO_CODEC_IDS), _codes(names.SOUND_FORMATS)
_AVC_LIKE = np.isin(np.arange(16), sorted(names.AVC_LIKE_IDS))
_AVC_ROLES = np.full(256, OTHER, np.uint8)
_AVC_ROLES[:3] = (CONFIG, FRAME, END)
_EX_VIDEO_ROLES = np.full(16, OTHER, np.uint8)
_EX_VIDEO_ROLES[: names.VIDEO_MULTITRACK] = (CONFIG, FRAME, END, FRAME, OTHER, CONFIG)
_EX_AUDIO_ROLES = np.full(16, OTHER, np.uint8)
_EX_AUDIO_ROLES[: names.AUDIO_MULTITRACK] = (CONFIG, FRAME, END, OTHER, OTHER)
_ROLES_BY_NAME: Final = {
    "sequence_header": CONFIG, "sequence_start": CONFIG, "mpeg2ts_sequence_start": CONFIG,
    "nalu": FRAME, "raw": FRAME, "coded_frames": FRAME, "coded_frames_x": FRAME,
    "end_of_sequence": END, "sequence_end": END,
}  # fmt: skip
_PACKETS_BY_NAME: Final = {
    name.key: code
    for table in (names.AVC_PACKET_TYPES, names.VIDEO_PACKET_TYPES, names.AUDIO_PACKET_TYPES)
    for code, name in table.items()
} | {"raw": 1}


@dataclass(slots=True)
class Headers:
    """One entry per message (of a message with several tracks: per track)."""

    role: Array
    """OTHER, FRAME, CONFIG or END."""
    codec: Array
    """Index into CODECS."""
    cts_ms: Array
    """int32, of many messages int16 where that is enough."""
    keyframe: Array
    """By the frame type alone (1, 4); of audio always True."""
    track: Array
    """Track id, 0 outside multitrack."""
    packet: Array
    """AVCPacketType, AACPacketType or (Enhanced RTMP) the packet type behind ModEx and Multitrack;
    1 where the codec has none."""
    data_at: Array
    """Where the payload begins in the body."""


def decode(kind: Array, head: Array, size: Array) -> Headers:
    """Decode headers. `kind`: type ids 8, 9; `head`: (n, 16) bytes; `size`: body bytes."""
    count = len(kind)
    found = Headers(
        role=np.full(count, FRAME, np.uint8),
        codec=np.zeros(count, np.uint8),
        cts_ms=np.zeros(count, np.int32),
        keyframe=np.ones(count, bool),
        track=np.zeros(count, np.uint8),
        packet=np.ones(count, np.uint8),
        data_at=np.ones(count, np.uint8),
    )
    if count:
        is_video = kind == spec.VIDEO
        first = head[:, 0]
        extended = np.where(is_video, first >= 0x80, first >> 4 == names.EX_AUDIO)
        _legacy_video(found, np.flatnonzero(is_video & ~extended), head)
        _legacy_audio(found, np.flatnonzero(~is_video & ~extended), head)
        if extended.any():
            _enhanced(found, np.flatnonzero(is_video & extended), head, size, is_video=True)
            _enhanced(found, np.flatnonzero(~is_video & extended), head, size, is_video=False)
        found.role[size < found.data_at] = OTHER
    return found


def _some(rows: Array, column: Array) -> Array | slice:
    """Index all of a column through a view where `rows` are all its rows: no copies."""
    return slice(None) if len(rows) == len(column) else rows


def _legacy_video(found: Headers, rows: Array, head: Array) -> None:
    at = _some(rows, head)
    first = head[at, 0]
    kind = first >> 4
    found.codec[at] = _VIDEO_IDS[first & 15]
    found.keyframe[at] = (kind == 1) | (kind == 4)
    with_time = _AVC_LIKE[first & 15]
    packet = np.where(with_time, head[at, 1], 1).astype(np.uint8)
    found.packet[at] = packet
    found.role[at] = np.where(kind == names.COMMAND_FRAME, OTHER, _AVC_ROLES[packet])
    found.cts_ms[at] = np.where(with_time, _signed24(head, at, 2), 0)
    found.data_at[at] = np.where(with_time, 5, 1)


def _legacy_audio(found: Headers, rows: Array, head: Array) -> None:
    at = _some(rows, head)
    kind = head[at, 0] >> 4
    found.codec[at] = _AUDIO_IDS[kind]
    aac = kind == names.AAC
    packet = np.where(aac, head[at, 1], 1).astype(np.uint8)
    found.packet[at] = packet
    found.role[at] = _AVC_ROLES[np.minimum(packet, 3)]
    found.role[rows[aac & (packet > 1)]] = OTHER
    found.data_at[at] = np.where(aac, 2, 1)


def _signed24(head: Array, at: Array | slice, column: int) -> Array:
    value = head[at, column].astype(np.int32) << 16
    value |= head[at, column + 1].astype(np.int32) << 8
    value |= head[at, column + 2]
    value[value >= 1 << 23] -= 1 << 24
    return value


def _enhanced(found: Headers, rows: Array, head: Array, size: Array, *, is_video: bool) -> None:
    """Fast where the FourCC stands right behind the packet type or one track's control byte."""
    multitrack = names.VIDEO_MULTITRACK if is_video else names.AUDIO_MULTITRACK
    nibble = head[rows, 0] & 15
    command = (head[rows, 0] >> 4 == 8 + names.COMMAND_FRAME) & is_video
    command &= nibble != names.METADATA
    one_track = (nibble == multitrack) & (head[rows, 1] >> 4 == names.ONE_TRACK)
    inner = head[rows, 1] & 15
    one_track &= (inner < multitrack) & ~command
    plain = (nibble < multitrack) & ~command
    _packets(found, rows[plain], head, nibble[plain], 1, is_video)
    single = rows[one_track]
    if len(single):
        _packets(found, single, head, inner[one_track], 2, is_video)
        found.track[single] = head[single, 6]
    for row in rows[~plain & ~one_track].tolist():
        _by_peek(found, row, head[row].tobytes(), int(size[row]), is_video)


def _packets(
    found: Headers, rows: Array, head: Array, packet: Array, fourcc_at: int, is_video: bool
) -> None:
    """Packets whose FourCC stands at `fourcc_at`; behind it, in a track, the track's id."""
    data_at = fourcc_at + 4 + (fourcc_at > 1)
    word = head[rows, fourcc_at].astype(np.uint32)
    for column in range(fourcc_at + 1, fourcc_at + 4):
        word = word << np.uint32(8) | head[rows, column]
    codec = np.zeros(len(rows), np.uint8)
    for fourcc, name in (names.VIDEO_FOURCCS if is_video else names.AUDIO_FOURCCS).items():
        codec[word == int.from_bytes(fourcc, "big")] = _NUMBER[name]
    found.codec[rows], found.packet[rows] = codec, packet
    found.role[rows] = (_EX_VIDEO_ROLES if is_video else _EX_AUDIO_ROLES)[packet]
    found.data_at[rows] = data_at
    if not is_video:
        return
    kind = head[rows, 0] >> 4 & 7
    found.keyframe[rows] = (kind == 1) | (kind == 4)
    timed = rows[(packet == names.CODED_FRAMES) & np.isin(codec, _REORDERED)]
    found.cts_ms[timed] = _signed24(head, timed, data_at)
    found.data_at[timed] = data_at + 3


def _by_peek(found: Headers, row: int, head: bytes, size: int, is_video: bool) -> None:
    """Slow path: ModEx, drones with the top bit set, commands, reserved packet types."""
    seen: VideoHead | AudioHead = peek_video(head, size) if is_video else peek_audio(head, size)
    packet = seen.packet_type or ""
    found.role[row] = _ROLES_BY_NAME.get(packet, OTHER)
    found.codec[row] = _NUMBER.get(seen.codec, 0)
    found.track[row] = seen.track_id or 0
    found.packet[row] = _PACKETS_BY_NAME.get(packet, 15)
    found.data_at[row] = seen.header_length
    if isinstance(seen, VideoHead):
        found.cts_ms[row] = seen.composition_time or 0
        found.keyframe[row] = seen.frame_type in ("keyframe", "generated_keyframe")
        if seen.frame_type == "command":
            found.role[row] = OTHER
