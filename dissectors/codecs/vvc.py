"""H.266: the start of the configuration record, and the NAL units (ITU-T H.266 §7)."""

from typing import Any, Final

from dissectors.codecs.bits import bit_field
from dissectors.codecs.nal import NalSyntax, read_units
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
    readers={},
)


def length_size(record: bytes) -> int | None:
    """Return the NAL length size that a VvcDecoderConfigurationRecord asks for."""
    return (record[0] >> 1 & 3) + 1 if record else None


def read_config(cur: Cursor, node: Field) -> None:
    """VvcDecoderConfigurationRecord, ISO/IEC 14496-15 §11.2.4.2: its first byte."""
    config = node.value
    start = cur.pos
    byte = cur.u8("VVC configuration")
    size = (byte >> 1 & 3) + 1
    config["nal_length_size"] = size
    bit_field(node, "nal_length_size", byte, 0x06, f"NAL length size: {size}", size, start)
    bit_field(node, "ptl_present", byte, 0x01, f"Profile, tier, level present: {byte & 1}",
              byte & 1, start)  # fmt: skip
    if cur:
        text = f"VVC configuration data: {len(cur)} bytes ({hexdump(cur.peek(17))})"
        node.add("configuration_data", text, None, cur.pos, len(cur))
        cur.need(len(cur))


def read_frame(cur: Cursor, node: Field, record: bytes | None, out: dict[str, Any]) -> bool | None:
    """Read an access unit; return whether it is a random access point, None if unknown."""
    units: list[dict[str, Any]] = []
    out["nal_units"] = units
    read_units(cur, node, SYNTAX, length_size(record) if record else None, units)
    kinds = {unit["type"] for unit in units if unit["type"] is not None and unit["type"] < 12}
    return any(kind in RANDOM_ACCESS for kind in kinds) if kinds else None
