"""Opus: the identification header and the packets (RFC 7845 §5.1, RFC 6716 §3.1)."""

from typing import Any, Final

from dissectors.codecs.aac import channel_text
from dissectors.codecs.bits import bit_field
from dissectors.cursor import Cursor
from dissectors.fields import Field
from dissectors.text import hexdump

MAGIC: Final = b"OpusHead"
RATE: Final = 48000
"""Opus always decodes at 48 kHz; the header's rate is that of the original input."""
SILK_US: Final = (10_000, 20_000, 40_000, 60_000)
HYBRID_US: Final = (10_000, 20_000)
CELT_US: Final = (2_500, 5_000, 10_000, 20_000)
BANDWIDTHS: Final = ("narrowband", "mediumband", "wideband", "superwideband", "fullband")
CODES: Final = ("1 frame", "2 equal frames", "2 frames", "several frames")


def read_config(cur: Cursor, node: Field) -> None:
    """Identification header, RFC 7845 §5.1. Its integers are little-endian."""
    config = node.value
    start = cur.pos
    if cur.peek(8) != MAGIC:
        node.error("opus_head_magic", "the Opus configuration does not start with 'OpusHead'")
        return
    cur.take(8)
    node.add("magic_signature", "Magic signature: OpusHead", "OpusHead", start, 8)
    version, channels = cur.u8("version"), cur.u8("channel count")
    node.add("version", f"Version: {version}", version, start + 8, 1)
    node.add("channels", f"Channels: {channels} ({channel_text(channels)})", channels, start + 9, 1)
    config |= {"version": version, "channels": channels, "sample_rate": RATE}
    for name, label, size, unit in (
        ("pre_skip", "Pre-skip", 2, " samples"),
        ("input_sample_rate", "Input sample rate", 4, " Hz"),
        ("output_gain", "Output gain", 2, " dB"),
    ):
        raw = cur.take(size, label.lower())
        value = int.from_bytes(raw, "little", signed=name == "output_gain")
        config[name] = value
        shown = f"{value / 256:g}" if name == "output_gain" else str(value)
        node.add(name, f"{label}: {shown}{unit}", value, cur.pos - size, size)
    family = cur.u8("mapping family")
    config["mapping_family"] = family
    node.add("mapping_family", f"Channel mapping family: {family}", family, cur.pos - 1, 1)
    if family:
        _read_mapping(cur, node, config)


def _read_mapping(cur: Cursor, node: Field, config: dict[str, Any]) -> None:
    """Channel mapping table, RFC 7845 §5.1.1."""
    for name, label in (("stream_count", "Streams"), ("coupled_count", "Coupled streams")):
        value = cur.u8(label.lower())
        config[name] = value
        node.add(name, f"{label}: {value}", value, cur.pos - 1, 1)
    count = config["channels"]
    mapping = list(cur.take(count, "channel mapping"))
    config["channel_mapping"] = mapping
    text = ", ".join(str(entry) for entry in mapping)
    node.add("channel_mapping", f"Channel mapping: {text}", mapping, cur.pos - count, count)


def packet_text(toc: int) -> tuple[str, int]:
    """Return (mode and bandwidth, microseconds of a frame) of a TOC byte, RFC 6716 table 2."""
    config = toc >> 3
    if config < 12:
        return f"SILK {BANDWIDTHS[config >> 2]}", SILK_US[config & 3]
    if config < 16:
        return f"Hybrid {BANDWIDTHS[3 + (config - 12 >> 1)]}", HYBRID_US[config & 1]
    index = config - 16 >> 2
    return f"CELT {BANDWIDTHS[(0, 2, 3, 4)[index]]}", CELT_US[config & 3]


def read_frame(cur: Cursor, node: Field, out: dict[str, Any]) -> None:
    """An Opus packet, RFC 6716 §3.1: its TOC byte."""
    if not cur:
        return
    start = cur.pos
    toc = cur.u8("TOC")
    text, duration = packet_text(toc)
    stereo = bool(toc & 4)
    parent = node.add("toc", f"TOC: 0x{toc:02x} ({text} {'stereo' if stereo else 'mono'})", toc,
                      start, 1)  # fmt: skip
    frame = f"{text}, {duration // 1000}{'.5' if duration % 1000 else ''} ms"
    bit_field(parent, "config", toc, 0xF8, f"Config: {frame} ({toc >> 3})", toc >> 3, start)
    bit_field(parent, "stereo", toc, 0x04, f"Stereo: {int(stereo)}", stereo, start)
    bit_field(parent, "code", toc, 0x03, f"Frame count code: {CODES[toc & 3]} ({toc & 3})",
              toc & 3, start)  # fmt: skip
    frames = (1, 2, 2, None)[toc & 3]
    if toc & 3 == 3 and cur:
        frames = _frame_count(cur, node)
    out["frame"] = {"config": toc >> 3, "stereo": stereo, "code": toc & 3, "frame_us": duration}
    out["frame"]["frames"] = frames
    if cur:
        length = len(cur)
        label = f"Opus data: {length} bytes ({hexdump(cur.peek(17))})"
        node.add("data", label, None, cur.need(length), length)


def _frame_count(cur: Cursor, node: Field) -> int:
    """The frame count byte of code 3, RFC 6716 §3.2.5."""
    start = cur.pos
    byte = cur.u8("frame count")
    count = byte & 0x3F
    parent = node.add("frame_count_byte", f"Frame count byte: 0x{byte:02x}", byte, start, 1)
    for name, mask, label, value in (
        ("vbr", 0x80, f"Variable bit rate: {byte >> 7}", byte >> 7),
        ("padding", 0x40, f"Padding: {byte >> 6 & 1}", byte >> 6 & 1),
        ("frame_count", 0x3F, f"Frames: {count}", count),
    ):
        bit_field(parent, name, byte, mask, label, value, start)
    if not count:
        parent.warn("opus_frame_count", "a packet of no frames")
    return count
