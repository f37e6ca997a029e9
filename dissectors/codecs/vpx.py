"""VP8 and VP9: vpcC and the frame headers (VP-ISOBMFF; RFC 6386 §9.1; VP9 §6.2, §7.2)."""

from typing import Any, Final

from dissectors.codecs.bits import BitReader, bit_field
from dissectors.codecs.colour import MATRIX, PRIMARIES, TRANSFER, named
from dissectors.cursor import Cursor
from dissectors.fields import Field
from dissectors.text import hexdump

CHROMA: Final = {0: "4:2:0", 1: "4:2:0", 2: "4:2:2", 3: "4:4:4"}
"""chromaSubsampling: 0 is vertical, 1 colocated 4:2:0."""
FULL_BOX: Final = b"\x01\x00\x00\x00"
VP9_SYNC: Final = 0x498342
VP8_START: Final = b"\x9d\x01\x2a"
SRGB: Final = 7
"""VP9 color_space CS_RGB, §7.2.2."""


def level_name(level: int) -> str:
    """Return a VP level as a person writes it: 31 → ``3.1``; "" when it is 0 (undefined)."""
    return f"{level // 10}.{level % 10}" if level else ""


def read_config(cur: Cursor, node: Field) -> None:
    """VPCodecConfigurationRecord, VP-ISOBMFF "Syntax"."""
    config = node.value
    if cur.peek(4) == FULL_BOX and len(cur) >= 12:
        # FFmpeg and gortmplib send the whole vpcC payload, 01 00 00 00 being the FullBox's
        # version and flags. E-RTMP names the record only; both are accepted.
        node.add("full_box", "FullBox version 1, flags 0", 1, cur.need(4), 4)
    start = cur.pos
    profile, level, byte = (cur.u8("VP configuration") for _ in range(3))
    node.add("profile_idc", f"Profile: {profile}", profile, start, 1)
    text = level_name(level) or "undefined"
    node.add("level_idc", f"Level: {text} ({level})", level, start + 1, 1)
    at = start + 2
    depth, chroma, full = byte >> 4, CHROMA.get(byte >> 1 & 7, "reserved"), byte & 1
    bit_field(node, "bit_depth_luma", byte, 0xF0, f"Bit depth: {depth}", depth, at)
    bit_field(node, "chroma_format", byte, 0x0E, f"Chroma format: {chroma} ({byte >> 1 & 7})",
              chroma, at)  # fmt: skip
    bit_field(node, "full_range", byte, 0x01, f"Range: {'full' if full else 'limited'}",
              bool(full), at)  # fmt: skip
    config |= {
        "profile": f"profile {profile}",
        "profile_idc": profile,
        "level": level_name(level) or None,
        "level_idc": level,
        "chroma_format": chroma,
        "bit_depth_luma": depth,
        "bit_depth_chroma": depth,
        "full_range": bool(full),
    }
    primaries, transfer, matrix = (cur.u8("colour") for _ in range(3))
    for i, (name, text) in enumerate((
        ("colour_primaries", f"Colour primaries: {named(PRIMARIES, primaries)}"),
        ("transfer_characteristics", f"Transfer: {named(TRANSFER, transfer)}"),
        ("matrix_coefficients", f"Matrix: {named(MATRIX, matrix)}"),
    )):  # fmt: skip
        node.add(name, text, (primaries, transfer, matrix)[i], start + 3 + i, 1)
    config["colour"] = {"primaries": primaries, "transfer": transfer, "matrix": matrix}
    size = cur.u16("initialisation data size")
    node.add("initialization_data_size", f"Initialisation data size: {size}", size, cur.pos - 2, 2)
    if size and cur:
        have = min(size, len(cur))
        text = f"Initialisation data: {hexdump(cur.peek(17))}"
        node.add("initialization_data", text, None, cur.need(have), have)


def read_vp9(cur: Cursor, node: Field, record: bytes | None, out: dict[str, Any]) -> bool | None:
    """Read the start of a VP9 frame (§6.2 uncompressed_header)."""
    start, length = cur.pos, len(cur)
    if not length:
        return None
    bits = BitReader(cur.peek(32))
    marker = bits.u(2)
    profile = bits.u(1) | bits.u(1) << 1
    if profile == 3:
        bits.u(1)
    frame: dict[str, Any] = {"profile": profile, "keyframe": None, "width": None, "height": None}
    text = f"VP9 frame: profile {profile}"
    if marker != 2:
        node.warn("vp9_frame_marker", f"VP9 frame marker {marker} instead of 2")
        text = "VP9 frame"
    elif bits.flag():
        text += f", shows existing frame {bits.u(3)}"
        frame["keyframe"] = False
    else:
        frame["keyframe"] = not bits.flag()
        shown = bits.flag()
        bits.u(1)  # error_resilient_mode
        text += ", key frame" if frame["keyframe"] else ", inter frame"
        text += "" if shown else ", not shown"
        if frame["keyframe"]:
            size = _vp9_size(bits, profile)
            if size:
                frame["width"], frame["height"] = size
                text += f", {size[0]}x{size[1]}"
    out["frame"] = frame
    data = f"{text}, {length} bytes ({hexdump(cur.peek(9), 8)})"
    node.add("frame", data, frame, start, length)
    cur.need(len(cur))
    keyframe: bool | None = frame["keyframe"]
    return keyframe


def _vp9_size(bits: BitReader, profile: int) -> tuple[int, int] | None:
    """Read frame_sync_code, color_config and frame_size (VP9 §7.2, §7.2.2, §7.2.3)."""
    if bits.u(24) != VP9_SYNC:
        return None
    if profile >= 2:
        bits.u(1)  # ten_or_twelve_bit
    if bits.u(3) == SRGB:
        bits.u(1 if profile in (1, 3) else 0)
    else:
        bits.u(1)  # color_range
        bits.u(3 if profile in (1, 3) else 0)
    size = bits.u(16) + 1, bits.u(16) + 1
    return None if bits.failed else size


def read_vp8(cur: Cursor, node: Field, record: bytes | None, out: dict[str, Any]) -> bool | None:
    """Read the start of a VP8 frame (RFC 6386 §9.1)."""
    start, length = cur.pos, len(cur)
    if length < 3:
        return None
    head = cur.peek(10)
    tag = int.from_bytes(head[:3], "little")
    key = not tag & 1
    frame: dict[str, Any] = {
        "profile": tag >> 1 & 7,
        "keyframe": key,
        "width": None,
        "height": None,
    }
    text = f"VP8 {'key' if key else 'inter'} frame: profile {frame['profile']}"
    if key and head[3:6] == VP8_START and len(head) == 10:
        frame["width"] = int.from_bytes(head[6:8], "little") & 0x3FFF
        frame["height"] = int.from_bytes(head[8:10], "little") & 0x3FFF
        text += f", {frame['width']}x{frame['height']}"
    elif key:
        node.warn("vp8_start_code", "VP8 key frame without its start code")
    out["frame"] = frame
    node.add("frame", f"{text}, {length} bytes ({hexdump(head, 8)})", frame, start, length)
    cur.need(len(cur))
    return key
