"""What is new in a segment, and whether the rest is what was there: the first bytes win."""

from __future__ import annotations

from bisect import bisect_right
from itertools import islice
from typing import TYPE_CHECKING

from . import limits
from .items import Arrival, Buffered, Payload, Read, first_difference
from .segments import SegmentColumns

if TYPE_CHECKING:
    from .reassembly import Reassembler


def insert(
    half: Reassembler,
    low: int,
    data: Payload | None,
    size: int,
    file_offset: int,
    at: Arrival,
) -> tuple[int, int | None]:
    """Buffer what is new in [low, low + size), `data` or bytes that the capture cut off.

    Returns the number of new bytes, and the first offset where `data` differs from what is
    buffered: the segment that came first wins.
    """
    starts, buffer = half.starts, half.buffer
    high, cursor, new, conflict = low + size, max(low, half.next), 0, None
    index = bisect_right(starts, cursor)
    if index and buffer[starts[index - 1]].end > cursor:
        index -= 1
    while cursor < high:
        stop = high
        if index < len(starts):
            piece = buffer[starts[index]]
            if piece.offset <= cursor:
                stop = min(piece.end, high)
                if data is not None and piece.data is not None and conflict is None:
                    mine = data[cursor - low : stop - low]
                    kept = piece.data[cursor - piece.offset : stop - piece.offset]
                    if mine != kept:
                        conflict = cursor + first_difference(mine, kept)
                cursor, index = stop, index + 1
                continue
            stop = min(piece.offset, high)
        part = None if data is None else bytes(data[cursor - low : stop - low])
        item = Buffered(cursor, stop, part, file_offset + cursor - low, at)
        if half.acked >= cursor:
            item.acked = at
        starts.insert(index, cursor)
        buffer[cursor] = item
        half.account(len(part or b""))
        half.budget.segments += 1
        new += stop - cursor
        cursor, index = stop, index + 1
    return new, conflict


def difference(
    segments: SegmentColumns, low: int, payload: Payload, read: Read
) -> tuple[int | None, int]:
    """Return the first stream offset where `payload`, at `low`, is not what was delivered there,
    and the number of segments that this was compared with.

    Delivered bytes are not kept but read from the capture again. None: they are the same, or the
    capture has them no more, or they came in too many segments (`limits.MAX_OVERLAPPED`).
    """
    high, compared = low + len(payload), 0
    for stream, file, length in islice(segments.places(low, high), limits.MAX_OVERLAPPED):
        compared += 1
        start, stop = max(stream, low), min(stream + length, high)
        kept = read(file + start - stream, stop - start)
        mine = payload[start - low : stop - low]
        if len(kept) == len(mine) and mine != kept:
            return start + first_difference(mine, kept), compared
    return None, compared
