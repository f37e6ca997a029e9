"""RTMP 1.0 §5.3.1, FLV 10.1 §E.4: how much more likely real bytes are than chance, in bits.

Every function returns log2(P(bytes | RTMP) / P(bytes | noise)), rounded by hand; a
contradiction is negative and `IMPOSSIBLE` ends a chain. Noise is the data's own mix of bytes:
in tables full of zeros a zero proves nothing (`Noise`).
"""

from math import inf, log2
from typing import Final

from dissectors import spec
from dissectors.resync.header import UNKNOWN, Header

IMPOSSIBLE: Final = -inf

FIXED_LENGTHS: Final = {
    spec.SET_CHUNK_SIZE: 4,
    spec.ABORT: 4,
    spec.ACKNOWLEDGEMENT: 4,
    spec.WINDOW_ACKNOWLEDGEMENT_SIZE: 4,
    spec.SET_PEER_BANDWIDTH: 5,
}
MESSAGE_TYPES: Final = frozenset(FIXED_LENGTHS) | {4, 8, 9, 15, 16, 17, 18, 19, 20, 22}
MEDIA_TYPES: Final = frozenset({spec.AUDIO, spec.VIDEO, spec.AGGREGATE})
COMMON_TYPES: Final = frozenset({8, 9, 18, 20})

ONE_SECOND: Final = 1023
TWENTY_SECONDS: Final = 0x4E20
"""Steps between messages of one chunk stream: milliseconds; longer ones are rare."""

_BLOCK: Final = 1024
_SHARE_WINDOW: Final = 2 * _BLOCK


class Noise:
    """The null model: what one byte value is worth near a position of `data`."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._known: dict[tuple[int, int], float] = {}

    def bits(self, value: int, pos: int) -> float:
        """Return -log2 of the local share of `value`: 8 for even noise, 0 in a run of it."""
        key = (pos // _BLOCK, value)
        bits = self._known.get(key)
        if bits is None:
            low = max(key[0] * _BLOCK - _SHARE_WINDOW // 2, 0)
            high = min(low + _SHARE_WINDOW + _BLOCK, len(self._data))
            share = (self._data.count(value, low, high) + 0.25) / (high - low + 64)
            bits = self._known[key] = min(8.0, max(0.0, -log2(share)))
        return bits


def header_bits(header: Header, zero: float) -> float:
    """Return the evidence of the header's own fields; `zero` is what a zero byte is worth."""
    bits = csid_bits(header)
    if header.fmt == 3:
        return bits
    if header.fmt > 0:
        bits += _delta_bits(header, zero)
    if header.fmt < 2:
        bits += _length_bits(header.type, header.length, zero)
    if header.fmt == 0:
        bits += _msid_bits(header.msid, zero)
    return bits


def csid_bits(header: Header) -> float:
    """Return the evidence of the basic header's first byte."""
    if header.basic_length > 1:
        return -5.0  # few products use more than 62 chunk streams
    return 5.0 if header.csid < 10 else 2.0


def _delta_bits(header: Header, zero: float) -> float:
    delta = header.time
    if header.extended:
        delta = int.from_bytes(header.extended, "big")
        # librtmp and OBS step back with a huge delta; both forms start with a guessable byte.
        return 12.0 if delta >= spec.EXTENDED_TIMESTAMP else -20.0
    if delta <= ONE_SECOND:
        return zero + (6.0 if delta > 255 else min(6.0, zero))
    return zero + 1.0 if delta <= TWENTY_SECONDS else -10.0


def _length_bits(type_: int, length: int, zero: float) -> float:
    if type_ not in MESSAGE_TYPES:
        return IMPOSSIBLE
    fixed = FIXED_LENGTHS.get(type_)
    if fixed is not None:
        return 2 * zero + 12.0 if length == fixed else IMPOSSIBLE
    if type_ == spec.USER_CONTROL:
        return 2 * zero + 9.0 if 2 <= length <= 64 else IMPOSSIBLE
    bits = 5.0 if type_ in COMMON_TYPES else 2.0
    if length == 0:
        return bits + zero if type_ in (spec.AUDIO, spec.VIDEO) else IMPOSSIBLE
    if length < 1 << 16:
        return bits + min(7.0, zero)
    if length < 1 << 20:
        return bits + 3.0
    return bits - (4.0 if length < 1 << 22 else 10.0)


def _msid_bits(msid: int, zero: float) -> float:
    if msid <= 16:
        return 4.0 + 3 * zero
    if msid < 1 << 16:
        return 2 * zero
    return -10.0


def same_stream_bits(header: Header, type_: int, msid: int) -> float:
    """Return what it is worth that this chunk stream carried `type_` on `msid` before."""
    if header.type not in (UNKNOWN, type_):
        return 0.0
    return 9.0 if header.msid in (UNKNOWN, msid) else 2.5
