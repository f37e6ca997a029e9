"""NAL units in messages and in configuration records (ISO/IEC 14496-15 §5, §8)."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from dissectors.cursor import Cursor
from dissectors.fields import Field
from dissectors.text import hexdump

MAX_NAL_UNITS: Final = 1000
"""Listed per message. Real access units hold below 100 (one slice per macroblock row)."""
MAX_PARAMETER_SETS: Final = 64
"""Per list of a configuration record; records of encoders hold one or two of a kind."""
MAX_DECODED_UNITS: Final = 16
"""Units of a list whose content is decoded; a hostile SPS costs a millisecond."""
MAX_PARAMETER_BYTES: Final = 1024
"""Bytes of a parameter set that are looked at."""


class NalSyntax(NamedTuple):
    """What the NAL units of one codec look like."""

    header_size: int
    type_of: Callable[[bytes], int]
    names: Mapping[int, str]
    read_header: Callable[[Cursor, Field], None]
    """Adds the fields of the header bytes; the cursor holds at least `header_size` bytes."""
    readers: Mapping[int, Callable[[Cursor, Field], None]]
    """What decodes the unit after its header, by type; it reads to the cursor's end."""


def unescape(data: bytes) -> bytes:
    """Return a NAL unit's payload without emulation prevention bytes (ITU-T H.264 §7.4.1)."""
    return data.replace(b"\x00\x00\x03", b"\x00\x00")


def lengths_fit(data: bytes, pos: int, end: int, size: int, cut: bool = False) -> bool:
    """Return whether lengths of `size` bytes lead exactly from `pos` to `end`.

    Where the data is `cut` the last unit may reach beyond. Gives up, with False, after
    `MAX_NAL_UNITS` units.
    """
    for _ in range(MAX_NAL_UNITS):
        if pos == end:
            return True
        if end - pos < size:
            return cut
        pos += size + int.from_bytes(data[pos : pos + size], "big")
        if pos > end:
            return cut
    return False


def is_annex_b(cur: Cursor, size: int) -> bool:
    """Return whether a start code stands where a length should and the lengths do not fit.

    In a message that is cut short 00 00 01 xx is more likely the length of a unit of some 300
    bytes; 00 00 00 01 would be a unit of a single byte, which hardly any encoder sends first.
    """
    head = cur.peek(4)
    if not head.startswith((b"\x00\x00\x01", b"\x00\x00\x00\x01")):
        return False
    cut = cur.cut and head != b"\x00\x00\x00\x01"
    return not lengths_fit(cur.data, cur.pos, cur.end, size, cut)


def read_units(
    cur: Cursor, node: Field, syntax: NalSyntax, size: int | None, out: list[dict[str, Any]]
) -> None:
    """Read the NAL units of a coded frame to the cursor's end.

    `size` is the length field's size from the configuration in force, None without one.
    `out` receives a summary per unit.
    """
    if not cur:
        return
    if is_annex_b(cur, size or 4):
        # SRS meets encoders that send 00 00 00 01 start codes in AVC tags. ISO/IEC 14496-15
        # wants lengths; we list the units and say so.
        node.warn("annex_b", "Annex B start codes where NAL unit lengths are required")
        _read_annex_b(cur, node, syntax, out)
        return
    if size is None:
        if not _plausible(cur):
            node.note("no_codec_configuration", "no codec configuration seen: NAL units unknown")
            node.add("data", f"Data: {len(cur)} bytes", None, cur.pos, len(cur))
            cur.need(len(cur))
            return
        size = 4
        node.note("no_codec_configuration", "no codec configuration seen: 4-byte lengths assumed")
    while cur:
        if len(out) == MAX_NAL_UNITS:
            text = f"NAL units beyond the first {MAX_NAL_UNITS}: {len(cur)} bytes"
            node.add("nal_units_not_listed", text, None, cur.pos, len(cur))
            node.note("limit_nal_units", f"only the first {MAX_NAL_UNITS} NAL units are listed")
            cur.need(len(cur))
            return
        out.append(_read_unit(cur, node, syntax, size, len(out) < MAX_DECODED_UNITS))


def _plausible(cur: Cursor) -> bool:
    """Return whether 4-byte lengths fit; a list too long to check counts by its start."""
    pos = cur.pos
    for _ in range(MAX_NAL_UNITS):
        if pos == cur.end:
            return True
        length = int.from_bytes(cur.data[pos : pos + 4], "big")
        if cur.end - pos < 5 or not length or length > cur.end - pos - 4:
            return cur.cut and pos > cur.pos
        pos += 4 + length
    return True


def _read_unit(
    cur: Cursor, node: Field, syntax: NalSyntax, size: int, decode: bool
) -> dict[str, Any]:
    start = cur.pos
    unit = node.add("nal_unit", "NAL unit", None, start)
    length = cur.uint(size, "NAL unit length")
    unit.add("length", f"Length: {length}", length, start, size, plumbing=True)
    have = min(length, len(cur))
    summary = read_nal(cur.sub(have), unit, syntax, length, decode)
    unit.length = cur.pos - start
    if have < length:
        text = f"NAL unit length {length} exceeds the {have} bytes left"
        (unit.note if cur.cut else unit.warn)("nal_unit_cut", text)
    return summary


def read_nal(
    cur: Cursor, unit: Field, syntax: NalSyntax, length: int, decode: bool
) -> dict[str, Any]:
    """Read one NAL unit (all of `cur`) into `unit`, set its label, return its summary.

    Without `decode` nothing behind the unit's header is looked at.
    """
    if len(cur) < syntax.header_size:
        unit.label = f"NAL unit: too short, {length} byte{'s' * (length != 1)}"
        if cur:
            unit.add("data", f"Data: {cur.peek(2).hex()}", None, cur.pos, len(cur), plumbing=True)
        unit.warn("nal_unit_too_short", f"NAL unit of {length} bytes has no whole header")
        cur.need(len(cur))
        summary: dict[str, Any] = {"type": None, "name": None, "length": length}
        unit.value = dict(summary)
        return summary
    kind = syntax.type_of(cur.peek(2))
    name = syntax.names.get(kind, "reserved")
    unit.label = f"NAL unit: {name} ({kind}), {length} byte{'s' * (length != 1)}"
    summary = {"type": kind, "name": name, "length": length}
    unit.value = dict(summary)
    syntax.read_header(cur, unit)
    reader = syntax.readers.get(kind) if decode else None
    if reader is not None and cur:
        reader(cur, unit)
    if cur:
        text = f"NAL unit data: {len(cur)} bytes ({hexdump(cur.peek(9), 8)})"
        unit.add("nal_unit_data", text, None, cur.pos, len(cur), plumbing=True)
        cur.need(len(cur))
    return summary


def content(unit: Field) -> dict[str, Any]:
    """Return what a parameter set's reader added to the value of its NAL unit."""
    return {k: v for k, v in unit.value.items() if k not in ("type", "name", "length")}


def _read_annex_b(cur: Cursor, node: Field, syntax: NalSyntax, out: list[dict[str, Any]]) -> None:
    """Read an Annex B byte stream (ITU-T H.264 annex B.1)."""
    while cur:
        if len(out) == MAX_NAL_UNITS:
            text = f"NAL units beyond the first {MAX_NAL_UNITS}: {len(cur)} bytes"
            node.add("nal_units_not_listed", text, None, cur.pos, len(cur))
            node.note("limit_nal_units", f"only the first {MAX_NAL_UNITS} NAL units are listed")
            cur.need(len(cur))
            return
        code = 3 if cur.peek(3) == b"\x00\x00\x01" else 4
        start = cur.pos
        unit = node.add("nal_unit", "NAL unit", None, start)
        unit.add("start_code", f"Start code: {cur.take(code).hex()}", None, start, code,
                 plumbing=True)  # fmt: skip
        end = cur.data.find(b"\x00\x00\x01", cur.pos, cur.end)
        if end < 0:
            end = cur.end
        elif end > cur.pos and cur.data[end - 1] == 0:
            end -= 1
        length = end - cur.pos
        decode = len(out) < MAX_DECODED_UNITS
        out.append(read_nal(cur.sub(length), unit, syntax, length, decode))
        unit.length = cur.pos - start


def read_parameter_sets(
    cur: Cursor, node: Field, syntax: NalSyntax, count: int, name: str, label: str
) -> None:
    """Read `count` 16-bit-length NAL units of a configuration record (§5.3.3.1, §8.3.3.1)."""
    for number in range(count):
        if number == MAX_PARAMETER_SETS:
            node.note("limit_parameter_sets", f"only the first {MAX_PARAMETER_SETS} are listed")
            node.add("not_listed", f"{label}: {len(cur)} bytes", None, cur.pos, len(cur))
            cur.need(len(cur))
            return
        start = cur.pos
        unit = node.add(name, label, None, start)
        length = cur.u16(f"{label} length")
        unit.add("length", f"Length: {length}", length, start, 2, plumbing=True)
        read_nal(cur.sub(length, label), unit, syntax, length, number < MAX_DECODED_UNITS)
        unit.length = cur.pos - start
