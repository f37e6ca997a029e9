"""What keeps lines out of the list: the filter, marked only, one connection; and lifting it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analyzer.tui.listings.messages import MessageListing
from analyzer.tui.screens.base import Base

if TYPE_CHECKING:
    from analyzer.tui.picker import RowFilter


class Hidings(Base):
    """The part of the main screen that knows why a line is not there."""

    row_filter: RowFilter | None = None
    only_marked: bool = False
    aim: int | None = None
    """The row that is gone to as soon as it is shown."""

    def hidings(self) -> str:
        """Name what keeps lines out of the list now; empty where nothing does."""
        number = self.connections.connection
        found = {
            "the filter": self.row_filter is not None,
            "marked only": self.only_marked,
            f"the choice of c{number}": number is not None,
        }
        return _listed([name for name, is_on in found.items() if is_on])

    def among_shown(self) -> str:
        """Return what to add to "there is none": where it was not looked for."""
        words = self.hidings()
        return f" among the lines shown; {words} may hide some" if words else ""

    def everything(self) -> MessageListing:
        """Return the list with nothing hidden."""
        assert self.snapshot is not None
        extras, order = self.snapshot.extras, self.snapshot.order
        times = self.session.messages.column("time_ns")
        return MessageListing(self.session, extras.merged(order, times[order], None), extras)

    def lift(self, row: int) -> str:
        """Drop what keeps a row out of the list, which is to be picked then; return the words for
        that, empty: nothing."""
        lifted = []
        if self.row_filter is not None and not self._passes_filter(row):
            self.filter_text, self.row_filter = "", None
            lifted.append("the filter")
        if self.only_marked and row not in self.messages.marks:
            self.only_marked = False
            lifted.append("marked only")
        number = self.connections.connection
        if number is not None and number != self._connection_of(row):
            self.connections.choose(None)
            lifted.append(f"the choice of c{number}")
        if not lifted:
            return ""
        again = " (/ ↑ filters again)" if "the filter" in lifted else ""
        return f"was hidden; lifted: {_listed(lifted)}{again}"

    def _passes_filter(self, row: int) -> bool:
        assert self.row_filter is not None
        return row >= 0 and len(self.row_filter.rows(self.session, np.array([row]))) > 0

    def _connection_of(self, row: int) -> int:
        if row >= 0:
            return int(self.session.value(row, "connection"))
        assert self.snapshot is not None
        return self.snapshot.extras[row].connection


def _listed(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
