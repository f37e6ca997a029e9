"""MPEG audio frame headers (ISO/IEC 11172-3 §2.4.1.3, ISO/IEC 13818-3 §2.4.2.3)."""

from typing import Any, Final

from dissectors.cursor import Cursor
from dissectors.fields import Field, bits
from dissectors.text import hexdump

VERSIONS: Final = {0: "2.5", 2: "2", 3: "1"}
LAYERS: Final = {1: 3, 2: 2, 3: 1}
MODES: Final = ("stereo", "joint stereo", "dual channel", "mono")
RATES: Final = (44100, 48000, 32000)
BITRATES: Final = {
    (1, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""kbit/s of index 1–14 by (MPEG-1 or later, layer)."""


_REST: Final = (
    ("sync_word", "Sync word", 0xFFE00000, 21),
    ("private", "Private", 0x100, 8),
    ("mode_extension", "Mode extension", 0x30, 4),
    ("copyright", "Copyright", 0x08, 3),
    ("original", "Original", 0x04, 2),
    ("emphasis", "Emphasis", 0x03, 0),
)
"""Fields of the header that say nothing about the stream's format."""


def parse_header(data: bytes) -> dict[str, Any] | None:
    """Read a frame header; None when the four bytes are none.

    Keys: version ("1", "2", "2.5"), layer, crc, bitrate (bit/s, None if free), sample_rate,
    padding, mode, channels.
    """
    if len(data) < 4:
        return None
    word = int.from_bytes(data[:4], "big")
    version, layer = word >> 19 & 3, word >> 17 & 3
    rate, bitrate = word >> 10 & 3, word >> 12 & 15
    if word >> 21 != 0x7FF or version == 1 or layer == 0 or rate == 3 or bitrate == 15:
        return None
    mode = word >> 6 & 3
    table = BITRATES[1 if version == 3 else 2, LAYERS[layer]]
    return {
        "version": VERSIONS[version],
        "layer": LAYERS[layer],
        "crc": not word >> 16 & 1,
        "bitrate": table[bitrate - 1] * 1000 if bitrate else None,
        "sample_rate": RATES[rate] >> {3: 0, 2: 1, 0: 2}[version],
        "padding": word >> 9 & 1,
        "mode": MODES[mode],
        "channels": 1 if mode == 3 else 2,
    }


def read_frame(cur: Cursor, node: Field, out: dict[str, Any]) -> None:
    """One or more MPEG audio frames; the first one's header is read."""
    if not cur:
        return
    start, length = cur.pos, len(cur)
    frame = parse_header(cur.peek(4))
    if frame is None:
        node.warn("mp3_header", "no MPEG audio frame header")
        node.add("data", f"Data: {length} bytes ({hexdump(cur.peek(17))})", None, start, length)
        cur.need(len(cur))
        return
    word = cur.u32()
    rate = frame["bitrate"]
    shown = f"{rate // 1000} kbit/s" if rate else "free bit rate"
    text = f"MPEG-{frame['version']} layer {frame['layer']}: {shown}, {frame['sample_rate']} Hz"
    header = node.add("mpeg_audio_header", f"{text}, {frame['mode']}", frame, start, 4)
    for name, label, mask, value in (
        ("version", "Version", 0x180000, f"MPEG-{frame['version']}"),
        ("layer", "Layer", 0x060000, frame["layer"]),
        ("crc", "CRC", 0x010000, int(frame["crc"])),
        ("bitrate", "Bit rate", 0x00F000, shown),
        ("sample_rate", "Sample rate", 0x000C00, frame["sample_rate"]),
        ("padding", "Padding", 0x000200, frame["padding"]),
        ("mode", "Mode", 0x0000C0, frame["mode"]),
    ):
        header.add(name, f"{bits(word, mask, 32)} = {label}: {value}", frame[name], start, 4,
                   mask=mask)  # fmt: skip
    for name, label, mask, shift in _REST:
        value = (word & mask) >> shift
        header.add(name, f"{bits(word, mask, 32)} = {label}: {value}", value, start, 4,
                   mask=mask, plumbing=True)  # fmt: skip
    out["frame"] = frame
    if cur:
        label = f"MPEG audio data: {len(cur)} bytes ({hexdump(cur.peek(17))})"
        node.add("data", label, None, cur.pos, len(cur))
        cur.need(len(cur))
