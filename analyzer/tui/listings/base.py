"""What a listing answers: how many lines, which message a line belongs to, what its cells say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from analyzer.session import Session

Rows = NDArray[np.signedinteger[Any]]
NONE: Final = -(1 << 62)
"""In place of a row: no message belongs to this line."""
Cell = tuple[str, str]
"""(text, name of its style; empty for plain)."""


class Column(NamedTuple):
    """A column that can be shown; `width` counts cells."""

    name: str
    title: str
    text: str
    """What it is, for the dialog that chooses columns."""
    width: int = 6
    right: bool = True


class Listing:
    """Lines drawn by number; nothing is kept per line but integers in arrays."""

    UNIT: ClassVar[str] = "message"
    COLUMNS: ClassVar[Mapping[str, Column]] = {}
    SHOWN: ClassVar[tuple[str, ...]] = ()
    """Columns shown where there is room."""
    SPARE: ClassVar[tuple[str, ...]] = ()
    """Those that go first, in this order, where there is none."""
    LAST: ClassVar[tuple[str, ...]] = ()
    """Those that go then, where the info column would hardly be seen."""
    SORTS: ClassVar[bool] = False
    """Its lines can stand in another order than that of the wire."""
    TELLS_MESSAGE: ClassVar[bool] = False
    """A line's text is that of its message and says nothing of the line itself."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.decimals = 6
        """Digits of seconds that fit."""

    def __len__(self) -> int:
        raise NotImplementedError

    def rows(self, low: int, high: int) -> Rows:
        """Return the message rows of the lines low … high: a number below 0 stands for a line
        without a message (an extra's id, or `NONE`)."""
        raise NotImplementedError

    def row(self, line: int) -> int:
        return int(self.rows(line, line + 1)[0])

    def cell(self, name: str, line: int) -> Cell:
        """Return what column `name` says."""
        raise NotImplementedError

    def info(self, line: int) -> str:
        """Return the last column's text."""
        raise NotImplementedError

    def text(self, line: int) -> str:
        """Return what a search for text looks in."""
        return self.info(line)

    def kind(self, line: int) -> str:
        """Return the style of the info column: `audio`, `video` … (empty: plain)."""
        return ""

    def width(self, name: str, wide: bool) -> int:
        """Return how many cells the column needs."""
        return self.COLUMNS[name].width

    def place(self, row: int, guess: int = 0) -> int | None:
        """Return the first line of a message, trying `guess` first."""
        if 0 <= guess < len(self) and self.row(guess) == row:
            return guess
        hits = np.flatnonzero(self.rows(0, len(self)) == row)
        return int(hits[0]) if len(hits) else None

    @property
    def total(self) -> int:
        """How many numbered lines there are."""
        return len(self)

    def number(self, line: int) -> int | None:
        """Return the number of a line, from 1; None for one that is not counted."""
        return line + 1

    def numbered(self, number: int) -> int | None:
        """Return the line that has this number."""
        return number - 1 if 1 <= number <= len(self) else None

    def prepare(self) -> None:
        """Work out what takes a while and every first look needs. For a worker."""

    def span(self, line: int) -> tuple[int, int] | None:
        """Return the stream bytes (offset, length) of a line that is less than its message."""
        return None


def narrow(values: Rows) -> NDArray[np.unsignedinteger[Any]]:
    """Return numbers from 0 on in the smallest type that holds them."""
    most = int(values.max()) if len(values) else 0
    found: NDArray[np.unsignedinteger[Any]] = values.astype(np.min_scalar_type(most), copy=False)
    return found


def steps(times: NDArray[np.generic]) -> tuple[int, int]:
    """Return the least and the greatest difference between neighbours, 0 at least."""
    found = np.diff(times.astype(np.int64, copy=False))
    return (min(int(found.min()), 0), max(int(found.max()), 0)) if len(found) else (0, 0)


def digits(column: NDArray[np.generic]) -> int:
    """Return how many digits the largest value has."""
    return len(str(int(column.max()))) if len(column) else 1
