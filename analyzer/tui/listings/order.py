"""The order of the rows of a capture that goes on: what came is added, nothing is sorted again."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

import numpy as np

from analyzer.index import pages
from analyzer.tui.listings.base import Rows

if TYPE_CHECKING:
    from analyzer.index import MessageTable


class Pile:
    """Row numbers that only become more: what was handed out stays as it is and is not copied."""

    def __init__(self, rows: Rows) -> None:
        self._room = pages(2 * len(rows) + 1024, np.dtype(np.int32))
        self._count = len(rows)
        self._room[: self._count] = rows

    @property
    def rows(self) -> Rows:
        return self._room[: self._count]

    def add(self, more: Rows) -> Pile:
        """Return the pile with `more` on top: this one, or a larger one."""
        count = self._count + len(more)
        if count > len(self._room):
            return Pile(np.concatenate((self.rows, more)))
        self._room[self._count : count] = more
        self._count = count
        return self


class Ordering:
    """Row numbers as `MessageTable.order` returns them, in half the memory."""

    def __init__(self) -> None:
        self._pile = Pile(np.empty(0, np.int32))
        self._seen = 0
        self._first = 0
        """The table's first row when it was sorted last."""

    def of(self, table: MessageTable, *, anew: bool = False) -> Rows:
        """Return the order of the rows there are now; `anew`: times or numbers have changed."""
        seen, self._seen = self._seen, len(table)
        if anew or not seen or table.first != self._first:
            self._first = table.first
            self._pile = Pile(table.order())
        elif self._seen > seen:
            times = table.column("time_ns")
            fresh = np.arange(seen, self._seen)
            rows = self._pile.rows
            # Of two connections, one may be told of later.
            place = bisect_left(rows, int(times[fresh].min()), key=times.item)
            if place == len(rows):
                self._pile = self._pile.add(table.sorted(fresh))
            else:
                late = table.sorted(np.concatenate((rows[place:], fresh)))
                self._pile = Pile(np.concatenate((rows[:place], late)))
        return self._pile.rows
