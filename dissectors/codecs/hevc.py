"""H.265: the configuration record and the NAL units (ISO/IEC 14496-15 §8.3, ITU-T H.265 §7)."""

from typing import Any, Final

from dissectors.codecs import hevc_sps
from dissectors.codecs.bits import bit_field
from dissectors.codecs.colour import CHROMA
from dissectors.codecs.nal import (
    MAX_PARAMETER_BYTES,
    NalSyntax,
    content,
    read_parameter_sets,
    read_units,
    unescape,
)
from dissectors.codecs.sei import read_sei
from dissectors.codecs.video_config import add_picture, config_text, rate_text
from dissectors.cursor import Cursor
from dissectors.fields import Field, bits

VPS: Final = 32
SPS: Final = 33
PPS: Final = 34
NAL_NAMES: Final = {
    0: "TRAIL_N slice",
    1: "TRAIL_R slice",
    2: "TSA_N slice",
    3: "TSA_R slice",
    4: "STSA_N slice",
    5: "STSA_R slice",
    6: "RADL_N slice",
    7: "RADL_R slice",
    8: "RASL_N slice",
    9: "RASL_R slice",
    16: "BLA_W_LP slice",
    17: "BLA_W_RADL slice",
    18: "BLA_N_LP slice",
    19: "IDR_W_RADL slice",
    20: "IDR_N_LP slice",
    21: "CRA slice",
    VPS: "VPS",
    SPS: "SPS",
    PPS: "PPS",
    35: "access unit delimiter",
    36: "end of sequence",
    37: "end of bitstream",
    38: "filler data",
    39: "prefix SEI",
    40: "suffix SEI",
}
IRAP: Final = range(16, 24)
"""Intra random access point pictures, ITU-T H.265 table 7-1."""
MAX_ARRAYS: Final = 8
"""Arrays of a record: one per NAL unit type, of which a record may hold five."""


def _type_of(head: bytes) -> int:
    return head[0] >> 1 & 0x3F


def _read_header(cur: Cursor, unit: Field) -> None:
    """ITU-T H.265 §7.3.1.2."""
    start = cur.pos
    word = cur.u16("NAL unit header")
    header = unit.add("nal_unit_header", f"NAL unit header: 0x{word:04x}", word, start, 2,
                      plumbing=True)  # fmt: skip
    kind = word >> 9 & 0x3F
    for name, mask, text, value in (
        ("forbidden_zero_bit", 0x8000, "Forbidden zero bit: ", word >> 15),
        ("nal_unit_type", 0x7E00, f"Type: {NAL_NAMES.get(kind, 'reserved')} ", kind),
        ("nuh_layer_id", 0x01F8, "Layer ID: ", word >> 3 & 0x3F),
        ("nuh_temporal_id_plus1", 0x0007, "Temporal ID + 1: ", word & 7),
    ):
        shown = f"({value})" if name == "nal_unit_type" else str(value)
        header.add(name, f"{bits(word, mask, 16)} = {text}{shown}", value, start, 2, mask=mask)
    if word >> 15:
        unit.warn("forbidden_zero_bit", "the forbidden_zero_bit of the NAL unit is 1")


def _read_sps(cur: Cursor, unit: Field) -> None:
    """seq_parameter_set_rbsp, ITU-T H.265 §7.3.2.2."""
    sps = hevc_sps.parse_sps(unescape(cur.peek(MAX_PARAMETER_BYTES)))
    if sps is None:
        unit.error("malformed_sps", "the SPS ends early or holds impossible values")
        return
    unit.label = f"SPS: {config_text(sps)}, {unit.value['length']} bytes"
    unit.value |= sps
    start, length = cur.pos, len(cur)
    for name, text in (
        ("sps_id", f"SPS ID: {sps['sps_id']}"),
        ("profile_idc", f"Profile: {sps['profile']} ({sps['profile_idc']})"),
        ("tier", f"Tier: {sps['tier']}"),
        ("level_idc", f"Level: {sps['level']} ({sps['level_idc']})"),
    ):
        unit.add(name, text, sps[name], start, length)
    add_picture(unit, sps, start, length)
    cur.need(len(cur))


def _read_vps(cur: Cursor, unit: Field) -> None:
    """video_parameter_set_rbsp, ITU-T H.265 §7.3.2.1."""
    vps = hevc_sps.parse_vps(unescape(cur.peek(MAX_PARAMETER_BYTES)))
    if vps is None:
        unit.error("malformed_vps", "the VPS ends early or holds impossible values")
        return
    unit.value |= vps
    start, length = cur.pos, len(cur)
    for name, label in (("vps_id", "VPS ID"), ("layers", "Layers"), ("sub_layers", "Sub-layers")):
        unit.add(name, f"{label}: {vps[name]}", vps[name], start, length)
    if vps["frame_rate"]:
        text = f"Frame rate: {rate_text(vps['frame_rate'])}"
        unit.add("frame_rate", text, vps["frame_rate"], start, length)
    cur.need(len(cur))


SYNTAX: Final = NalSyntax(
    header_size=2,
    type_of=_type_of,
    names=NAL_NAMES,
    read_header=_read_header,
    readers={VPS: _read_vps, SPS: _read_sps, 39: read_sei, 40: read_sei},
)


def is_hevc_record(head: bytes, length: int) -> bool:
    """Return whether a record under CodecID 7 is really an hvcC; its first 6 bytes suffice.

    OBS before 29.1 and some encoders sent HEVC with CodecID 7, which is H.264. An avcC has ones
    in the reserved bits of byte 4 and 5, and no H.264 profile is below 44.
    """
    if length < 23 or len(head) < 6:
        return False
    return 1 <= head[1] & 0x1F <= 11 and head[1] < 0x40 and head[4] & 0xFC != 0xFC


def length_size(record: bytes) -> int | None:
    """Return the NAL length size that an HEVCDecoderConfigurationRecord asks for."""
    return (record[21] & 3) + 1 if len(record) > 21 else None


def read_config(cur: Cursor, node: Field) -> None:
    """HEVCDecoderConfigurationRecord, ISO/IEC 14496-15 §8.3.3.1."""
    config = node.value
    _read_profile(cur, node, config)
    _read_formats(cur, node, config)
    count_at = cur.pos
    count = cur.u8("number of arrays")
    node.add("number_of_arrays", f"Number of arrays: {count}", count, count_at, 1)
    for number in range(count):
        if number == MAX_ARRAYS:
            node.note("limit_arrays", f"only the first {MAX_ARRAYS} arrays are listed")
            return
        _read_array(cur, node, config)


def _read_profile(cur: Cursor, node: Field, config: dict[str, Any]) -> None:
    start = cur.pos
    version = cur.u8("HEVC configuration")
    node.add("configuration_version", f"Version: {version}", version, start, 1)
    byte = cur.u8("profile")
    at = start + 1
    profile, tier = byte & 0x1F, "High" if byte & 0x20 else "Main"
    bit_field(node, "profile_space", byte, 0xC0, f"Profile space: {byte >> 6}", byte >> 6, at)
    bit_field(node, "tier", byte, 0x20, f"Tier: {tier} ({byte >> 5 & 1})", tier, at)
    text = f"Profile: {hevc_sps.profile_name(profile)} ({profile})"
    bit_field(node, "profile_idc", byte, 0x1F, text, profile, at)
    flags = cur.u32("profile compatibility flags")
    node.add("profile_compatibility", f"Profile compatibility flags: 0x{flags:08x}", flags,
             cur.pos - 4, 4)  # fmt: skip
    flags = cur.uint(6, "constraint flags")
    node.add("constraint_flags", f"Constraint flags: 0x{flags:012x}", flags, cur.pos - 6, 6)
    level = cur.u8("level")
    node.add("level_idc", f"Level: {hevc_sps.level_name(level)} ({level})", level, cur.pos - 1, 1)
    config |= {
        "profile": hevc_sps.profile_name(profile),
        "profile_idc": profile,
        "tier": tier,
        "level": hevc_sps.level_name(level),
        "level_idc": level,
    }


def _read_formats(cur: Cursor, node: Field, config: dict[str, Any]) -> None:
    word = cur.u16("minimum spatial segmentation")
    node.add("min_spatial_segmentation", f"Minimum spatial segmentation: {word & 0xFFF}",
             word & 0xFFF, cur.pos - 2, 2, mask=0x0FFF)  # fmt: skip
    for name, label, mask, base in (
        ("parallelism_type", "Parallelism type", 0x03, 0),
        ("chroma_format", "Chroma format", 0x03, 0),
        ("bit_depth_luma", "Bit depth luma", 0x07, 8),
        ("bit_depth_chroma", "Bit depth chroma", 0x07, 8),
    ):
        byte = cur.u8(label.lower())
        value: Any = base + (byte & mask)
        if name == "chroma_format":
            value = CHROMA[value]
        if name != "parallelism_type":
            config[name] = value
        bit_field(node, name, byte, mask, f"{label}: {value}", value, cur.pos - 1)
    rate = cur.u16("average frame rate")
    text = f"Average frame rate: {rate}/256" if rate else "Average frame rate: unspecified"
    node.add("avg_frame_rate", text, rate, cur.pos - 2, 2)
    byte = cur.u8("NAL length size")
    size = (byte & 3) + 1
    config["nal_length_size"] = size
    for name, label, mask, value in (
        ("constant_frame_rate", "Constant frame rate", 0xC0, byte >> 6),
        ("num_temporal_layers", "Temporal layers", 0x38, byte >> 3 & 7),
        ("temporal_id_nested", "Temporal ID nested", 0x04, byte >> 2 & 1),
        ("nal_length_size", "NAL length size", 0x03, size),
    ):
        bit_field(node, name, byte, mask, f"{label}: {value}", value, cur.pos - 1)


def _read_array(cur: Cursor, node: Field, config: dict[str, Any]) -> None:
    start = cur.pos
    array = node.add("array", "Array", None, start)
    byte = cur.u8("array header")
    kind = byte & 0x3F
    name = NAL_NAMES.get(kind, f"NAL unit type {kind}")
    array.label = f"Array: {name} ({kind})"
    bit_field(array, "array_completeness", byte, 0x80, f"Complete: {byte >> 7}", byte >> 7, start)
    bit_field(array, "nal_unit_type", byte, 0x3F, f"NAL unit type: {name} ({kind})", kind, start)
    count = cur.u16("number of NAL units")
    array.add("number_of_nal_units", f"Number of NAL units: {count}", count, start + 1, 2)
    read_parameter_sets(cur, array, SYNTAX, count, "nal_unit", name)
    array.length = cur.pos - start
    for unit in array.children:
        _merge(unit, kind, node, config)


def _merge(unit: Field, kind: int, node: Field, config: dict[str, Any]) -> None:
    """Take the picture's properties from an SPS; the frame rate may stand in the VPS only."""
    found = unit.value if unit.name == "nal_unit" else None
    if not found:
        return
    if kind == SPS and "width" in found and "width" not in config:
        rate = config.get("frame_rate")
        wanted = (config["profile_idc"], config["level_idc"])
        config |= content(unit)
        config["frame_rate"] = config["frame_rate"] or rate
        actual = (config["profile_idc"], config["level_idc"])
        if wanted != actual:
            node.warn("hevc_profile_mismatch", f"record says profile, level {wanted}, SPS {actual}")
    elif kind == VPS and found.get("frame_rate"):
        config["frame_rate"] = config.get("frame_rate") or found["frame_rate"]


def read_frame(cur: Cursor, node: Field, record: bytes | None, out: dict[str, Any]) -> bool | None:
    """Read an access unit; return whether it is a random access point, None if unknown."""
    units: list[dict[str, Any]] = []
    out["nal_units"] = units
    read_units(cur, node, SYNTAX, length_size(record) if record else None, units)
    kinds = {unit["type"] for unit in units if unit["type"] is not None and unit["type"] < 32}
    return any(kind in IRAP for kind in kinds) if kinds else None
