"""What the first bytes of an audio or video message say, without a tree.

Lists of many messages and the state machine use it; the values are those of the summaries.
"""

from functools import lru_cache
from typing import Final, NamedTuple

from dissectors.codecs.hevc import is_hevc_record
from dissectors.messages import media_names as names

HEAD_SIZE: Final = 16
"""Bytes that hold every header but those with long ModEx data."""
MAX_MODEX: Final = 16
"""ModEx entries per message; one type is defined, so real chains have one or two."""
MAX_TRACKS: Final = 256
"""Track ids are one byte; more tracks than ids cannot be meant."""


class VideoHead(NamedTuple):
    """The header of a video message; the names and values are the summary's."""

    codec: str | None = None
    fourcc: str | None = None
    enhanced: bool = False
    frame_type: str | None = None
    packet_type: str | None = None
    composition_time: int | None = None
    """Of the first track."""
    is_config: bool = False
    """True when the message carries a codec configuration."""
    track_id: int | None = None
    """Of the first track; None outside multitrack."""
    multitrack: str | None = None
    nano_offset: int | None = None
    header_length: int = 0
    """Bytes before the first payload; 0 when the given bytes do not hold the whole header."""


class AudioHead(NamedTuple):
    """The header of an audio message; the names and values are the summary's."""

    codec: str | None = None
    fourcc: str | None = None
    enhanced: bool = False
    packet_type: str | None = None
    is_config: bool = False
    track_id: int | None = None
    multitrack: str | None = None
    nano_offset: int | None = None
    header_length: int = 0


class ExHead(NamedTuple):
    """An enhanced header as far as the given bytes reach."""

    packet: int | None = None
    """Packet type behind all ModEx and Multitrack."""
    nano_offset: int | None = None
    multitrack: int | None = None
    fourcc: bytes | None = None
    track_id: int | None = None
    end: int = 0
    """Where the payload (of the first track) starts; 0 when the header is cut."""
    size: int | None = None
    """Bytes of the first track where its header tells them."""


def read_ex_head(head: bytes, multitrack_type: int, command: bool) -> ExHead:
    """Read ExVideoTagHeader or ExAudioTagHeader (E-RTMP v2) from `head`."""
    packet, size, pos, nano = head[0] & 15, len(head), 1, None
    for _ in range(MAX_MODEX):
        if packet != names.MODEX:
            break
        if pos >= size:
            return ExHead(None, nano)
        length = head[pos] + 1
        pos += 1
        if length == 256:
            length = int.from_bytes(head[pos : pos + 2], "big") + 1
            pos += 2
        if pos + length >= size:
            return ExHead(None, nano)
        kind = head[pos + length]
        if kind >> 4 == names.TIMESTAMP_OFFSET_NANO and length >= 3:
            nano = int.from_bytes(head[pos : pos + 3], "big")
        packet = kind & 15
        pos += length + 1
    else:
        return ExHead(None, nano)
    if command and packet != names.METADATA:
        return ExHead(packet, nano, None, None, None, pos)
    if packet == multitrack_type:
        return _multitrack(head, pos, nano, multitrack_type)
    fourcc = head[pos : pos + 4]
    if len(fourcc) < 4:
        return ExHead(packet, nano)
    return ExHead(packet, nano, None, fourcc, None, pos + 4)


def _multitrack(head: bytes, pos: int, nano: int | None, multitrack_type: int) -> ExHead:
    if pos >= len(head):
        return ExHead(None, nano)
    form, packet = head[pos] >> 4, head[pos] & 15
    if form > names.MANY_CODECS or packet in (multitrack_type, names.MODEX):
        return ExHead(None, nano)
    fourcc = head[pos + 1 : pos + 5]
    if len(fourcc) < 4:
        return ExHead(packet, nano, form)
    pos += 5
    if pos >= len(head):
        return ExHead(packet, nano, form, fourcc)
    if form == names.ONE_TRACK:
        return ExHead(packet, nano, form, fourcc, head[pos], pos + 1)
    end = pos + 4 if pos + 4 <= len(head) else 0
    size = int.from_bytes(head[pos + 1 : pos + 4], "big")
    return ExHead(packet, nano, form, fourcc, head[pos], end, size)


def is_legacy_with_high_bit(head: bytes) -> bool:
    """Return whether a video header with the top bit set is a legacy one all the same.

    Some DJI drones set the bit without meaning Enhanced RTMP: 97 01 00 00 00 … is their H.264
    NALU. E-RTMP has a FourCC where they have binary data.
    """
    head = head[:HEAD_SIZE]
    if head[0] & 15 not in names.AVC_LIKE_IDS or len(head) < 5 or head[1] > 2:
        return False
    ex = read_ex_head(head, names.VIDEO_MULTITRACK, head[0] >> 4 & 7 == names.COMMAND_FRAME)
    if ex.fourcc is None:
        return False
    return not all(0x20 <= byte < 0x7F for byte in ex.fourcc)


def peek_video(head: bytes, length: int, config_codec: str | None = None) -> VideoHead:
    """Read a video message's header from its first bytes; `length` is the whole body's.

    `config_codec` is the codec of the configuration in force, where the codec id is ambiguous.
    """
    if len(head) > length:
        head = head[:length]
    if not head:
        return VideoHead()
    first = head[0]
    if first & 0x80:
        if first & 15 < names.VIDEO_MULTITRACK and len(head) > 7:
            plain = _plain_video(head[:5])
            if plain is not None:
                return _with_time(plain, head)
        if not is_legacy_with_high_bit(head):
            return _ex_video(head)
    kind, codec, avc_like = _VIDEO_FIRST[first & 0x7F]
    if kind == "command" or not avc_like:
        return VideoHead(codec, None, False, kind, header_length=1)
    if len(head) < 2:
        return VideoHead(codec, None, False, kind)
    if head[1] == 0 or config_codec is not None:
        codec = video_codec(first & 15, head[1], head[5:11], length - 5, config_codec)
    packet = _AVC_PACKETS.get(head[1])
    if len(head) < 5:
        return VideoHead(codec, None, False, kind, packet)
    time = head[2] << 16 | head[3] << 8 | head[4]
    if time & 0x800000:
        time -= 0x1000000
    is_config = head[1] == 0 and length > 5
    return VideoHead(codec, None, False, kind, packet, time, is_config, None, None, None, 5)


@lru_cache(maxsize=256)
def _plain_video(head: bytes) -> VideoHead | None:
    """Return the header of a message without ModEx and Multitrack but for its time, or None.

    Nearly every message: worth its own path. `test_video.py` proves it equal to `_ex_video`.
    """
    if head[0] >> 4 & 7 == names.COMMAND_FRAME or head[1:5] not in names.VIDEO_FOURCCS:
        return None
    return _ex_video(head)


def _with_time(plain: VideoHead, head: bytes) -> VideoHead:
    if plain.packet_type != "coded_frames" or plain.codec not in names.COMPOSITION_TIME_CODECS:
        return plain
    time = head[5] << 16 | head[6] << 8 | head[7]
    if time & 0x800000:
        time -= 0x1000000
    codec, fourcc, _, kind, packet = plain[:5]
    return VideoHead(codec, fourcc, True, kind, packet, time, False, None, None, None, 8)


_VIDEO_FIRST: Final = tuple(
    (
        names.key_of(names.FRAME_TYPES, byte >> 4),
        names.key_of(names.VIDEO_CODEC_IDS, byte & 15),
        byte & 15 in names.AVC_LIKE_IDS,
    )
    for byte in range(0x80)
)
_AVC_PACKETS: Final = {code: name.key for code, name in names.AVC_PACKET_TYPES.items()}


def video_codec(
    codec_id: int, packet: int, record: bytes, length: int, config_codec: str | None
) -> str | None:
    """Return the codec of an AVC-like body; its record's start or the configuration may decide.

    HEVC came under CodecID 7 from OBS before 29.1; VVC comes under 13 from some CDNs.
    """
    codec = names.key_of(names.VIDEO_CODEC_IDS, codec_id)
    if codec_id == 7:
        if packet == 0:
            return "hevc" if is_hevc_record(record, length) else codec
        return "hevc" if config_codec == "hevc" else codec
    if codec_id == 13:
        if packet == 0 and record:
            return "vvc" if record[0] & 0xF8 == 0xF8 else codec
        return "vvc" if config_codec == "vvc" else codec
    return codec


def _ex_video(head: bytes) -> VideoHead:
    kind: str | None = names.key_of(names.FRAME_TYPES, head[0] >> 4 & 7)
    ex = read_ex_head(head, names.VIDEO_MULTITRACK, kind == "command")
    packet = ex.packet
    if packet == names.METADATA:
        kind = None  # E-RTMP v2: the frame type of a metadata message has no meaning
    codec = names.VIDEO_FOURCCS.get(ex.fourcc) if ex.fourcc else None
    time, end = None, ex.end
    if packet == names.CODED_FRAMES and codec in names.COMPOSITION_TIME_CODECS and end:
        raw = head[end : end + 3] if ex.size is None or ex.size >= 3 else b""
        time = int.from_bytes(raw, "big", signed=True) if len(raw) == 3 else None
        end = end + 3 if len(raw) == 3 else 0
    elif packet == names.CODED_FRAMES_X and codec in names.COMPOSITION_TIME_CODECS and end:
        time = 0
    return VideoHead(
        codec,
        names.fourcc_text(ex.fourcc) if ex.fourcc else None,
        True,
        kind,
        None if packet is None else names.key_of(names.VIDEO_PACKET_TYPES, packet),
        time,
        packet in (names.SEQUENCE_START, names.MPEG2TS_SEQUENCE_START) and ex.fourcc is not None,
        ex.track_id,
        None if ex.multitrack is None else names.key_of(names.MULTITRACK_TYPES, ex.multitrack),
        ex.nano_offset,
        end,
    )


def peek_audio(head: bytes, length: int) -> AudioHead:
    """Read an audio message's header from its first bytes; `length` is the whole body's."""
    if len(head) > length:
        head = head[:length]
    if not head:
        return AudioHead()
    kind = head[0] >> 4
    if kind == names.EX_AUDIO:
        if head[0] & 15 < names.AUDIO_MULTITRACK:
            return _plain_audio(head[:5])
        return _ex_audio(head)
    codec = _SOUND_FORMATS.get(kind)
    if kind != names.AAC:
        return AudioHead(codec, None, False, header_length=1)
    if len(head) < 2:
        return AudioHead(codec)
    packet = _AAC_PACKETS.get(head[1])
    is_config = head[1] == 0 and length > 2
    return AudioHead(codec, None, False, packet, is_config, None, None, None, 2)


_SOUND_FORMATS: Final = {code: name.key for code, name in names.SOUND_FORMATS.items()}
_AAC_PACKETS: Final = {code: name.key for code, name in names.AAC_PACKET_TYPES.items()}


@lru_cache(maxsize=256)
def _plain_audio(head: bytes) -> AudioHead:
    """The header of a message without ModEx and Multitrack is its first five bytes."""
    return _ex_audio(head)


def _ex_audio(head: bytes) -> AudioHead:
    ex = read_ex_head(head, names.AUDIO_MULTITRACK, False)
    packet = ex.packet
    return AudioHead(
        names.AUDIO_FOURCCS.get(ex.fourcc) if ex.fourcc else None,
        names.fourcc_text(ex.fourcc) if ex.fourcc else None,
        True,
        None if packet is None else names.key_of(names.AUDIO_PACKET_TYPES, packet),
        packet == names.SEQUENCE_START and ex.fourcc is not None,
        ex.track_id,
        None if ex.multitrack is None else names.key_of(names.MULTITRACK_TYPES, ex.multitrack),
        ex.nano_offset,
        ex.end,
    )
