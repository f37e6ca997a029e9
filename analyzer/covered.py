"""The parts of a direction's stream that were captured, in blocks: holes can be gigabytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analyzer.session import Session

BLOCK: Final = 1 << 20
DENSE: Final = 8
"""Parts that fill at least such a fraction of the stream between them are read at once."""


def blocks(
    session: Session, connection: int, direction: int, more: int = 0
) -> Iterator[tuple[int, bytes]]:
    """Yield (stream offset, bytes) of what was captured, in order, at most `BLOCK` bytes each.

    Blocks of one captured part begin `BLOCK` bytes apart and each reaches `more` into the next.
    """
    for begin, end in parts(session, connection, direction):
        for at in range(begin, end, BLOCK):
            size = min(BLOCK + more, end - at)
            yield at, session.stream(connection, direction, at, size)


def near(
    session: Session, connection: int, direction: int, spans: Iterable[tuple[int, int]]
) -> Iterator[tuple[int, bytes]]:
    """Yield (stream offset, bytes) of captured (start, end), in order, as the stream has them.

    What stands close together is read at once: it can be as many segments as holes.
    """
    group: list[tuple[int, int]] = []
    wanted = 0
    for start, end in spans:
        size = end - start
        if group and end - group[0][0] > min(BLOCK, DENSE * (wanted + size)):
            yield from _together(session, connection, direction, group)
            group, wanted = [], 0
        group.append((start, end))
        wanted += size
    yield from _together(session, connection, direction, group)


def _together(
    session: Session, connection: int, direction: int, group: list[tuple[int, int]]
) -> Iterator[tuple[int, bytes]]:
    if group:
        low = group[0][0]
        data = session.stream(connection, direction, low, max(end for _, end in group) - low)
        for start, end in group:
            yield start, data[start - low : end - low]


def parts(session: Session, connection: int, direction: int) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of the captured parts of a stream, in order; between them are holes."""
    begins, ends = bounds(session, connection, direction)
    yield from zip(begins.tolist(), ends.tolist(), strict=True)


def bounds(
    session: Session, connection: int, direction: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return starts and ends of the captured parts of a stream, in order."""
    view = session.connections[connection]
    segments = view.tcp_connection.directions[view.sides[direction]].segments
    starts = segments.stream_offset
    ends = starts + segments.length
    if not len(starts):
        return starts, ends
    first = np.flatnonzero(np.append(True, starts[1:] > ends[:-1]))
    last = np.append(first[1:], len(starts)) - 1
    return starts[first], ends[last]
