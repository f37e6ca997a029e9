"""Where a filter field's values come from, and what a comparison asks of them.

A field gives every row none, one or several values. `Values.any_match` tells the rows where one of
them passes a test, `Values.present` the rows that have one. Both are arrays of bool, one per row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from analyzer.session import Session

Mask = npt.NDArray[np.bool_]
Array = npt.NDArray[Any]

_DENSE: Final = 1 << 16
"""Codes up to here are looked up through a table by code, others are sorted."""


class Test(Protocol):
    """One comparison with its literal."""

    def one(self, value: Any) -> bool:
        """Does a single value pass?"""
        ...

    def many(self, column: Array) -> Mask:
        """Which numbers of a column pass? Asked of number fields only."""
        ...


class View:
    """Some rows of a session's message table; columns are cut to them on demand."""

    def __init__(self, session: Session, rows: Array) -> None:
        self.session = session
        self.rows = rows
        self._columns: dict[str, Array] = {}

    def __len__(self) -> int:
        return len(self.rows)

    def column(self, name: str) -> Array:
        """Return a column's values for the rows."""
        if name not in self._columns:
            self._columns[name] = self.session.messages.column(name)[self.rows]
        return self._columns[name]


class Values(Protocol):
    """A source of values. `cost` orders the operands of `and` and `or`: cheap ones first."""

    cost: int

    def any_match(self, view: View, test: Test) -> Mask: ...

    def present(self, view: View) -> Mask: ...


class Numbers:
    """Integers computed from columns: one array per value that a row has.

    `where` limits the rows that have the field at all.
    """

    cost = 0

    def __init__(
        self,
        *columns: str | Callable[[View], Array],
        where: Callable[[View], Mask] | None = None,
    ) -> None:
        self.columns = columns
        self.where = where

    def any_match(self, view: View, test: Test) -> Mask:
        found = np.zeros(len(view), bool)
        for column in self.columns:
            found |= test.many(view.column(column) if isinstance(column, str) else column(view))
        return found & self.where(view) if self.where else found

    def present(self, view: View) -> Mask:
        return self.where(view) if self.where else np.ones(len(view), bool)


class Frames:
    """The frames that carry a message: ``==`` and ``in`` match any of them, order the last."""

    cost = 0

    def any_match(self, view: View, test: Test) -> Mask:
        bounds: tuple[int | float, int | float] | None = getattr(test, "bounds", None)
        if bounds is None:
            return test.many(view.column("last_frame"))
        low, high = bounds
        overlap: Mask = (view.column("first_frame") <= high) & (view.column("last_frame") >= low)
        return overlap

    def present(self, view: View) -> Mask:
        return np.ones(len(view), bool)


class Coded:
    """Values that depend on a small code only; each code is tested once.

    `values(session, code, row)` gets one row that has the code.
    """

    cost = 1

    def __init__(
        self,
        code: str | Callable[[View], Array],
        values: Callable[[Session, int, int], Iterable[Any]],
    ) -> None:
        self.code = code
        self.values = values

    def any_match(self, view: View, test: Test) -> Mask:
        return self._map(view, lambda values: any(test.one(value) for value in values))

    def present(self, view: View) -> Mask:
        return self._map(view, lambda values: any(value is not None for value in values))

    def _map(self, view: View, decide: Callable[[Iterable[Any]], bool]) -> Mask:
        codes = view.column(self.code) if isinstance(self.code, str) else self.code(view)
        if not len(codes):
            return np.zeros(0, bool)

        def answer(code: int, position: int) -> bool:
            return decide(self.values(view.session, code, int(view.rows[position])))

        if int(codes.min()) >= 0 and int(codes.max()) < _DENSE:
            table = np.zeros(int(codes.max()) + 1, bool)
            for code in np.flatnonzero(np.bincount(codes)).tolist():
                table[code] = answer(code, int(np.argmax(codes == code)))
            return table[codes]
        distinct, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
        pairs = zip(distinct.tolist(), first.tolist(), strict=True)
        answers = np.array([answer(code, position) for code, position in pairs], bool)
        return answers[inverse]


class PerRow:
    """Values that only decoding tells; asked row by row, of rows of the given types only."""

    cost = 9

    def __init__(
        self,
        values: Callable[[Session, int], Iterable[Any]],
        types: Iterable[int] | None = None,
    ) -> None:
        self.values = values
        self.types = None if types is None else tuple(types)

    def any_match(self, view: View, test: Test) -> Mask:
        return self._map(view, lambda values: any(test.one(value) for value in values))

    def present(self, view: View) -> Mask:
        return self._map(view, lambda values: any(value is not None for value in values))

    def _map(self, view: View, decide: Callable[[Iterable[Any]], bool]) -> Mask:
        found = np.zeros(len(view), bool)
        if self.types is None:
            places = np.arange(len(view))
        else:
            places = np.flatnonzero(np.isin(view.column("type_id"), self.types))
        for place, row in zip(places.tolist(), view.rows[places].tolist(), strict=True):
            found[place] = decide(self.values(view.session, row))
        return found
