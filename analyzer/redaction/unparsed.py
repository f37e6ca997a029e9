"""The bytes of a direction's stream that belong to no message, and what is hidden in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import numpy as np

from analyzer.covered import parts
from analyzer.redaction.loose import scrape

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analyzer.redaction.secrets import Secrets
    from analyzer.session import Session

BLOCK: Final = 1 << 20
OVERLAP: Final = 4096
_EDGE: Final = 1024
_FIRST: Final = re.compile(rb"[\x20-\x7e]{4,}")
_LAST: Final = re.compile(rb"[\x20-\x7e]{4,}\Z")


def unparsed(session: Session, connection: int, direction: int) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of the captured stream bytes in no message, without the handshake."""
    table = session.messages
    own = (table.column("connection") == connection) & (table.column("direction") == direction)
    starts, ends = table.column("stream_offset")[own], table.column("end_offset")[own]
    order = np.argsort(starts, kind="stable")
    starts, reach = starts[order], np.maximum.accumulate(ends[order])
    for begin, end in parts(session, connection, direction):
        yield from _between(begin, end, starts, reach)


def _between(
    begin: int, end: int, starts: NDArray[np.int64], reach: NDArray[np.int64]
) -> Iterator[tuple[int, int]]:
    """Yield what of begin … end no range covers; `reach` is how far the ranges so far came."""
    low = int(np.searchsorted(reach, begin, side="right"))
    high = int(np.searchsorted(starts, end, side="left"))
    firsts = np.append(starts[low:high], end)
    lasts = np.append(begin, np.minimum(reach[low:high], end))
    for index in np.flatnonzero(firsts > lasts).tolist():
        yield int(lasts[index]), int(firsts[index])


def search(session: Session, secrets: Secrets) -> None:
    """Register the secrets that stand in no message."""
    for connection in session.connections:
        for direction in (0, 1):
            for start, end in unparsed(session, connection.index, direction):
                for at in range(start, end, BLOCK):
                    size = min(BLOCK + OVERLAP, end - at)
                    scrape(session.stream(connection.index, direction, at, size), secrets)


def edges(session: Session, connection: int, direction: int) -> Iterator[tuple[int, int]]:
    """Yield (start, length) of text right behind and before a hole: what it belongs to is lost."""
    captured = list(parts(session, connection, direction))
    whole = session.connections[connection].from_start
    begins, stops = {begin for begin, _ in captured}, {end for _, end in captured}
    for start, end in unparsed(session, connection, direction):
        size = min(end - start, _EDGE)
        if start in begins and not (whole and start == 0):
            found = _FIRST.match(session.stream(connection, direction, start, size))
            if found:
                yield start, len(found[0])
        if end in stops:
            found = _LAST.search(session.stream(connection, direction, end - size, size))
            if found:
                yield end - len(found[0]), len(found[0])
