"""Searching a long list: only those lines are looked at that can hold what is looked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from analyzer.tui.listings.base import Listing, Rows
from analyzer.tui.listings.times import composition
from dissectors import spec
from dissectors.chunk_state import Flag

if TYPE_CHECKING:
    from analyzer.session import Session
    from analyzer.tui.search import Needle

BLOCK: Final = 8192
"""Lines narrowed down at once; between two of them the interface asks whether to go on."""
REGION: Final = 4 << 20
"""Bytes of a stream searched at once."""
CLOSE: Final = 8
"""Messages are searched together that make up this part of the bytes they stand in, or more."""
OFTEN: Final = 64
"""Lines looked at between two questions whether to go on."""
LONG_HEADER: Final = 8
"""Bytes of the longest media header that says all a list shows; a body that is no longer is read
by itself."""

Lines = NDArray[np.int64]
Narrow = Callable[["Hunt", int, int], Lines]
"""Return those of the lines low … high that can hold the needle, ascending."""


class Hunt:
    """One search through a listing; runs in a worker."""

    def __init__(self, session: Session, listing: Listing, needle: Needle) -> None:
        self.session = session
        self.listing = listing
        self.needle = needle
        self._verdicts: dict[tuple[int, int], bool | None] = {}
        """Kind of media header → whether its text holds the needle; None: each line has its own."""

    def run(self, start: int, step: int, go_on: Callable[[float], bool]) -> int | None:
        """Return the nearest line behind `start` that fits, going round at the end.

        `go_on` is asked now and then, given the share searched; False ends the search.
        """
        count, searched = len(self.listing), 0
        if not count:
            return None
        for low, high in _blocks(count, start, step):
            if not go_on(searched / count):
                return None
            for number, line in enumerate(self._candidates(low, high)[::step].tolist()):
                if number % OFTEN == OFTEN - 1 and not go_on(searched / count):
                    return None
                if self.fits(line):
                    return int(line)
            searched += high - low
        return None

    def _candidates(self, low: int, high: int) -> Lines:
        try:
            return self.needle.narrow(self, low, high)
        except Exception:  # then every line is looked at
            return np.arange(low, high)

    def fits(self, line: int) -> bool:
        try:
            return self.needle.test(self.session, self.listing, line)
        except Exception:  # a message that cannot be decoded does not hold what is looked for
            return False

    def rows(self, low: int, high: int) -> Rows:
        return self.listing.rows(low, high).astype(np.int64)

    # Text of the info column

    def by_text(self, low: int, high: int) -> Lines:
        """Frames with equal headers have equal texts: one of each kind is looked at."""
        lines = np.arange(low, high)
        if not self.listing.TELLS_MESSAGE:
            return lines
        rows = self.rows(low, high)
        keys, place = _kinds(self.session, rows)
        alone = np.flatnonzero(keys[:, 0] < 0)
        keep = np.zeros(len(keys), dtype=np.bool_)
        keep[alone] = True
        for number in np.flatnonzero(keys[:, 0] >= 0).tolist():
            key = int(keys[number, 0]), int(keys[number, 1])
            if key not in self._verdicts:
                line = low + int(np.argmax(place == number))
                self._verdicts[key] = self._verdict(line, int(rows[line - low]))
            keep[number] = self._verdicts[key] is not False
        return lines[keep[place]]

    def _verdict(self, line: int, row: int) -> bool | None:
        names = ("connection", "direction", "length", "flags", "stream_offset")
        values = [self.session.value(row, name) for name in names]
        head = self.session.messages.column("head")[row].tobytes()
        shared = self.session.frame(self.session.value(row, "type_id"), head, *values)
        return None if shared is None else self.fits(line)

    # Bytes of bodies

    def by_bytes(self, low: int, high: int, *, wanted: bytes, fold: bool) -> Lines:
        """Messages of one chunk stand in the stream as they are: it is searched as a whole."""
        rows = self.rows(low, high)
        table = self.session.messages
        keep = np.ones(len(rows), dtype=np.bool_)
        keep[rows < 0] = False
        if table.endless:  # what stands in the stream may be gone, and kept elsewhere
            return low + np.flatnonzero(keep)
        real = np.flatnonzero(keep)
        plain = (table.column("chunks")[rows[real]] == 1) & (
            table.column("flags")[rows[real]] & Flag.COMPLETE != 0
        )
        single = real[plain]
        keep[single] = False
        sides = table.column("connection")[rows[single]].astype(np.int64) * 2
        sides += table.column("direction")[rows[single]]
        for side in np.unique(sides).tolist():
            own = single[sides == side]
            own = own[np.argsort(table.column("stream_offset")[rows[own]], kind="stable")]
            keep[own] = self._in_stream(side, rows[own], wanted, fold)
        return low + np.flatnonzero(keep)

    def _in_stream(self, side: int, rows: Rows, wanted: bytes, fold: bool) -> NDArray[np.bool_]:
        """Say of messages, in the order of the stream, which can hold `wanted`."""
        table = self.session.messages
        starts, ends = table.column("stream_offset")[rows], table.column("end_offset")[rows]
        found = np.zeros(len(rows), dtype=np.bool_)
        filled = np.concatenate(([0], np.cumsum(ends - starts)))
        first = 0
        while first < len(rows):
            last = max(int(np.searchsorted(ends, starts[first] + REGION)), first + 1)
            size = int(ends[last - 1] - starts[first])
            if size > CLOSE * int(filled[last] - filled[first]):
                found[first:last] = True
            else:
                data = self.session.stream(side // 2, side % 2, int(starts[first]), size)
                at = np.fromiter(_places(data, wanted, fold), np.int64) + starts[first]
                hits = np.searchsorted(starts, at, side="right") - 1
                found[hits[at < ends[hits]]] = True
            first = last
        return found


def _blocks(count: int, start: int, step: int) -> Iterator[tuple[int, int]]:
    """Yield (first line, line behind the last one), the nearest ones first, all lines once; the
    line `start` itself is the last."""
    if step > 0:
        ahead = ((low, min(low + BLOCK, count)) for low in range(start + 1, count, BLOCK))
        behind = ((low, min(low + BLOCK, start + 1)) for low in range(0, start + 1, BLOCK))
        return chain(ahead, behind)
    ahead = ((max(high - BLOCK, 0), high) for high in range(start, 0, -BLOCK))
    behind = ((max(high - BLOCK, start), high) for high in range(count, start, -BLOCK))
    return chain(ahead, behind)


def _kinds(session: Session, rows: Rows) -> tuple[Rows, Rows]:
    """Return the kinds of messages among `rows`, a pair of numbers, and which one each is.

    Equal codes stand for headers that say the same; one below 0 for messages looked at each.
    """
    from analyzer.filters import media_heads
    from analyzer.filters.values import View

    code, more = np.full(len(rows), -1, np.int64), np.zeros(len(rows), np.int64)
    real = np.flatnonzero(rows >= 0)
    view = View(session, rows[real])
    types = view.column("type_id")
    for type_id, by_config in ((spec.VIDEO, True), (spec.AUDIO, False)):
        codes = media_heads.header_codes(view, type_id, by_config)
        mine = (codes > 0) & (types == type_id) & (view.column("length") > LONG_HEADER)
        code[real[mine]] = codes[mine]
    more[real] = composition(types, view.column("head")) * 2 + (types == spec.AUDIO)
    more[code < 0] = 0
    kinds, place = np.unique(np.stack((code, more), axis=1), axis=0, return_inverse=True)
    return kinds, place.reshape(-1)


def _places(data: bytes, wanted: bytes, fold: bool) -> Iterator[int]:
    """Yield where `wanted` begins in `data`; `fold`: capital letters are small ones."""
    if fold:
        data, wanted = data.lower(), wanted.lower()
    at = data.find(wanted)
    while at >= 0:
        yield at
        at = data.find(wanted, at + 1)
