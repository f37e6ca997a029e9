"""Colour descriptions (ITU-T H.273) as SPS, av1C, vpcC and colorInfo carry them."""

from typing import Final

PRIMARIES: Final = {
    1: "BT.709",
    2: "unspecified",
    4: "BT.470M",
    5: "BT.470BG",
    6: "SMPTE 170M",
    7: "SMPTE 240M",
    8: "film",
    9: "BT.2020",
    10: "SMPTE ST 428",
    11: "SMPTE RP 431-2",
    12: "SMPTE EG 432-1",
    22: "EBU 3213-E",
}
TRANSFER: Final = {
    1: "BT.709",
    2: "unspecified",
    4: "gamma 2.2",
    5: "gamma 2.8",
    6: "SMPTE 170M",
    7: "SMPTE 240M",
    8: "linear",
    9: "log 100:1",
    10: "log 316:1",
    11: "IEC 61966-2-4",
    12: "BT.1361",
    13: "sRGB",
    14: "BT.2020 10 bit",
    15: "BT.2020 12 bit",
    16: "PQ (SMPTE ST 2084)",
    17: "SMPTE ST 428",
    18: "HLG (ARIB STD-B67)",
}
MATRIX: Final = {
    0: "RGB",
    1: "BT.709",
    2: "unspecified",
    4: "FCC",
    5: "BT.470BG",
    6: "SMPTE 170M",
    7: "SMPTE 240M",
    8: "YCgCo",
    9: "BT.2020 non-constant luminance",
    10: "BT.2020 constant luminance",
    11: "SMPTE ST 2085",
    12: "chromaticity-derived non-constant luminance",
    13: "chromaticity-derived constant luminance",
    14: "ICtCp",
}
CHROMA: Final = {0: "monochrome", 1: "4:2:0", 2: "4:2:2", 3: "4:4:4"}


def named(table: dict[int, str], code: int) -> str:
    """Return ``BT.709 (1)`` or ``reserved (3)``."""
    return f"{table.get(code, 'reserved')} ({code})"
