"""The chunk reader over pieces of a stream, and what came out of it."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field

from dissectors.chunk_state import Flag
from dissectors.reader import ChunkReader
from tests import unchunker
from tests.dissectors.chunk_builder import Row

FED = 50_000


@dataclass
class Reading:
    """What came out: intact messages, and where the reader locked."""

    rows: list[Row] = field(default_factory=list)
    damaged: list[Row] = field(default_factory=list)
    locks: list[tuple[int, int, str]] = field(default_factory=list)
    """(where the search began, stream offset of the lock, evidence)."""
    searches: list[tuple[int, int]] = field(default_factory=list)
    """Ranges in which no lock was found."""
    bridges: int = 0


def read(
    pieces: Sequence[tuple[int, bytes]],
    *,
    synchronised: bool = False,
    segments: Sequence[int] = (),
) -> Reading:
    """Read `pieces`, (stream offset, bytes) with holes between them."""
    end = pieces[0][0]
    reader = ChunkReader(
        end,
        synchronised=synchronised,
        segment_starts=lambda low, high: segments[
            bisect_left(segments, low) : bisect_left(segments, high)
        ],
    )
    for base, data in pieces:
        if base > end:
            reader.gap(base - end)
        for at in range(0, len(data), FED):
            reader.feed(data[at : at + FED])
        end = base + len(data)
    reader.finish()
    reading, lost = Reading(), None
    for item in reader.take():
        row = Row(
            item.header_offset, item.csid, item.type_id, item.length, item.msid, item.end_offset
        )
        (reading.rows if item.flags & Flag.COMPLETE else reading.damaged).append(row)
    for event in reader.events:
        stop = event.stream_offset + event.length
        if event.code == "lost":
            lost = event.stream_offset
        elif event.code == "bridged":
            reading.bridges += 1
            lost = None
        elif event.code in ("resync", "unreadable"):
            begin, lost = event.stream_offset if lost is None else lost, None
            if event.code == "resync":
                reading.locks.append((begin, stop, event.text))
            else:
                reading.searches.append((begin, stop))
    return reading


def truth(direction: bytes) -> list[Row]:
    """Return the complete messages of a whole direction, handshake included, by the oracle."""
    return [
        Row(m.stream_offset, m.csid, m.type_id, m.length, m.msid, m.end)
        for m in list(unchunker.unchunk(direction))
        if m.complete
    ]
