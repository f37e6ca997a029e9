"""H.264: the configuration record and the NAL units (ISO/IEC 14496-15 §5.3, ITU-T H.264 §7)."""

from typing import Any, Final

from dissectors.codecs import avc_sps
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
from dissectors.codecs.video_config import add_picture, config_text
from dissectors.cursor import Cursor
from dissectors.fields import Field

IDR: Final = 5
SEI: Final = 6
NAL_NAMES: Final = {
    0: "unspecified",
    1: "non-IDR slice",
    2: "slice data partition A",
    3: "slice data partition B",
    4: "slice data partition C",
    IDR: "IDR slice",
    SEI: "SEI",
    7: "SPS",
    8: "PPS",
    9: "access unit delimiter",
    10: "end of sequence",
    11: "end of stream",
    12: "filler data",
    13: "SPS extension",
    14: "prefix NAL unit",
    15: "subset SPS",
    19: "auxiliary slice",
    20: "slice extension",
    21: "slice extension for depth",
}


def _read_header(cur: Cursor, unit: Field) -> None:
    """ITU-T H.264 §7.3.1."""
    start = cur.pos
    byte = cur.u8("NAL unit header")
    header = unit.add("nal_unit_header", f"NAL unit header: 0x{byte:02x}", byte, start, 1,
                      plumbing=True)  # fmt: skip
    ref, kind = byte >> 5 & 3, byte & 0x1F
    bit_field(header, "nal_ref_idc", byte, 0x60, f"Reference: {ref}", ref, start)
    text = f"Type: {NAL_NAMES.get(kind, 'reserved')} ({kind})"
    bit_field(header, "nal_unit_type", byte, 0x1F, text, kind, start)
    if byte >> 7:
        bit_field(header, "forbidden_zero_bit", byte, 0x80, "Forbidden zero bit: 1", 1, start)
        unit.warn("forbidden_zero_bit", "the forbidden_zero_bit of the NAL unit is 1")


def _read_sps(cur: Cursor, unit: Field) -> None:
    """seq_parameter_set_rbsp, ITU-T H.264 §7.3.2.1."""
    rbsp = unescape(cur.peek(MAX_PARAMETER_BYTES))
    sps = avc_sps.parse_sps(rbsp)
    if sps is None or len(cur) < 4:
        unit.error("malformed_sps", "the SPS ends early or holds impossible values")
        return
    for name, text, value in (
        ("profile_idc", f"Profile: {sps['profile']} ({rbsp[0]})", rbsp[0]),
        ("constraint_flags", f"Constraint flags: 0x{rbsp[1]:02x}", rbsp[1]),
        ("level_idc", f"Level: {sps['level']} ({rbsp[2]})", rbsp[2]),
    ):
        unit.add(name, text, value, cur.need(1, name), 1)
    unit.label = f"SPS: {config_text(sps)}, {unit.value['length']} bytes"
    unit.value |= sps
    start, length = cur.pos, len(cur)
    unit.add("seq_parameter_set_id", f"SPS ID: {sps['sps_id']}", sps["sps_id"], start, length)
    add_picture(unit, sps, start, length)
    cur.need(len(cur))


def _read_pps(cur: Cursor, unit: Field) -> None:
    """pic_parameter_set_rbsp, ITU-T H.264 §7.3.2.2."""
    pps = avc_sps.parse_pps(unescape(cur.peek(MAX_PARAMETER_BYTES)))
    if pps is None:
        unit.error("malformed_pps", "the PPS ends early")
        return
    start, length = cur.pos, len(cur)
    unit.label = f"PPS: {pps['pps_id']} for SPS {pps['sps_id']}, {unit.value['length']} bytes"
    unit.value |= pps
    for name, label in (
        ("pps_id", "PPS ID"),
        ("sps_id", "SPS ID"),
        ("entropy_coding", "Entropy coding"),
    ):
        unit.add(name, f"{label}: {pps[name]}", pps[name], start, length)
    cur.need(len(cur))


SYNTAX: Final = NalSyntax(
    header_size=1,
    type_of=lambda head: head[0] & 0x1F,
    names=NAL_NAMES,
    read_header=_read_header,
    readers={SEI: read_sei, 7: _read_sps, 8: _read_pps},
)


def length_size(record: bytes) -> int | None:
    """Return the NAL length size that an AVCDecoderConfigurationRecord asks for."""
    return (record[4] & 3) + 1 if len(record) > 4 else None


def read_config(cur: Cursor, node: Field) -> None:
    """AVCDecoderConfigurationRecord, ISO/IEC 14496-15 §5.3.3.1."""
    config = node.value
    start = cur.pos
    version, profile, compat, level, size = (cur.u8("AVC configuration") for _ in range(5))
    node.add("configuration_version", f"Version: {version}", version, start, 1)
    if version != 1:
        node.warn("avc_configuration_version", f"version {version} instead of 1")
    name = avc_sps.profile_name(profile, compat)
    level_text = avc_sps.level_name(level, profile, compat)
    node.add("profile_idc", f"Profile: {name} ({profile})", profile, start + 1, 1)
    node.add(
        "profile_compatibility", f"Profile compatibility: 0x{compat:02x}", compat, start + 2, 1
    )
    node.add("level_idc", f"Level: {level_text} ({level})", level, start + 3, 1)
    nal_length_size = (size & 3) + 1
    bit_field(node, "nal_length_size", size, 0x03, f"NAL length size: {nal_length_size}",
              nal_length_size, start + 4)  # fmt: skip
    if nal_length_size == 3:
        node.warn("nal_length_size", "NAL length size 3 is not allowed (ISO/IEC 14496-15 §5.3.3.1)")
    config |= {
        "profile": name,
        "profile_idc": profile,
        "level": level_text,
        "level_idc": level,
        "nal_length_size": nal_length_size,
        "sps": 0,
        "pps": 0,
    }
    count_at = cur.pos
    count = cur.u8("number of SPS")
    bit_field(node, "number_of_sps", count, 0x1F, f"Number of SPS: {count & 0x1F}", count & 0x1F,
              count_at)  # fmt: skip
    config["sps"] = count & 0x1F
    read_parameter_sets(cur, node, SYNTAX, count & 0x1F, "sps", "SPS")
    _merge_sps(node, config)
    count_at = cur.pos
    count = cur.u8("number of PPS")
    node.add("number_of_pps", f"Number of PPS: {count}", count, count_at, 1)
    config["pps"] = count
    read_parameter_sets(cur, node, SYNTAX, count, "pps", "PPS")
    if cur and profile in (100, 110, 122, 144, 244):
        _read_extension(cur, node)


def _merge_sps(node: Field, config: dict[str, Any]) -> None:
    """Take the picture's properties from the first SPS, and compare its profile and level."""
    for unit in node.children:
        if unit.name != "sps" or not unit.value or "width" not in unit.value:
            continue
        wanted = (config["profile_idc"], config["level_idc"])
        config |= content(unit)
        actual = (config["profile_idc"], config["level_idc"])
        if wanted != actual:
            node.warn("avc_profile_mismatch", f"record says profile, level {wanted}, SPS {actual}")
        return


def _read_extension(cur: Cursor, node: Field) -> None:
    """Chroma format and bit depths that High profiles may append; §5.3.3.1.2."""
    if len(cur) < 4:
        return
    start = cur.pos
    chroma, luma, depth = (cur.u8("chroma format") for _ in range(3))
    bit_field(node, "chroma_format", chroma, 0x03, f"Chroma format: {CHROMA[chroma & 3]}",
              CHROMA[chroma & 3], start)  # fmt: skip
    bit_field(node, "bit_depth_luma", luma, 0x07, f"Bit depth luma: {8 + (luma & 7)}",
              8 + (luma & 7), start + 1)  # fmt: skip
    bit_field(node, "bit_depth_chroma", depth, 0x07, f"Bit depth chroma: {8 + (depth & 7)}",
              8 + (depth & 7), start + 2)  # fmt: skip
    count_at = cur.pos
    count = cur.u8("number of SPS extensions")
    node.add("number_of_sps_ext", f"Number of SPS extensions: {count}", count, count_at, 1)
    read_parameter_sets(cur, node, SYNTAX, count, "sps_ext", "SPS extension")


def read_frame(cur: Cursor, node: Field, record: bytes | None, out: dict[str, Any]) -> bool | None:
    """Read an access unit; return whether its content is a random access point, None if unknown."""
    units: list[dict[str, Any]] = []
    out["nal_units"] = units
    read_units(cur, node, SYNTAX, length_size(record) if record else None, units)
    kinds = {unit["type"] for unit in units}
    if IDR in kinds:
        return True
    if not kinds & {1, 2}:
        return None
    # An open GOP starts with a non-IDR I picture behind a recovery point SEI, or, from some
    # encoders, merely behind fresh parameter sets.
    return None if kinds & {SEI, 7} else False
