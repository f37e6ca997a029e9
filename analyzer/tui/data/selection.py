"""Which rows belong to a connection or a stream, in the order of the capture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from dissectors import spec

if TYPE_CHECKING:
    from analyzer.session import Session

Rows = npt.NDArray[np.integer[Any]]
Column = npt.NDArray[Any]

MEDIA: Final = (spec.AUDIO, spec.VIDEO)
MAX_DECODED: Final = 16 << 10
"""Bytes of a command or data message that is decoded for one line of a view."""
COMMANDS: Final = (spec.COMMAND_AMF3, spec.COMMAND_AMF0)


def rows_of(session: Session, connection: int | None = None, **wanted: int) -> Rows:
    """Return rows of a connection (None: all) whose columns have the values, in output order."""
    chosen: Rows = session.messages.sorted(any_order(session, connection, **wanted))
    return chosen


def any_order(session: Session, connection: int | None = None, **wanted: int) -> Rows:
    """Return the same rows as they were found: sorting a million takes half a second."""
    table = session.messages
    if connection is not None:
        wanted["connection"] = connection
    found = [np.zeros(0, np.int64)]
    for rows in table.blocks():  # masks of all at once would be larger than what they choose
        for name, value in wanted.items():
            rows = rows[table.column(name)[rows] == value]
        found.append(rows)
    return np.concatenate(found)


def values(session: Session, rows: Rows, name: str) -> Column:
    """Return a column's values of rows; integers wide enough to calculate with."""
    column = session.messages.column(name)[rows]
    return column if column.dtype.kind == "V" else column.astype(np.int64)


def is_long(session: Session, row: int) -> bool:
    """Whether decoding the message would hold up a line: one of 16 MB of AMF takes a second."""
    if session.value(row, "type_id") in MEDIA:  # of these only the header is read
        return False
    return session.value(row, "length") > MAX_DECODED


def info_of(session: Session, row: int) -> str:
    """Return what a message says, in few words; a body that cannot be decoded costs its text."""
    if is_long(session, row):
        return f"{session.type_name(row)} of {session.value(row, 'length'):,} bytes"
    try:
        return session.info(row)
    except Exception as error:
        return f"[not decoded: {type(error).__name__}]"
