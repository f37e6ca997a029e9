"""AV1: av1C, the sequence header and the OBUs (AV1 §5, AV1-ISOBMFF §2.3)."""

from typing import Any, Final

from dissectors.codecs.av1_sequence import PROFILES, level_name, parse_sequence_header
from dissectors.codecs.bits import bit_field, leb128
from dissectors.codecs.video_config import add_picture, config_text
from dissectors.cursor import Cursor
from dissectors.fields import Field
from dissectors.text import hexdump

SEQUENCE_HEADER: Final = 1
FRAME_HEADER: Final = 3
FRAME: Final = 6
OBU_NAMES: Final = {
    SEQUENCE_HEADER: "sequence header",
    2: "temporal delimiter",
    FRAME_HEADER: "frame header",
    4: "tile group",
    5: "metadata",
    FRAME: "frame",
    7: "redundant frame header",
    8: "tile list",
    15: "padding",
}
MAX_OBUS: Final = 1000
"""Listed per message; a temporal unit holds a handful."""
MAX_SEQUENCE_BYTES: Final = 256
"""Bytes of a sequence header that are looked at; with 32 operating points it is below 200."""
DESCRIPTOR_TAG: Final = 0x80
"""AV1 video descriptor of MPEG-2 TS (AV1-MPEG2-TS §2.1)."""


def read_config(cur: Cursor, node: Field) -> None:
    """AV1CodecConfigurationRecord, AV1-ISOBMFF §2.3.3."""
    config = node.value
    start = cur.pos
    byte = cur.u8("AV1 configuration")
    bit_field(node, "marker", byte, 0x80, f"Marker: {byte >> 7}", byte >> 7, start)
    bit_field(node, "version", byte, 0x7F, f"Version: {byte & 0x7F}", byte & 0x7F, start)
    if byte != 0x81:
        node.warn("av1c_version", f"marker and version 0x{byte:02x} instead of 0x81")
    _read_parameters(cur, node, config)
    byte = cur.u8("initial presentation delay")
    _presentation_delay(node, byte, cur.pos - 1, 0x10)
    sequence = read_obus(cur, node, [])
    if sequence:
        config |= sequence


def read_descriptor(cur: Cursor, node: Field) -> None:
    """AV1VideoDescriptor of PacketTypeMPEG2TSSequenceStart, AV1-MPEG2-TS §2.1."""
    config = node.value
    start = cur.pos
    tag, length = cur.u8("descriptor tag"), cur.u8("descriptor length")
    node.add("descriptor_tag", f"Descriptor tag: 0x{tag:02x}", tag, start, 1)
    node.add("descriptor_length", f"Descriptor length: {length}", length, start + 1, 1)
    if tag != DESCRIPTOR_TAG:
        node.warn("av1_descriptor_tag", f"descriptor tag 0x{tag:02x} instead of 0x80")
    byte = cur.u8("version")
    bit_field(node, "marker", byte, 0x80, f"Marker: {byte >> 7}", byte >> 7, cur.pos - 1)
    version = byte & 0x7F
    bit_field(node, "version", byte, 0x7F, f"Version: {version}", version, cur.pos - 1)
    _read_parameters(cur, node, config)
    byte = cur.u8("HDR and wide colour gamut")
    bit_field(node, "hdr_wcg_idc", byte, 0xC0, f"HDR/WCG: {byte >> 6}", byte >> 6, cur.pos - 1)
    _presentation_delay(node, byte, cur.pos - 1, 0x10)


def _presentation_delay(node: Field, byte: int, start: int, mask: int) -> None:
    present = byte & mask
    text = str((byte & 15) + 1) if present else "not given"
    value = (byte & 15) + 1 if present else None
    bit_field(node, "initial_presentation_delay", byte, mask | 0x0F,
              f"Initial presentation delay: {text}", value, start)  # fmt: skip


def _read_parameters(cur: Cursor, node: Field, config: dict[str, Any]) -> None:
    start = cur.pos
    byte, flags = cur.u8("profile and level"), cur.u8("bit depth and chroma")
    profile, level = byte >> 5, byte & 0x1F
    name = PROFILES.get(profile, f"profile {profile}")
    bit_field(node, "profile_idc", byte, 0xE0, f"Profile: {name} ({profile})", profile, start)
    bit_field(node, "level_idc", byte, 0x1F, f"Level: {level_name(level)} ({level})", level, start)
    depth = 12 if flags & 0x20 else 10 if flags & 0x40 else 8
    tier = "High" if flags >> 7 else "Main"
    at = start + 1
    bit_field(node, "tier", flags, 0x80, f"Tier: {tier} ({flags >> 7})", tier, at)
    bit_field(node, "bit_depth_luma", flags, 0x60, f"Bit depth: {depth}", depth, at)
    chroma = chroma_name(bool(flags & 0x10), flags >> 3 & 1, flags >> 2 & 1)
    bit_field(node, "chroma_format", flags, 0x1C, f"Chroma format: {chroma}", chroma, at)
    position = flags & 3
    bit_field(node, "chroma_sample_position", flags, 0x03, f"Chroma sample position: {position}",
              position, at)  # fmt: skip
    config |= {
        "profile": name,
        "profile_idc": profile,
        "tier": tier,
        "level": level_name(level),
        "level_idc": level,
        "chroma_format": chroma,
        "bit_depth_luma": depth,
        "bit_depth_chroma": depth,
    }


def chroma_name(monochrome: bool, sub_x: int, sub_y: int) -> str:
    if monochrome:
        return "monochrome"
    return {(1, 1): "4:2:0", (1, 0): "4:2:2", (0, 0): "4:4:4"}.get((sub_x, sub_y), "reserved")


def read_obus(cur: Cursor, node: Field, out: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Read OBUs (AV1 §5.3) to the cursor's end; return the sequence header if there is one."""
    sequence = None
    while cur:
        if len(out) == MAX_OBUS:
            text = f"OBUs beyond the first {MAX_OBUS}: {len(cur)} bytes"
            node.add("obus_not_listed", text, None, cur.pos, len(cur))
            node.note("limit_obus", f"only the first {MAX_OBUS} OBUs are listed")
            cur.need(len(cur))
            break
        obu = node.add("obu", "OBU", None, cur.pos)
        summary = _read_obu(cur, obu)
        obu.length = cur.pos - obu.start
        obu.value = summary
        out.append({key: summary[key] for key in ("type", "name", "length")})
        if summary["type"] == SEQUENCE_HEADER and "width" in summary:
            sequence = {k: v for k, v in summary.items() if k not in ("type", "name", "length")}
    return sequence


def _read_obu(cur: Cursor, obu: Field) -> dict[str, Any]:
    """obu_header and obu_size, AV1 §5.3.2, §5.3.1. Without a size the OBU fills the rest."""
    start = cur.pos
    byte = cur.u8("OBU header")
    kind = byte >> 3 & 15
    name = OBU_NAMES.get(kind, "reserved")
    header = obu.add("obu_header", f"OBU header: 0x{byte:02x}", byte, start, 1, plumbing=True)
    for field, mask, text, value in (
        ("obu_forbidden_bit", 0x80, f"Forbidden bit: {byte >> 7}", byte >> 7),
        ("obu_type", 0x78, f"Type: {name} ({kind})", kind),
        ("obu_extension_flag", 0x04, f"Extension: {byte >> 2 & 1}", byte >> 2 & 1),
        ("obu_has_size_field", 0x02, f"Has size: {byte >> 1 & 1}", byte >> 1 & 1),
    ):
        bit_field(header, field, byte, mask, text, value, start)
    if byte >> 7:
        obu.warn("obu_forbidden_bit", "the obu_forbidden_bit is 1")
    if byte & 4:
        ext = cur.u8("OBU extension")
        text = f"Temporal ID: {ext >> 5}, spatial ID: {ext >> 3 & 3}"
        obu.add("obu_extension", text, ext, cur.pos - 1, 1, plumbing=True)
    size = len(cur)
    if byte & 2:
        size, length = leb128(cur.data, cur.pos, cur.end)
        if not length:
            obu.error("malformed_leb128", "the OBU size does not end within 8 bytes")
            size = len(cur)
        else:
            obu.add("obu_size", f"Size: {size}", size, cur.need(length), length, plumbing=True)
    have = min(size, len(cur))
    obu.label = f"OBU: {name} ({kind}), {size} byte{'s' * (size != 1)}"
    if have < size:
        text = f"OBU size {size} exceeds the {have} bytes left"
        (obu.note if cur.cut else obu.warn)("obu_cut", text)
    summary: dict[str, Any] = {"type": kind, "name": name, "length": size}
    if have:
        _read_payload(cur.sub(have), obu, summary)
    return summary


def _read_payload(cur: Cursor, obu: Field, summary: dict[str, Any]) -> None:
    start, length = cur.pos, len(cur)
    if summary["type"] == SEQUENCE_HEADER:
        sequence = parse_sequence_header(cur.peek(MAX_SEQUENCE_BYTES))
        if sequence is None:
            obu.error("malformed_sequence_header", "the AV1 sequence header ends early")
        else:
            summary |= sequence
            obu.label = f"OBU: sequence header (1): {config_text(sequence)}"
            for name in ("profile", "level", "tier"):
                obu.add(
                    name, f"{name.capitalize()}: {sequence[name]}", sequence[name], start, length
                )
            add_picture(obu, sequence, start, length)
            cur.need(len(cur))
            return
    text = f"OBU data: {length} bytes ({hexdump(cur.peek(9), 8)})"
    obu.add("obu_data", text, None, start, length, plumbing=True)
    cur.need(len(cur))


def read_frame(cur: Cursor, node: Field, record: bytes | None, out: dict[str, Any]) -> bool | None:
    """Read a temporal unit; return whether its first frame is a key frame, None if unknown."""
    obus: list[dict[str, Any]] = []
    out["obus"] = obus
    before = len(node.children)
    read_obus(cur, node, obus)
    for obu in node.children[before:]:
        if obu.name == "obu" and obu.value["type"] in (FRAME_HEADER, FRAME):
            data = obu.find("obu_data")
            # uncompressed_header (§5.9.2): show_existing_frame 0, frame_type 0 is KEY_FRAME.
            return cur.data[data.start] & 0xE0 == 0 if data else None
    return None
