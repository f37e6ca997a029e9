"""RTMP 1.0 §5.4, §7.1, FLV 10.1 §E.4, E-RTMP v2: evidence in the first bytes of a body.

Only the first chunk is looked at: `data[start:end]` is the part of a `length`-byte body that
is there. Returns bits as in `evidence`; 0 when nothing can be said, negative for nonsense.
"""

from typing import Final

from dissectors import spec
from dissectors.messages.command_names import ARGUMENTS
from dissectors.resync.evidence import FIXED_LENGTHS

_EVENT_LENGTHS: Final = {0: (6,), 1: (6,), 2: (6,), 3: (10,), 4: (6,), 6: (6,), 7: (6,)} | {
    26: (2, 3),
    27: (34, 44),
    31: (6,),
    32: (6,),
}
"""User Control event types, RTMP 1.0 §7.1.7 and FMS; SWF verification comes in two lengths."""
_VIDEO_FOURCCS: Final = frozenset({b"avc1", b"hvc1", b"vvc1", b"av01", b"vp08", b"vp09"})
_AUDIO_FOURCCS: Final = frozenset({b"mp4a", b"Opus", b"fLaC", b".mp3", b"ac-3", b"ec-3"})
_LEGACY_VIDEO: Final = frozenset({2, 3, 4, 5, 6, 7, 8, 12, 13, 14})
_NAL_CODECS: Final = frozenset({7, 12, 14})
_START_CODES: Final = (b"\x00\x00\x00\x01", b"\x00\x00\x01")
_MAX_UNITS: Final = 4
_VERSION_AND_FLAGS: Final = 12
_COMMANDS: Final = frozenset(map(str.encode, ARGUMENTS))


def payload_bits(type_: int, data: bytes, start: int, end: int, length: int, zero: float) -> float:
    """Return the evidence of a body of message type `type_`."""
    if start >= end:
        return 0.0
    if type_ == spec.VIDEO:
        return _video_bits(data, start, end, start + length, zero)
    if type_ == spec.AUDIO:
        return _audio_bits(data[start : min(end, start + 5)])
    if type_ in (spec.COMMAND_AMF0, spec.DATA_AMF0):
        return _amf0_bits(data, start, end, zero)
    if type_ in (spec.COMMAND_AMF3, spec.DATA_AMF3):
        # The format selector 0 is often left out (AMS for data, some encoders for commands).
        return _amf0_bits(data, start + (data[start] == 0), end, zero)
    if type_ == spec.AGGREGATE:
        return _aggregate_bits(data[start:end], length, zero)
    if type_ in (spec.SHARED_OBJECT_AMF0, spec.SHARED_OBJECT_AMF3):
        at = start + (type_ == spec.SHARED_OBJECT_AMF3)
        return (
            _name_bits(data, at, end, zero)
            - 3.0
            + _shared_event_bits(data, at, end, start + length)
        )
    if type_ == spec.USER_CONTROL:
        return _event_bits(data[start:end], length, zero)
    return _control_bits(type_, data[start:end], zero)


def names_command(body: bytes) -> bool:
    """Whether a command's body begins with a name that RTMP has (RTMP 1.0 §7.2)."""
    at = body[:1] == b"\0"  # the format selector of AMF3
    size = int.from_bytes(body[at + 1 : at + 3], "big")
    return body[at : at + 1] == b"\2" and body[at + 3 : at + 3 + size] in _COMMANDS


def _control_bits(type_: int, body: bytes, zero: float) -> float:
    if len(body) < FIXED_LENGTHS.get(type_, len(body) + 1):
        return 0.0
    value = int.from_bytes(body[:4], "big")
    if type_ == spec.SET_CHUNK_SIZE:
        return zero if 1 <= value <= spec.MAX_MESSAGE_LENGTH else -20.0
    if type_ == spec.SET_PEER_BANDWIDTH:
        return 5.0 if body[4] <= 2 else -20.0
    return 0.0


def _event_bits(body: bytes, length: int, zero: float) -> float:
    if len(body) < 2:
        return 0.0
    lengths = _EVENT_LENGTHS.get(int.from_bytes(body[:2], "big"))
    if lengths is None:
        return -8.0
    return zero + 4.0 + (4.0 if length in lengths else -10.0)


def _amf0_bits(data: bytes, start: int, end: int, zero: float) -> float:
    """AMF0 §2.4: marker 2, then the command's or handler's name."""
    if start >= end:
        return 0.0
    if data[start] != 2:
        # FFmpeg's tmcd data message is not AMF; everything else opens with a String.
        return -30.0
    return 8.0 + _name_bits(data, start + 1, end, zero)


def _name_bits(data: bytes, start: int, end: int, zero: float) -> float:
    if start + 2 > end:
        return 0.0
    size = int.from_bytes(data[start : start + 2], "big")
    if not 1 <= size <= 255:
        return -20.0
    name = data[start + 2 : min(start + 2 + size, end)]
    if not (name.isascii() and name.decode("ascii").isprintable()):
        return -25.0
    return zero + (3.0 if size <= 32 else 1.0) + 1.4 * min(len(name), 20)


def _shared_event_bits(data: bytes, start: int, end: int, stop: int) -> float:
    """RTMP 1.0 §7.1.3: behind name, version and flags, the first event's type and length."""
    at = start + 2 + int.from_bytes(data[start : start + 2], "big") + _VERSION_AND_FLAGS
    if at + 5 > end:
        return 0.0
    rest = stop - at - 5 - int.from_bytes(data[at + 1 : at + 5], "big")
    if not 1 <= data[at] <= 11 or rest < 0:
        return -10.0
    return 20.0 if rest == 0 else 8.0


def _audio_bits(head: bytes) -> float:
    """FLV 10.1 §E.4.2.1, E-RTMP v2 "Enhanced Audio"."""
    form = head[0] >> 4
    if form == 10:
        if len(head) < 2:
            return 2.0
        if head[1] > 1:
            return -25.0
        return 18.0 if head[0] == 0xAF else 13.0
    if form == 9:
        if len(head) < 5:
            return 0.0
        packet = head[0] & 15
        if packet in (5, 7):  # Multitrack, ModEx: the FourCC stands later
            return 0.0
        return 30.0 if head[1:5] in _AUDIO_FOURCCS else -20.0
    if form == 2 and head[1:2] == b"\xff":
        return 12.0
    return 0.0 if form not in (12, 13) else -10.0


def _video_bits(data: bytes, start: int, end: int, stop: int, zero: float) -> float:
    """FLV 10.1 §E.4.3.1, E-RTMP v2 "Enhanced Video"; `stop` is where an unsplit body ends."""
    first = data[start]
    if first & 0x80:
        return _enhanced_video_bits(data[start : min(end, start + 5)])
    kind, codec = first >> 4, first & 15
    if not 1 <= kind <= 5 or codec not in _LEGACY_VIDEO:
        return -20.0
    if codec not in _NAL_CODECS or kind == 5 or end - start < 5:
        return 2.5
    packet = data[start + 1]
    if packet > 2:
        return -25.0
    bits = (7.0 if first in (0x17, 0x27) else 4.0) + 6.0
    shift = int.from_bytes(data[start + 2 : start + 5], "big", signed=True)
    bits += (2 * min(zero, 6.0) if shift == 0 else 7.0) if abs(shift) < 10_000 else -15.0
    if packet == 1:
        bits += _unit_bits(data, start + 5, min(end, stop), stop, zero)
    elif packet == 0 and codec == 7 and end - start > 10:
        # AVCDecoderConfigurationRecord: version 1, then reserved ones before lengthSizeMinusOne.
        bits += 14.0 if data[start + 5] == 1 and data[start + 9] >= 0xFC else -10.0
    return bits


def _enhanced_video_bits(head: bytes) -> float:
    packet = head[0] & 15
    if len(head) < 5 or packet in (6, 7):  # Multitrack, ModEx: the FourCC stands later
        return 0.0
    if head[0] >> 4 == 13 and packet != 4:  # command frame: no FourCC
        return 0.0
    return 30.0 if head[1:5] in _VIDEO_FOURCCS else -25.0


def _unit_bits(data: bytes, pos: int, end: int, stop: int, zero: float) -> float:
    """The chain of length-prefixed units; only its part inside the first chunk is visible."""
    bits = 0.0
    for unit in range(_MAX_UNITS):
        if pos + 5 > end:
            break
        if data.startswith(_START_CODES, pos):
            return bits  # Annex B, as some encoders send it
        size = int.from_bytes(data[pos : pos + 4], "big")
        if size == 0 or pos + 4 + size > stop:
            return bits - (35.0 if unit == 0 else 20.0)
        bits += zero + (zero if size < 1 << 16 else 3.0 if size < 1 << 20 else 0.0)
        bits += 1.0 if data[pos + 4] < 0x80 else -10.0
        pos += 4 + size
        if pos == stop:
            return bits + 10.0
    return bits


def _aggregate_bits(body: bytes, length: int, zero: float) -> float:
    """RTMP 1.0 §7.1.6: FLV tag headers with stream id 0, back pointers between."""
    if len(body) < 11:
        return 0.0
    size = int.from_bytes(body[1:4], "big")
    if body[0] not in (spec.AUDIO, spec.VIDEO, spec.DATA_AMF0) or size + 11 > length:
        return -25.0
    # nginx-rtmp writes the message stream id here instead of 0.
    bits = 6.0 + min(zero, 7.0) + (3 * zero if body[8:11] == b"\0\0\0" else 0.0)
    pointer = body[11 + size : 15 + size]
    if len(pointer) == 4:
        bits += 24.0 if int.from_bytes(pointer, "big") == 11 + size else -5.0
    return bits
