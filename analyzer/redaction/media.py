"""The coded media of a message: behind its tag header, without configurations and structure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from analyzer.media_parts import parts, tags
from dissectors import spec
from dissectors.codecs import aac, av1, avc, hevc, vvc
from dissectors.codecs.bits import leb128
from dissectors.codecs.nal import MAX_NAL_UNITS, MAX_PARAMETER_BYTES

if TYPE_CHECKING:
    from analyzer.media_parts import Part
    from dissectors.context import CodecConfig

UNIT_HEAD: Final = 8
"""Bytes kept of a NAL unit: its header, a slice's place and type (ITU-T H.264 §7.3.3)."""
_START_CODE: Final = b"\0\0\1"
_ADTS_HEADER: Final = 7
_FRAME_HEAD: Final = 1
"""Bytes kept of an OBU: show_existing_frame and frame_type (AV1 §5.9.2)."""
_LENGTH_SIZE: Final[dict[str, Callable[[bytes], int | None]]] = {
    "h264": avc.length_size,
    "hevc": hevc.length_size,
    "vvc": vvc.length_size,
}
_SYNTAX: Final = {"h264": avc.SYNTAX, "hevc": hevc.SYNTAX, "vvc": vvc.SYNTAX}
_PARAMETER_SETS: Final = {
    "h264": frozenset({7, 8}),
    "hevc": frozenset({32, 33, 34}),
    "vvc": frozenset({14, 15, 16}),
}
_NO_CONFIGS: Final[Mapping[int, CodecConfig]] = MappingProxyType({})

Ranges = Iterator[tuple[int, int]]
"""(start, end), in any order."""


def coded(
    type_id: int, body: bytes, configs: Mapping[int, CodecConfig] = _NO_CONFIGS
) -> list[tuple[int, int]]:
    """Return (start, length) of the coded media in a message, without what gives it structure.

    NAL unit lengths, start codes and headers, OBU headers, ADTS headers and parameter sets are
    left out. `configs` are the video configurations in force, by track.
    """
    found: list[tuple[int, int]] = []
    if type_id == spec.AGGREGATE:
        for tag in tags(type_id, body):
            inner = body[tag.start : tag.start + tag.length]
            found += ((tag.start + at, size) for at, size in coded(tag.type_id, inner, configs))
        return found
    for part in parts(type_id, body, len(body)):
        if part.coded:
            found += _without(part, _structure(part, body, configs))
    return found


def _without(part: Part, kept: Ranges) -> Iterator[tuple[int, int]]:
    """Yield (start, length) of what stays of a part."""
    at, end = part.start, part.start + part.length
    for low, high in sorted(kept):
        if at < min(low, end):
            yield at, min(low, end) - at
        at = max(at, high)
    if at < end:
        yield at, end - at


def _structure(part: Part, body: bytes, configs: Mapping[int, CodecConfig]) -> Ranges:
    start, end = part.start, part.start + part.length
    if part.codec in _SYNTAX:
        config = configs.get(part.track)
        known = config is not None and config.codec == part.codec
        size = _LENGTH_SIZE[part.codec](config.record) if known and config else None
        yield from _nal_units(body, start, end, part.codec, size or 4)
        if body.startswith((_START_CODE, b"\0" + _START_CODE), start):
            yield from _annex_b(body, start, end, part.codec)
    elif part.codec == "av1":
        yield from _obus(body, start, end)
    elif part.codec == "aac":
        head = int.from_bytes(body[start : start + 2], "big")
        if head & aac.ADTS_MASK == aac.ADTS_SYNC:
            yield start, start + _ADTS_HEADER


def _nal_units(body: bytes, at: int, end: int, codec: str, size: int) -> Ranges:
    """Yield length fields and heads (ISO/IEC 14496-15 §5.3.3), as far as lengths lead."""
    for _ in range(MAX_NAL_UNITS):
        if at >= end:
            return
        length = int.from_bytes(body[at : min(at + size, end)], "big")
        unit = at + size
        yield at, unit + min(length, _kept(body, unit, codec))
        at = unit + length


def _annex_b(body: bytes, at: int, end: int, codec: str) -> Ranges:
    """Yield start codes and heads (ITU-T H.264 annex B)."""
    for _ in range(MAX_NAL_UNITS):
        at = body.find(_START_CODE, at, end)
        if at < 0:
            return
        unit = at + len(_START_CODE)
        behind = body.find(_START_CODE, unit, end)
        length = (behind if behind >= 0 else end) - unit
        yield at, unit + min(length, _kept(body, unit, codec))
        at = unit


def _kept(body: bytes, unit: int, codec: str) -> int:
    """Return how many bytes of a NAL unit stay: of parameter sets all, they are configuration."""
    head = body[unit : unit + _SYNTAX[codec].header_size]
    if len(head) < _SYNTAX[codec].header_size:
        return UNIT_HEAD
    whole = _SYNTAX[codec].type_of(head) in _PARAMETER_SETS[codec]
    return MAX_PARAMETER_BYTES if whole else UNIT_HEAD


def _obus(body: bytes, at: int, end: int) -> Ranges:
    """Yield OBU headers and sizes, and sequence headers (AV1 §5.3)."""
    for _ in range(av1.MAX_OBUS):
        if at >= end:
            return
        head, payload = body[at], at + (2 if body[at] & 4 else 1)
        length = end - payload
        if head & 2:
            length, digits = leb128(body, payload, end)
            payload += digits
            if not digits:
                return
        sequence = head >> 3 & 15 == av1.SEQUENCE_HEADER
        most = av1.MAX_SEQUENCE_BYTES if sequence else _FRAME_HEAD
        yield at, payload + min(length, most)
        at = payload + length
