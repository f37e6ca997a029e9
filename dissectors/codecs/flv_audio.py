"""The audio codecs of old Flash, whose frames carry no header of use (FLV 10.1 §E.4.2.1)."""

from typing import Any, Final

from dissectors.codecs.bits import bit_field
from dissectors.cursor import Cursor
from dissectors.fields import Field
from dissectors.text import hexdump

NELLYMOSER_BLOCK: Final = 64
"""Bytes of a block of 256 samples."""


def read_opaque(cur: Cursor, node: Field, out: dict[str, Any]) -> None:
    """Samples or frames of which nothing more is known here."""
    if cur:
        length = len(cur)
        label = f"Audio data: {length} bytes ({hexdump(cur.peek(17))})"
        node.add("data", label, None, cur.need(length), length)


def read_nellymoser(cur: Cursor, node: Field, out: dict[str, Any]) -> None:
    """Blocks of 64 bytes, 256 samples each."""
    if not cur:
        return
    length = len(cur)
    blocks, rest = divmod(length, NELLYMOSER_BLOCK)
    if rest:
        node.note("nellymoser_block", f"{length} bytes are no whole number of 64-byte blocks")
    label = f"Nellymoser data: {blocks} blocks, {length} bytes ({hexdump(cur.peek(17))})"
    node.add("data", label, None, cur.need(length), length)


def read_adpcm(cur: Cursor, node: Field, out: dict[str, Any]) -> None:
    """ADPCMSOUNDDATA, SWF 10 "ADPCM sound data": two bits tell the code size."""
    if not cur:
        return
    start = cur.pos
    byte = cur.u8()
    size = (byte >> 6) + 2
    bit_field(node, "adpcm_code_size", byte, 0xC0, f"Code size: {size} bits", size, start)
    read_opaque(cur, node, out)
