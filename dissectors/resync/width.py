"""RTMP 1.0 §5.3.1.1: where a basic header begins that can be read in two widths.

``24`` and ``00 24`` before the same fields are chunk streams 36 and 100; which of them comes again
tells. Behind a hole ``24`` can also be what is left of ``00 24``.
"""

from collections.abc import Collection
from typing import Final

from dissectors.resync.anchor import Known
from dissectors.resync.chain import Chain
from dissectors.resync.header import Header, read_header
from dissectors.resync.islands import Holes

AMBIGUOUS: Final = -1
CUT: Final = -2
"""The header lacks its first bytes, and no other follows."""

_Stream = tuple[int, int]
"""Chunk stream id, message type."""


def true_start(data: bytes, holes: Holes, chain: Chain, known: Known, seen: Collection[int]) -> int:
    """Return where the first whole header of `chain` begins, `AMBIGUOUS` or `CUT`.

    `known`: csid → (type, length, msid) from before; `seen`: the ids of longer ago.
    """
    first = read_header(data, chain.start)
    if first is None or first.fmt > 1:
        return chain.start
    headers = (read_header(data, pos) for pos, _ in chain.trail[1:])
    later = {(each.csid, chain.states[each.csid].type) for each in headers if each}
    if (first.csid, first.type) in later:
        return chain.start
    others = _other_widths(data, holes, chain.start, first)
    before = {(csid, type_) for csid, (type_, *_) in known.items()}
    for familiar in (later, before, {(csid, first.type) for csid in seen}):
        if (first.csid, first.type) in familiar:
            return chain.start
        for other in sorted(others.keys() & familiar):
            return others[other]
        if any(
            type_ == first.type and _ends(data[: chain.start + 1], csid) for csid, type_ in familiar
        ):
            return chain.trail[1][0] if len(chain.trail) > 1 else CUT
    return AMBIGUOUS if others else chain.start


def _other_widths(data: bytes, holes: Holes, start: int, first: Header) -> dict[_Stream, int]:
    """Return the readings of the same fields behind a basic header of another width."""
    others: dict[_Stream, int] = {}
    for other in range(max(start - 2, 0), start + 3):
        header = read_header(data, other)
        if header is None or other == start or holes.seen_until(other, len(data)) < header.end:
            continue
        if (header.end, header.fmt) == (first.end, first.fmt):
            others[header.csid, header.type] = other
    return others


def _ends(left: bytes, csid: int) -> bool:
    """Whether `left`, what a hole left of a basic header, is the end of the wide one of `csid`."""
    if csid < 64:
        return False
    three = (csid - 64 & 0xFFFF).to_bytes(2, "little")
    return left in (three, three[1:]) or (csid < 320 and left == three[:1])
