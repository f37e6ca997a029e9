"""H.266: the configuration record and the NAL units (ISO/IEC 14496-15 §11, ITU-T H.266 §7)."""

from typing import Any, Final

from dissectors.codecs.bit_lines import BitLines
from dissectors.codecs.bits import bit_field
from dissectors.codecs.colour import CHROMA
from dissectors.codecs.nal import NalSyntax, read_parameter_sets, read_units
from dissectors.codecs.sei import read_sei
from dissectors.cursor import Cursor
from dissectors.fields import Field, bits
from dissectors.text import hexdump

NAL_NAMES: Final = {
    0: "TRAIL slice",
    1: "STSA slice",
    2: "RADL slice",
    3: "RASL slice",
    7: "IDR_W_RADL slice",
    8: "IDR_N_LP slice",
    9: "CRA slice",
    10: "GDR slice",
    12: "OPI",
    13: "DCI",
    14: "VPS",
    15: "SPS",
    16: "PPS",
    17: "prefix APS",
    18: "suffix APS",
    19: "picture header",
    20: "access unit delimiter",
    21: "end of sequence",
    22: "end of bitstream",
    23: "prefix SEI",
    24: "suffix SEI",
    25: "filler data",
}
SINGLE: Final = frozenset({12, 13})
"""Operating point and decoding capability information: their arrays hold one unit."""
PROFILES: Final = {
    1: "Main 10",
    2: "Main 12",
    10: "Main 12 Intra",
    17: "Multilayer Main 10",
    33: "Main 10 4:4:4",
    34: "Main 12 4:4:4",
    36: "Main 16 4:4:4",
    65: "Main 10 Still Picture",
    97: "Main 10 4:4:4 Still Picture",
}
MAX_ARRAYS: Final = 64
"""There are fewer kinds of parameter sets; records hold three or four."""
RANDOM_ACCESS: Final = range(7, 11)
"""IDR, CRA and GDR pictures, ITU-T H.266 table 5."""


def _read_header(cur: Cursor, unit: Field) -> None:
    """ITU-T H.266 §7.3.1.2."""
    start = cur.pos
    word = cur.u16("NAL unit header")
    header = unit.add("nal_unit_header", f"NAL unit header: 0x{word:04x}", word, start, 2,
                      plumbing=True)  # fmt: skip
    kind = word >> 3 & 0x1F
    for name, mask, text, value in (
        ("forbidden_zero_bit", 0x8000, f"Forbidden zero bit: {word >> 15}", word >> 15),
        ("nuh_layer_id", 0x3F00, f"Layer ID: {word >> 8 & 0x3F}", word >> 8 & 0x3F),
        ("nal_unit_type", 0x00F8, f"Type: {NAL_NAMES.get(kind, 'reserved')} ({kind})", kind),
        ("nuh_temporal_id_plus1", 0x0007, f"Temporal ID + 1: {word & 7}", word & 7),
    ):
        header.add(name, f"{bits(word, mask, 16)} = {text}", value, start, 2, mask=mask)
    if word >> 15:
        unit.warn("forbidden_zero_bit", "the forbidden_zero_bit of the NAL unit is 1")


SYNTAX: Final = NalSyntax(
    header_size=2,
    type_of=lambda head: head[1] >> 3,
    names=NAL_NAMES,
    read_header=_read_header,
    readers={23: read_sei, 24: read_sei},
)


def length_size(record: bytes) -> int | None:
    """Return the NAL length size that a VvcDecoderConfigurationRecord asks for."""
    return (record[0] >> 1 & 3) + 1 if record else None


def read_config(cur: Cursor, node: Field) -> None:
    """VvcDecoderConfigurationRecord, ISO/IEC 14496-15 §11.2.4.2."""
    config = node.value
    start = cur.pos
    byte = cur.u8("VVC configuration")
    size = (byte >> 1 & 3) + 1
    config["nal_length_size"] = size
    bit_field(node, "nal_length_size", byte, 0x06, f"NAL length size: {size}", size, start)
    present = byte & 1
    text = f"Profile, tier, level present: {present}"
    bit_field(node, "ptl_present", byte, 0x01, text, present, start)
    if present:
        _read_formats(cur, node, config)
    at = cur.pos
    count = cur.u8("number of arrays")
    node.add("number_of_arrays", f"Number of arrays: {count}", count, at, 1)
    for number in range(count):
        if number == MAX_ARRAYS:
            node.note("limit_arrays", f"only the first {MAX_ARRAYS} arrays are listed")
            return
        _read_array(cur, node)


def _read_formats(cur: Cursor, node: Field, config: dict[str, Any]) -> None:
    """What the stream needs of a decoder, and the size of its pictures."""
    start = cur.pos
    lines = BitLines(node, start, cur.take(3, "VVC formats"))
    lines.number("ols_idx", 9, "Output layer set")
    layers = lines.number("num_sublayers", 3, "Sub-layers")
    lines.number("constant_frame_rate", 2, "Constant frame rate")
    chroma = CHROMA[lines.bits.u(2)]
    lines.add("chroma_format", 2, f"Chroma format: {chroma}", chroma)
    depth = 8 + lines.bits.u(3)
    lines.add("bit_depth_luma", 3, f"Bit depth: {depth}", depth)
    lines.number("reserved", 5, "Reserved")
    _read_profile(cur, node, config, layers)
    sizes = []
    for name, label in (("width", "Maximum picture width"), ("height", "Maximum picture height")):
        at = cur.pos
        sizes.append(cur.u16(label.lower()))
        node.add(name, f"{label}: {sizes[-1]}", sizes[-1], at, 2)
    config["width"], config["height"] = sizes
    at = cur.pos
    rate = cur.u16("average frame rate")
    text = f"Average frame rate: {rate}/256" if rate else "Average frame rate: unspecified"
    node.add("avg_frame_rate", text, rate, at, 2)
    config |= {"chroma_format": chroma, "bit_depth_luma": depth, "bit_depth_chroma": depth}


def _read_profile(cur: Cursor, node: Field, config: dict[str, Any], layers: int) -> None:
    """VvcPTLRecord."""
    start = cur.pos
    size, byte, level = cur.u8("constraint size") & 0x3F, cur.u8("profile"), cur.u8("level")
    profile, tier = byte >> 1, "High" if byte & 1 else "Main"
    name = PROFILES.get(profile, f"profile {profile}")
    node.add("num_bytes_constraint_info", f"Constraint bytes: {size}", size, start, 1)
    text = f"Profile: {name} ({profile})"
    bit_field(node, "profile_idc", byte, 0xFE, text, profile, start + 1)
    bit_field(node, "tier", byte, 0x01, f"Tier: {tier} ({byte & 1})", tier, start + 1)
    level_text = f"{level >> 4}.{(level & 15) // 3}"
    node.add("level_idc", f"Level: {level_text} ({level})", level, start + 2, 1)
    if size:
        at = cur.pos
        raw = cur.take(size, "constraint info")
        node.add("constraint_info", f"Constraint info: {hexdump(raw)}", raw.hex(), at, size)
    if layers > 1:
        at = cur.pos
        flags = cur.u8("sub-layer levels")
        node.add("sublayer_level_present", f"Sub-layer levels: 0x{flags:02x}", flags, at, 1)
        for i in range(layers - 1):
            if flags >> (7 - i) & 1:
                at = cur.pos
                value = cur.u8("sub-layer level")
                node.add("sublayer_level_idc", f"Sub-layer level: {value}", value, at, 1)
    at = cur.pos
    count = cur.u8("number of sub-profiles")
    node.add("num_sub_profiles", f"Sub-profiles: {count}", count, at, 1)
    for _ in range(count):
        at = cur.pos
        value = cur.u32("sub-profile")
        node.add("sub_profile_idc", f"Sub-profile: {value}", value, at, 4)
    config |= {"profile": name, "profile_idc": profile, "tier": tier}
    config |= {"level": level_text, "level_idc": level}


def _read_array(cur: Cursor, node: Field) -> None:
    start = cur.pos
    array = node.add("array", "Array", None, start)
    byte = cur.u8("array header")
    kind = byte & 0x1F
    name = NAL_NAMES.get(kind, f"NAL unit type {kind}")
    array.label = f"Array: {name} ({kind})"
    bit_field(array, "array_completeness", byte, 0x80, f"Complete: {byte >> 7}", byte >> 7, start)
    bit_field(array, "nal_unit_type", byte, 0x1F, f"NAL unit type: {name} ({kind})", kind, start)
    count = 1
    if kind not in SINGLE:
        at = cur.pos
        count = cur.u16("number of NAL units")
        array.add("number_of_nal_units", f"Number of NAL units: {count}", count, at, 2)
    read_parameter_sets(cur, array, SYNTAX, count, "nal_unit", name)
    array.length = cur.pos - start


def read_frame(cur: Cursor, node: Field, record: bytes | None, out: dict[str, Any]) -> bool | None:
    """Read an access unit; return whether it is a random access point, None if unknown."""
    units: list[dict[str, Any]] = []
    out["nal_units"] = units
    read_units(cur, node, SYNTAX, length_size(record) if record else None, units)
    kinds = {unit["type"] for unit in units if unit["type"] is not None and unit["type"] < 12}
    return any(kind in RANDOM_ACCESS for kind in kinds) if kinds else None
