"""FLAC: STREAMINFO and the frames (RFC 9639 §8, §9)."""

from typing import Any, Final

from dissectors.codecs.aac import channel_text
from dissectors.codecs.bits import bit_field
from dissectors.cursor import Cursor
from dissectors.fields import Field
from dissectors.text import hexdump

MARKER: Final = b"fLaC"
STREAMINFO_LENGTH: Final = 34
SYNC: Final = 0xFFF8


def read_config(cur: Cursor, node: Field) -> None:
    """``fLaC`` and a STREAMINFO metadata block, RFC 9639 §8.1, §8.2."""
    if cur.peek(4) == MARKER:
        node.add("marker", "Marker: fLaC", "fLaC", cur.need(4), 4)
        _block_header(cur, node)
    elif len(cur) == STREAMINFO_LENGTH:
        # FFmpeg sends the bare 34 bytes; E-RTMP v2 wants the marker and the block header first.
        node.note("flac_without_marker", "STREAMINFO without the 'fLaC' marker and block header")
    else:
        _block_header(cur, node)
    _stream_info(cur, node)
    if cur:
        text = f"Further metadata blocks: {len(cur)} bytes"
        node.add("metadata_blocks", text, None, cur.pos, len(cur))
        cur.need(len(cur))


def _block_header(cur: Cursor, node: Field) -> None:
    start = cur.pos
    byte, length = cur.u8("metadata block header"), cur.u24("metadata block length")
    bit_field(node, "last_block", byte, 0x80, f"Last metadata block: {byte >> 7}", byte >> 7, start)
    kind = byte & 0x7F
    text = f"Block type: {'STREAMINFO' if kind == 0 else 'other'} ({kind})"
    bit_field(node, "block_type", byte, 0x7F, text, kind, start)
    node.add("block_length", f"Block length: {length}", length, start + 1, 3)
    if kind or length != STREAMINFO_LENGTH:
        node.warn("flac_streaminfo", "the first metadata block is not a STREAMINFO of 34 bytes")


def _stream_info(cur: Cursor, node: Field) -> None:
    config = node.value
    for name, label, size, unit in (
        ("min_block_size", "Minimum block size", 2, "samples"),
        ("max_block_size", "Maximum block size", 2, "samples"),
        ("min_frame_size", "Minimum frame size", 3, "bytes"),
        ("max_frame_size", "Maximum frame size", 3, "bytes"),
    ):
        value = cur.uint(size, label.lower())
        config[name] = value
        node.add(name, f"{label}: {value} {unit}", value, cur.pos - size, size)
    start = cur.pos
    word = cur.uint(8, "sample rate")
    rate, channels = word >> 44, (word >> 41 & 7) + 1
    depth, samples = (word >> 36 & 31) + 1, word & 0xFFFFFFFFF
    config |= {"sample_rate": rate, "channels": channels, "bit_depth": depth, "samples": samples}
    for name, text, value, mask in (
        ("sample_rate", f"Sample rate: {rate} Hz", rate, 0xFFFFF << 44),
        ("channels", f"Channels: {channels} ({channel_text(channels)})", channels, 7 << 41),
        ("bit_depth", f"Bits per sample: {depth}", depth, 31 << 36),
        ("samples", f"Samples: {samples or 'unknown (0)'}", samples, 0xFFFFFFFFF),
    ):
        node.add(name, text, value, start, 8, mask=mask)
    md5 = cur.take(16, "MD5").hex()
    node.add("md5", f"MD5: {md5}", md5, cur.pos - 16, 16)


def read_frame(cur: Cursor, node: Field, out: dict[str, Any]) -> None:
    """A FLAC frame, RFC 9639 §9.1: its sync code."""
    if not cur:
        return
    length = len(cur)
    if int.from_bytes(cur.peek(2), "big") & 0xFFFE != SYNC:
        node.warn("flac_sync", "the FLAC frame does not start with its sync code")
    label = f"FLAC frame: {length} bytes ({hexdump(cur.peek(17))})"
    node.add("data", label, None, cur.need(length), length)
