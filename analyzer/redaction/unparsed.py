"""The bytes of a direction's stream that belong to no message, and what is hidden in them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

import numpy as np

from analyzer.covered import bounds, near
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
    begins, stops = bounds(session, connection, direction)
    low = np.searchsorted(reach, begins, side="right")
    high = np.searchsorted(starts, stops, side="left")
    for part in zip(*(each.tolist() for each in (begins, stops, low, high)), strict=True):
        begin, end, first, last = part
        if first >= last:
            yield begin, end
        else:
            yield from _between(begin, end, starts[first:last], reach[first:last])


def _between(
    begin: int, end: int, starts: NDArray[np.int64], reach: NDArray[np.int64]
) -> Iterator[tuple[int, int]]:
    """Yield what of begin … end no range covers; `reach` is how far the ranges so far came."""
    firsts = np.append(starts, end)
    lasts = np.append(begin, np.minimum(reach, end))
    for index in np.flatnonzero(firsts > lasts).tolist():
        yield int(lasts[index]), int(firsts[index])


def search(session: Session, secrets: Secrets) -> None:
    """Register the secrets that stand in no message."""
    for connection in session.connections:
        for direction in (0, 1):
            spans = unparsed(session, connection.index, direction)
            pieces = (
                (at, min(at + BLOCK + OVERLAP, end))
                for start, end in spans
                for at in range(start, end, BLOCK)
            )
            for _, data in near(session, connection.index, direction, pieces):
                if secrets.overflow:
                    return
                scrape(data, secrets)


def edges(session: Session, connection: int, direction: int) -> Iterator[tuple[int, int]]:
    """Yield (start, length) of text right behind and before a hole: what it belongs to is lost."""
    begins, stops = (set(each.tolist()) for each in bounds(session, connection, direction))
    if session.connections[connection].from_start:
        begins.discard(0)
    spans = unparsed(session, connection, direction)
    for at, data in near(session, connection, direction, _ends(spans, begins, stops)):
        if at in begins and (found := _FIRST.match(data)):
            yield at, len(found[0])
        end = at + len(data)
        if end in stops and (found := _LAST.search(data)):
            yield end - len(found[0]), len(found[0])


def _ends(
    spans: Iterable[tuple[int, int]], begins: set[int], stops: set[int]
) -> Iterator[tuple[int, int]]:
    """Yield the first and the last `_EDGE` bytes of what stands beside a hole."""
    for start, end in spans:
        if end - start > _EDGE:
            if start in begins:
                yield start, start + _EDGE
            if end in stops:
                yield end - _EDGE, end
        elif start in begins or end in stops:
            yield start, end
