"""RTMP 1.0 §5.3.1.2: the evidence of one header and the first bytes of its body."""

from collections.abc import Mapping
from typing import Final

from dissectors import spec
from dissectors.resync.evidence import IMPOSSIBLE, Noise, csid_bits, header_bits, same_stream_bits
from dissectors.resync.header import UNKNOWN, continuation_header, read_header, repeats
from dissectors.resync.islands import NO_HOLES, Holes
from dissectors.resync.payload import payload_bits

_TINY: Final = 12
"""Below this chunk size, other chunk headers stand among the bytes that tell what a body is."""
_TELLING: Final = 4
"""Marks in a row that show a tiny chunk size."""
_JOINED: Final = 64
"""Chunks joined then."""

Known = Mapping[int, tuple[int, int, int]]
"""csid → (type, length, msid) before a gap; length -1 when a message was open there."""


def anchor_bits(
    data: bytes, noise: Noise, start: int, known: Known, holes: Holes = NO_HOLES
) -> float:
    """Return the evidence of the one header at `start` and the first bytes of its body."""
    header = read_header(data, start)
    seen = holes.seen_until(start, len(data))
    if header is None or header.end > seen:
        return IMPOSSIBLE
    zero = noise.bits(0, start)
    before = known.get(header.csid)
    type_, length = header.type, header.length
    if header.fmt > 1:
        if before is None or before[1] < 0:
            return IMPOSSIBLE
        type_, length = before[0], before[1]
        bits = csid_bits(header) if header.fmt == 3 else header_bits(header, zero)
    else:
        bits = header_bits(header, zero)
        if before is not None:
            bits += 0.7 * same_stream_bits(header, before[0], before[2])
    if bits == IMPOSSIBLE or type_ == UNKNOWN:
        return IMPOSSIBLE
    size = spec.DEFAULT_CHUNK_SIZE
    return bits + opening_bits(type_, data, header.end, seen, header.csid, length, size, zero)


def opening_bits(
    type_: int, data: bytes, body: int, seen: int, csid: int, length: int, size: int, zero: float
) -> float:
    """Return the evidence of the first chunk of a body, seen until `seen`.

    `size`: of a chunk, or a guess at it; what tiny chunks hold is joined (§5.4.1: 1 is legal).
    """
    tiny = size if size < _TINY else _tiny_size(data, body, csid)
    if not tiny or tiny >= length:
        return payload_bits(type_, data, body, min(seen, body + min(length, size)), length, zero)
    step = tiny + len(continuation_header(csid))
    joined = bytearray(data[body : min(seen, body + _JOINED * step)])
    for width in range(step, tiny, -1):
        del joined[tiny::width]
    return payload_bits(type_, bytes(joined), 0, min(len(joined), length), length, zero)


def _tiny_size(data: bytes, body: int, csid: int) -> int:
    """Return the chunk size when it is tiny and marks in a row show it, else 0."""
    mark = continuation_header(csid)
    pos = data.find(mark, body + 1, body + _TINY)
    while pos >= 0:
        if repeats(data, pos, mark, pos - body + len(mark), _TELLING) == _TELLING:
            return pos - body
        pos = data.find(mark, pos + 1, body + _TINY)
    return 0
