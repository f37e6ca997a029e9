"""The video codecs of old Flash: frame headers only (FLV 10.1 §E.4.3.2 and the SWF format)."""

from typing import Any, Final

from dissectors.codecs.bits import BitReader, bit_field
from dissectors.cursor import Cursor
from dissectors.fields import Field
from dissectors.text import hexdump

H263_SIZES: Final = {2: (352, 288), 3: (176, 144), 4: (128, 96), 5: (320, 240), 6: (160, 120)}
"""PictureSize of Sorenson H.263, SWF 10 "H.263 video packet"."""
H263_PICTURES: Final = {0: "intra", 1: "inter", 2: "disposable inter"}


def _add(cur: Cursor, node: Field, text: str, frame: dict[str, Any], out: dict[str, Any]) -> None:
    out["frame"] = frame
    length = len(cur)
    label = f"{text}, {length} bytes ({hexdump(cur.peek(9), 8)})"
    node.add("frame", label, frame, cur.need(length), length)


def read_h263(cur: Cursor, node: Field, record: bytes | None, out: dict[str, Any]) -> bool | None:
    """H263VIDEOPACKET, SWF 10 "Sorenson H.263 bitstream format"."""
    if not cur:
        return None
    bits = BitReader(cur.peek(16))
    if bits.u(17) != 1:
        node.warn("h263_start_code", "Sorenson H.263 frame without its picture start code")
        _add(cur, node, "Sorenson H.263 frame", {"width": None, "height": None}, out)
        return None
    bits.u(5 + 8)  # version, temporal reference
    code = bits.u(3)
    if code < 2:
        width = 8 << code
        size = bits.u(width), bits.u(width)
    else:
        size = H263_SIZES.get(code, (0, 0))
    kind = bits.u(2)
    if bits.failed:
        _add(cur, node, "Sorenson H.263 frame", {"width": None, "height": None}, out)
        return None
    text = f"Sorenson H.263 {H263_PICTURES.get(kind, 'reserved')} picture, {size[0]}x{size[1]}"
    _add(cur, node, text, {"width": size[0], "height": size[1]}, out)
    return kind == 0


def read_screen(cur: Cursor, node: Field, record: bytes | None, out: dict[str, Any]) -> bool | None:
    """SCREENVIDEOPACKET and SCREENV2VIDEOPACKET, SWF 10 "Screen video bitstream format"."""
    if len(cur) >= 4:
        bits = BitReader(cur.peek(4))
        block_width, width = 16 * (bits.u(4) + 1), bits.u(12)
        block_height, height = 16 * (bits.u(4) + 1), bits.u(12)
        text = f"Screen video frame: {width}x{height} in blocks of {block_width}x{block_height}"
        _add(cur, node, text, {"width": width, "height": height}, out)
    return None


def read_vp6(cur: Cursor, node: Field, record: bytes | None, out: dict[str, Any]) -> bool | None:
    """VP6FLVVIDEOPACKET, SWF 10 "On2 Truemotion VP6 bitstream format"."""
    _adjustment(cur, node)
    return _vp6_frame(cur, node, out)


def read_vp6_alpha(
    cur: Cursor, node: Field, record: bytes | None, out: dict[str, Any]
) -> bool | None:
    """VP6FLVALPHAVIDEOPACKET: the picture, and from the offset on its alpha channel."""
    _adjustment(cur, node)
    offset = cur.u24("alpha offset")
    node.add("offset_to_alpha", f"Offset to alpha: {offset}", offset, cur.pos - 3, 3)
    if offset >= len(cur):
        return _vp6_frame(cur, node, out)
    picture = cur.sub(offset)
    key = _vp6_frame(picture, node, out)
    length = len(cur)
    node.add("alpha", f"Alpha: {length} bytes", None, cur.need(length), length)
    return key


def _adjustment(cur: Cursor, node: Field) -> None:
    byte = cur.u8("VP6 adjustment")
    at = cur.pos - 1
    parent = node.add("adjustment", f"Adjustment: 0x{byte:02x}", byte, at, 1)
    bit_field(
        parent, "horizontal_adjustment", byte, 0xF0, f"Horizontal: {byte >> 4}", byte >> 4, at
    )
    bit_field(parent, "vertical_adjustment", byte, 0x0F, f"Vertical: {byte & 15}", byte & 15, at)


def _vp6_frame(cur: Cursor, node: Field, out: dict[str, Any]) -> bool | None:
    """VP6 frame header: its first bit is 0 for an intra picture."""
    if not cur:
        return None
    key = not cur.peek()[0] >> 7
    _add(cur, node, f"VP6 {'intra' if key else 'inter'} frame", {"keyframe": key}, out)
    return key


def read_opaque(cur: Cursor, node: Field, record: bytes | None, out: dict[str, Any]) -> bool | None:
    """Payload of which nothing is known here."""
    if cur:
        length = len(cur)
        label = f"Data: {length} bytes ({hexdump(cur.peek(17))})"
        node.add("data", label, None, cur.need(length), length)
    return None
