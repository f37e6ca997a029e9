"""The parts of a direction's stream that were captured, in blocks: holes can be gigabytes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from analyzer.session import Session

BLOCK: Final = 1 << 20


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


def parts(session: Session, connection: int, direction: int) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of the captured parts of a stream, in order; between them are holes."""
    view = session.connections[connection]
    segments = view.tcp_connection.directions[view.sides[direction]].segments
    starts = segments.stream_offset
    if not len(starts):
        return
    ends = starts + segments.length
    first = np.flatnonzero(np.append(True, starts[1:] > ends[:-1]))
    last = np.append(first[1:], len(starts))
    for low, high in zip(first.tolist(), last.tolist(), strict=True):
        yield int(starts[low]), int(ends[high - 1])
