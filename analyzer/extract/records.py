"""What decoder configurations say that a file of bare frames needs."""

from __future__ import annotations

from typing import Final, NamedTuple

from dissectors.codecs import avc, hevc
from dissectors.codecs.aac import EXPLICIT_RATE, PS, RATES, SBR

_HVCC_ARRAYS: Final = 22
_ADTS_PROFILES: Final = frozenset({1, 2, 3, 4})
"""Audio object types that ADTS can name: two bits, object type less one."""


class ParameterSets(NamedTuple):
    """Parameter sets as NAL units without length, and the size of length fields in frames."""

    units: list[bytes]
    length_size: int


def parameter_sets(codec: str, record: bytes) -> ParameterSets | None:
    """Read an AVC or HEVC decoder configuration record; None where it is malformed."""
    if codec == "h264":
        size = avc.length_size(record)
        units = _avc_units(record)
    else:
        size = hevc.length_size(record)
        units = _hevc_units(record)
    return ParameterSets(units, size) if units and size else None


def _avc_units(record: bytes) -> list[bytes]:
    """AVCDecoderConfigurationRecord, ISO/IEC 14496-15 §5.3.3.1: SPS, then PPS."""
    units: list[bytes] = []
    at = 5
    for mask in (0x1F, 0xFF):
        if at >= len(record):
            return []
        count, at = record[at] & mask, at + 1
        at = _take(record, at, count, units)
    return units if at <= len(record) else []


def _hevc_units(record: bytes) -> list[bytes]:
    """HEVCDecoderConfigurationRecord, ISO/IEC 14496-15 §8.3.3.1: arrays by type."""
    units: list[bytes] = []
    if len(record) <= _HVCC_ARRAYS:
        return []
    at = _HVCC_ARRAYS + 1
    for _ in range(record[_HVCC_ARRAYS]):
        count = int.from_bytes(record[at + 1 : at + 3], "big")
        at = _take(record, at + 3, count, units)
        if at > len(record):
            return []
    return units


def _take(record: bytes, at: int, count: int, units: list[bytes]) -> int:
    """Read `count` units with u16 lengths; return where they end, behind the record if cut."""
    for _ in range(count):
        size = int.from_bytes(record[at : at + 2], "big")
        if at + 2 + size > len(record):
            return len(record) + 1
        if size:
            units.append(record[at + 2 : at + 2 + size])
        at += 2 + size
    return at


class AdtsConfig(NamedTuple):
    """What an ADTS header repeats of the AudioSpecificConfig (ISO/IEC 14496-3 §1.A.2.2)."""

    profile: int
    rate_index: int
    channels: int


def adts_config(record: bytes) -> AdtsConfig | None:
    """Read an AudioSpecificConfig; None where ADTS cannot say the same.

    SBR and PS are signalled implicitly in ADTS: the core's rate and object type stand there.
    """
    bits, at = int.from_bytes(record, "big"), 0
    total = len(record) * 8

    def take(count: int) -> int:
        nonlocal at
        at += count
        return bits >> (total - at) & ((1 << count) - 1) if at <= total else 0

    def object_type() -> int:
        kind = take(5)
        return kind if kind != 31 else 32 + take(6)

    def rate_index() -> int:
        index = take(4)
        if index != EXPLICIT_RATE:
            return index
        rate = take(24)
        return RATES.index(rate) if rate in RATES else EXPLICIT_RATE

    kind, rate = object_type(), rate_index()
    channels = take(4)
    if kind in (SBR, PS):
        rate_index()
        kind = object_type()
    if at > total or kind not in _ADTS_PROFILES or rate >= len(RATES) or not 0 < channels < 8:
        return None
    return AdtsConfig(kind - 1, rate, channels)
