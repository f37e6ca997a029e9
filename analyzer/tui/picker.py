"""Which lines are shown: connection, filter, marks, order and unit make a listing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from analyzer.tui.listings.base import Listing, Rows
from analyzer.tui.listings.extras import Extras
from analyzer.tui.listings.messages import MessageListing

if TYPE_CHECKING:
    from analyzer.session import Session

SLICE: Final = 16384
"""Rows filtered between two looks at the cancel flag."""
SLOW_SLICE: Final = 256
"""The same where bodies must be decoded: quitting waits for one slice."""
MAX_TEXTS: Final = 50_000
"""Messages sorted by info at most: every text must be made."""
UNITS: Final = ("message", "chunk", "segment")


class RowFilter(Protocol):
    """What `analyzer.filters.compile` returns."""

    @property
    def decodes(self) -> bool: ...

    def rows(self, session: Session, rows: Rows) -> Rows: ...


class Sorting(NamedTuple):
    """A column of the message list; time is the order of the capture."""

    column: str = "time"
    reverse: bool = False


class Request(NamedTuple):
    """What somebody wants to see."""

    unit: str = UNITS[0]
    connection: int | None = None
    row_filter: RowFilter | None = None
    sorting: Sorting = Sorting()
    marked: frozenset[int] | None = None
    """Only these rows; None: all."""

    @property
    def quick(self) -> bool:
        """True when the answer takes no time."""
        return self == Request()


class Picker:
    """Answers requests; remembers the filter's verdict on rows it has already judged."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._judged: tuple[RowFilter, NDArray[np.bool_]] | None = None
        self._last: tuple[Request, Rows, MessageListing] | None = None
        """What was asked for last, the rows of it and how they were listed."""

    def forget(self) -> None:
        """Judge all rows anew (indexing ended: names and diagnostics are complete)."""
        self._judged = self._last = None

    def pick(
        self, order: Rows, extras: Extras, request: Request, cancelled: Callable[[], bool]
    ) -> Listing | None:
        """Return the listing of those rows of `order` that pass; None when cancelled."""
        table, connection = self._session.messages, request.connection
        if connection is not None:
            order = order[table.column("connection")[order] == connection]
        if request.row_filter is not None:
            mask = self._mask(
                request.row_filter, int(order.max()) + 1 if len(order) else 0, cancelled
            )
            if mask is None:
                return None
            order = order[mask[order]]
        everything = request.row_filter is None and request.marked is None
        if request.marked is not None:
            order = order[np.isin(order, np.fromiter(request.marked, np.int64))]
        if request.unit != UNITS[0]:
            return self._finer(order, request, everything)
        if not everything:
            return self._sorted(MessageListing(self._session, order, extras), request.sorting)
        listing = self._longer(order, extras, request)
        if listing is None:
            lines = extras.merged(order, table.column("time_ns")[order], connection)
            listing = MessageListing(self._session, lines, extras)
        self._last = (request, order, listing) if request.sorting == Sorting() else None
        return self._sorted(listing, request.sorting)

    def _longer(self, order: Rows, extras: Extras, request: Request) -> MessageListing | None:
        """Return the last listing with what came since; None where more than that changed."""
        if self._last is None:
            return None
        asked, before, listing = self._last
        count = len(before)
        if asked != request or not count or listing.extras.items != extras.items:
            return None
        if len(order) < count:
            return None
        same = order.base is not None and order.base is before.base  # a pile's
        if not same and not np.array_equal(order[:count], before):
            return None
        more = order[count:]
        if len(more) and extras.latest >= self._session.value(int(more[0]), "time_ns"):
            return None
        return listing.longer(more)

    def _finer(self, order: Rows, request: Request, everything: bool) -> Listing:
        if request.unit == "chunk":
            from analyzer.tui.listings.chunks import ChunkListing

            return ChunkListing(self._session, order)
        from analyzer.tui.listings.segments import SegmentListing

        return SegmentListing(self._session, order, request.connection, everything)

    def _sorted(self, listing: MessageListing, sorting: Sorting) -> MessageListing:
        if sorting == Sorting():
            return listing
        keys = None if self.too_many(listing, sorting) else listing.keys(sorting.column)
        if keys is None:
            return listing
        if sorting.reverse:  # equal ones stay in the order of the capture
            places = len(keys) - 1 - np.argsort(keys[::-1], kind="stable")[::-1]
        else:
            places = np.argsort(keys, kind="stable")
        return MessageListing(self._session, listing.numbers[places], listing.extras)

    def too_many(self, listing: Listing, sorting: Sorting) -> str:
        """Say why a listing cannot be sorted so; empty when it can."""
        if sorting.column != "info" or len(listing) <= MAX_TEXTS:
            return ""
        return f"more than {MAX_TEXTS:,} lines cannot be sorted by info; filter them first"

    def _mask(
        self, row_filter: RowFilter, count: int, cancelled: Callable[[], bool]
    ) -> NDArray[np.bool_] | None:
        mask = np.zeros(count, dtype=np.bool_)
        seen = 0
        judged = self._judged
        if judged is not None and judged[0] is row_filter:
            seen = min(len(judged[1]), count)
            mask[:seen] = judged[1][:seen]
        step = SLOW_SLICE if row_filter.decodes else SLICE
        for start in range(seen, count, step):
            if cancelled():
                return None
            rows = np.arange(start, min(start + step, count), dtype=np.int64)
            mask[row_filter.rows(self._session, rows)] = True
        if judged is None or judged[0] is not row_filter or len(judged[1]) < count:
            self._judged = (row_filter, mask)
        return mask
