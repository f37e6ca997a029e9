"""AC-3 and E-AC-3 sync frames (ETSI TS 102 366 §4.3, §4.4, annex E.1.2)."""

from typing import Any, Final

from dissectors.codecs.aac import channel_text
from dissectors.codecs.bits import BitReader
from dissectors.cursor import Cursor
from dissectors.fields import Field
from dissectors.text import hexdump

SYNC: Final = 0x0B77
RATES: Final = (48000, 44100, 32000)
REDUCED_RATES: Final = (24000, 22050, 16000)
CHANNELS: Final = (2, 1, 2, 3, 3, 4, 4, 5)
"""Full-bandwidth channels by acmod, table 5.8."""
BLOCKS: Final = (1, 2, 3, 6)
BITRATES: Final = (
    32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640,
)  # fmt: skip
MAX_AC3_BSID: Final = 10
"""Above it the syntax is E-AC-3's (annex E.1.3.1.6); above 16 it is unknown."""
HEAD: Final = 12


def parse_sync_frame(data: bytes) -> dict[str, Any] | None:
    """Read a sync frame's header; None when the bytes are none.

    Keys: codec, bsid, sample_rate, channels, lfe, bitrate (bit/s, AC-3) or frame_size (bytes).
    """
    if len(data) < 6 or int.from_bytes(data[:2], "big") != SYNC:
        return None
    bsid = data[5] >> 3
    if bsid > 16:
        return None
    return _ac3(data, bsid) if bsid <= MAX_AC3_BSID else _eac3(data, bsid)


def _ac3(data: bytes, bsid: int) -> dict[str, Any] | None:
    bits = BitReader(data[4:HEAD])
    code, size = bits.u(2), bits.u(6)
    bits.u(5 + 3)
    mode = bits.u(3)
    if code == 3 or size >> 1 >= len(BITRATES):
        return None
    if mode & 1 and mode != 1:
        bits.u(2)  # cmixlev
    if mode & 4:
        bits.u(2)  # surmixlev
    if mode == 2:
        bits.u(2)  # dsurmod
    lfe = bits.flag()
    shift = max(bsid - 8, 0)
    return {
        "codec": "ac3",
        "bsid": bsid,
        "sample_rate": RATES[code] >> shift,
        "channels": CHANNELS[mode] + lfe,
        "lfe": lfe,
        "bitrate": BITRATES[size >> 1] * 1000 >> shift,
    }


def _eac3(data: bytes, bsid: int) -> dict[str, Any] | None:
    bits = BitReader(data[2:HEAD])
    bits.u(2 + 3)  # strmtyp, substreamid
    size = (bits.u(11) + 1) * 2
    code = bits.u(2)
    if code == 3:
        reduced = bits.u(2)
        if reduced == 3:
            return None
        rate, blocks = REDUCED_RATES[reduced], 6
    else:
        rate, blocks = RATES[code], BLOCKS[bits.u(2)]
    mode, lfe = bits.u(3), bits.flag()
    return {
        "codec": "eac3",
        "bsid": bsid,
        "sample_rate": rate,
        "channels": CHANNELS[mode] + lfe,
        "lfe": lfe,
        "frame_size": size,
        "blocks": blocks,
    }


def read_frame(cur: Cursor, node: Field, out: dict[str, Any]) -> None:
    """One or more sync frames; the first one's header is read."""
    if not cur:
        return
    start, length = cur.pos, len(cur)
    frame = parse_sync_frame(cur.peek(HEAD))
    if frame is None:
        node.warn("ac3_sync", "no (E-)AC-3 sync frame header")
        node.add("data", f"Data: {length} bytes ({hexdump(cur.peek(17))})", None, start, length)
        cur.need(len(cur))
        return
    name = "AC-3" if frame["codec"] == "ac3" else "E-AC-3"
    text = f"{name} sync frame: {frame['sample_rate']} Hz {channel_text(frame['channels'])}"
    size = min(HEAD, length)
    header = node.add("sync_frame", text, frame, start, size)
    head = cur.take(size).hex()
    header.add("sync_frame_header", f"Header: {head}", None, start, size, plumbing=True)
    for key, label in (
        ("bsid", "Bit stream ID"),
        ("sample_rate", "Sample rate"),
        ("channels", "Channels"),
        ("bitrate", "Bit rate"),
        ("frame_size", "Frame size"),
        ("blocks", "Audio blocks"),
    ):
        if key in frame:
            header.add(key, f"{label}: {frame[key]}", frame[key], start, size)
    out["frame"] = frame
    if cur:
        node.add("data", f"{name} data: {len(cur)} bytes", None, cur.pos, len(cur))
        cur.need(len(cur))
