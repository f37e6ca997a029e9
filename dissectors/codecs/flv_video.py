"""The video codecs of old Flash: frame headers only (FLV 10.1 §E.4.3.2 and the SWF format)."""

from typing import Any, Final

from dissectors.codecs.bit_lines import BitLines
from dissectors.codecs.bits import BitReader, bit_field
from dissectors.cursor import Cursor
from dissectors.fields import Field
from dissectors.text import hexdump

H263_SIZES: Final = {2: (352, 288), 3: (176, 144), 4: (128, 96), 5: (320, 240), 6: (160, 120)}
"""PictureSize of Sorenson H.263, SWF 10 "H.263 video packet"."""
H263_HEAD: Final = 10
"""Bytes that hold the header with a size of its own."""
H263_PICTURES: Final = {0: "intra", 1: "inter", 2: "disposable inter"}


def _frame(
    cur: Cursor, node: Field, out: dict[str, Any], text: str, frame: dict[str, Any]
) -> Field:
    """Add the field of a whole frame; its header's fields go below it."""
    out["frame"] = frame
    length = len(cur)
    return node.add("frame", f"{text}, {length} bytes", frame, cur.pos, length)


def _data(cur: Cursor, frame: Field) -> None:
    """The frame's bytes behind its header."""
    if cur:
        length = len(cur)
        label = f"Data: {length} bytes ({hexdump(cur.peek(9), 8)})"
        frame.add("data", label, None, cur.need(length), length, plumbing=True)


def _header(cur: Cursor, frame: Field, size: int) -> BitLines:
    """Begin a header of up to `size` bytes."""
    return BitLines(frame, cur.pos, cur.peek(size))


def read_h263(cur: Cursor, node: Field, record: bytes | None, out: dict[str, Any]) -> bool | None:
    """H263VIDEOPACKET, SWF 10 "Sorenson H.263 bitstream format"."""
    if not cur:
        return None
    head = BitReader(cur.peek(H263_HEAD))
    frame: dict[str, Any] = {"width": None, "height": None}
    if head.u(17) != 1:
        node.warn("h263_start_code", "Sorenson H.263 frame without its picture start code")
        _data(cur, _frame(cur, node, out, "Sorenson H.263 frame", frame))
        return None
    head.u(5 + 8)
    code = head.u(3)
    custom = 8 << code if code < 2 else 0
    bits = 17 + 5 + 8 + 3 + 2 * custom + 2 + 1 + 5
    parent = _frame(cur, node, out, "Sorenson H.263 frame", frame)
    lines = _header(cur, parent, (bits + 7) // 8)
    _picture_start(lines)
    code = lines.bits.u(3)
    size = H263_SIZES.get(code)
    named = f"{size[0]}x{size[1]}" if size else "custom" if custom else "reserved"
    lines.add("picture_size", 3, f"Picture size: {named} ({code})", code)
    if custom:
        size = lines.number("width", custom, "Width"), lines.number("height", custom, "Height")
    kind = lines.bits.u(2)
    word = H263_PICTURES.get(kind, "reserved")
    lines.add("picture_type", 2, f"Picture type: {word} ({kind})", kind)
    lines.number("deblocking", 1, "Deblocking flag")
    lines.number("quantizer", 5, "Quantizer")
    failed = lines.bits.failed
    if not failed:
        frame["width"], frame["height"] = size or (0, 0)
        text = f"Sorenson H.263 {word} picture, {frame['width']}x{frame['height']}"
        parent.label = f"{text}, {parent.length} bytes"
        lines.rest(plumbing=True)
        cur.take((bits + 7) // 8)
    _data(cur, parent)
    return None if failed else kind == 0


def _picture_start(lines: BitLines) -> None:
    lines.number("picture_start_code", 17, "Picture start code")
    lines.number("version", 5, "Version")
    lines.number("temporal_reference", 8, "Temporal reference")


def read_screen(cur: Cursor, node: Field, record: bytes | None, out: dict[str, Any]) -> bool | None:
    """SCREENVIDEOPACKET, SWF 10 "Screen video bitstream format"."""
    return _screen(cur, node, out, flags=False)


def read_screen2(
    cur: Cursor, node: Field, record: bytes | None, out: dict[str, Any]
) -> bool | None:
    """SCREENV2VIDEOPACKET: a byte of flags follows the sizes."""
    return _screen(cur, node, out, flags=True)


def _screen(cur: Cursor, node: Field, out: dict[str, Any], flags: bool) -> bool | None:
    if len(cur) < 4:
        return None
    frame: dict[str, Any] = {}
    parent = _frame(cur, node, out, "Screen video frame", frame)
    lines = _header(cur, parent, 4)
    blocks = []
    for axis in ("width", "height"):
        blocks.append(16 * (lines.bits.u(4) + 1))
        lines.add(f"block_{axis}", 4, f"Block {axis}: {blocks[-1]}", blocks[-1])
        frame[axis] = lines.number(f"image_{axis}", 12, f"Image {axis}")
    cur.take(4)
    text = f"{frame['width']}x{frame['height']} in blocks of {blocks[0]}x{blocks[1]}"
    parent.label = f"Screen video frame: {text}, {parent.length} bytes"
    if flags and cur:
        at = cur.pos
        byte = cur.u8()
        for name, mask, label in (
            ("has_iframe_image", 0x02, "Has I-frame image"),
            ("has_palette_info", 0x01, "Has palette information"),
        ):
            value = bool(byte & mask)
            bit_field(parent, name, byte, mask, f"{label}: {int(value)}", value, at)
    _data(cur, parent)
    return None


def read_vp6(cur: Cursor, node: Field, record: bytes | None, out: dict[str, Any]) -> bool | None:
    """VP6FLVVIDEOPACKET, SWF 10 "On2 Truemotion VP6 bitstream format"."""
    return _vp6_frame(cur, node, out, _adjustment(cur, node))


def read_vp6_alpha(
    cur: Cursor, node: Field, record: bytes | None, out: dict[str, Any]
) -> bool | None:
    """VP6FLVALPHAVIDEOPACKET: the picture, and from the offset on its alpha channel."""
    adjustment = _adjustment(cur, node)
    offset = cur.u24("alpha offset")
    node.add("offset_to_alpha", f"Offset to alpha: {offset}", offset, cur.pos - 3, 3)
    if offset >= len(cur):
        return _vp6_frame(cur, node, out, adjustment)
    picture = cur.sub(offset)
    key = _vp6_frame(picture, node, out, adjustment)
    length = len(cur)
    node.add("alpha", f"Alpha: {length} bytes", None, cur.need(length), length)
    return key


def _adjustment(cur: Cursor, node: Field) -> tuple[int, int]:
    """Read how many pixels of the last macroblocks are not shown, in both directions."""
    byte = cur.u8("VP6 adjustment")
    at = cur.pos - 1
    parent = node.add("adjustment", f"Adjustment: 0x{byte:02x}", byte, at, 1)
    bit_field(
        parent, "horizontal_adjustment", byte, 0xF0, f"Horizontal: {byte >> 4}", byte >> 4, at
    )
    bit_field(parent, "vertical_adjustment", byte, 0x0F, f"Vertical: {byte & 15}", byte & 15, at)
    return byte >> 4, byte & 15


def _vp6_frame(
    cur: Cursor, node: Field, out: dict[str, Any], adjustment: tuple[int, int]
) -> bool | None:
    """VP6 frame header (VP6 bitstream §9): an intra picture carries its size in macroblocks."""
    if not cur:
        return None
    start, byte = cur.pos, cur.peek()[0]
    key = not byte >> 7
    frame: dict[str, Any] = {"keyframe": key}
    text = f"VP6 {'intra' if key else 'inter'} frame"
    parent = _frame(cur, node, out, text, frame)
    cur.take(1)
    separate = byte & 1
    for name, mask, label, value in (
        ("frame_mode", 0x80, f"Frame mode: {'intra' if key else 'inter'} ({byte >> 7})", byte >> 7),
        ("quantizer", 0x7E, f"Quantizer: {byte >> 1 & 0x3F}", byte >> 1 & 0x3F),
        ("separated_coefficients", 0x01, f"Separated coefficients: {separate}", separate),
    ):
        bit_field(parent, name, byte, mask, label, value, start)
    if key and cur and len(cur) >= (7 if separate or not cur.peek()[0] & 6 else 5):
        _vp6_size(cur, parent, separate, adjustment, frame)
        parent.label = f"{text}: {frame['width']}x{frame['height']}, {parent.length} bytes"
    _data(cur, parent)
    return key


def _vp6_size(
    cur: Cursor, parent: Field, separate: int, adjustment: tuple[int, int], frame: dict[str, Any]
) -> None:
    at = cur.pos
    byte = cur.u8("VP6 profile")
    version, profile = byte >> 3, byte >> 1 & 3
    bit_field(parent, "version", byte, 0xF8, f"Version: {version}", version, at)
    bit_field(parent, "profile", byte, 0x06, f"Profile: {profile}", profile, at)
    bit_field(parent, "interlaced", byte, 0x01, f"Interlaced: {byte & 1}", byte & 1, at)
    if separate or not profile:
        offset = cur.u16("coefficient offset")
        label = f"Offset of the coefficients: {offset}"
        parent.add("coefficient_offset", label, offset, at + 1, 2)
    blocks = []
    for name, label in (
        ("coded_rows", "Coded macroblock rows"),
        ("coded_columns", "Coded macroblock columns"),
        ("shown_rows", "Shown macroblock rows"),
        ("shown_columns", "Shown macroblock columns"),
    ):
        blocks.append(cur.u8(label.lower()))
        parent.add(name, f"{label}: {blocks[-1]}", blocks[-1], cur.pos - 1, 1)
    frame["width"] = max(16 * blocks[1] - adjustment[0], 0)
    frame["height"] = max(16 * blocks[0] - adjustment[1], 0)


def read_opaque(cur: Cursor, node: Field, record: bytes | None, out: dict[str, Any]) -> bool | None:
    """Payload of which nothing is known here."""
    if cur:
        length = len(cur)
        label = f"Data: {length} bytes ({hexdump(cur.peek(17))})"
        node.add("data", label, None, cur.need(length), length)
    return None
