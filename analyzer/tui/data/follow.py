"""A conversation line by line: what each message says, or its bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from analyzer.tui.data.selection import Column, any_order, is_long, rows_of, values
from analyzer.tui.listings.base import narrow
from dissectors import spec

if TYPE_CHECKING:
    from analyzer.session import Session

SCOPES: Final = ("connection", "message stream", "chunk stream")
SIDES: Final = ("both", "client", "server")
FORMS: Final = ("values", "text", "hex")
PER_LINE: Final = {"text": 64, "hex": 16}
SHOWN: Final = 1024
"""Body bytes shown of one message; Enter leads to all of them."""
SPOKEN: Final = range(spec.DATA_AMF3, spec.COMMAND_AMF0 + 1)
"""Types whose values are worth a line of their own: commands, data, shared objects."""


class Scope(NamedTuple):
    """What is followed: a kind of `SCOPES` and the number of the stream."""

    kind: str
    connection: int
    number: int = 0


@dataclass(frozen=True)
class Conversation:
    """Messages and how many lines each of them takes; lines are made when they are drawn."""

    scope: Scope
    form: str
    rows: Column
    ends: Column
    """Lines up to and with the message."""

    def __len__(self) -> int:
        return int(self.ends[-1]) if len(self.ends) else 0

    def line(self, index: int) -> tuple[int, int]:
        """Return (row, line within the message); line 0 is its title."""
        # Of the same type: of another one, the whole column would be converted.
        place = int(np.searchsorted(self.ends, self.ends.dtype.type(index), side="right"))
        start = int(self.ends[place - 1]) if place else 0
        return int(self.rows[place]), index - start

    def of_row(self, row: int) -> int | None:
        """Return the first line of a message."""
        places = np.flatnonzero(self.rows == row)
        if not len(places):
            return None
        place = int(places[0])
        return int(self.ends[place - 1]) if place else 0


def scope_of(session: Session, kind: str, connection: int, row: int | None) -> Scope:
    """Return the stream of this kind that a message is on (without one: the first media's)."""
    if kind == SCOPES[0]:
        return Scope(kind, connection)
    name = "msid" if kind == SCOPES[1] else "csid"
    if row is not None:
        return Scope(kind, connection, session.messages.value(name, row))
    return Scope(kind, connection, next(iter(numbers(session, kind, connection)), 0))


def numbers(session: Session, kind: str, connection: int) -> list[int]:
    """Return the ids of the streams of a kind on a connection."""
    name = "msid" if kind == SCOPES[1] else "csid"
    found = np.unique(session.messages.column(name)[any_order(session, connection)])
    return [int(number) for number in found]


def conversation(session: Session, scope: Scope, side: str, form: str) -> Conversation:
    """Lay out the messages of a stream, from one side or both."""
    wanted: dict[str, int] = {}
    if scope.kind == SCOPES[1]:
        wanted["msid"] = scope.number
    elif scope.kind == SCOPES[2]:
        wanted["csid"] = scope.number
    if side != SIDES[0]:
        wanted["direction"] = SIDES.index(side) - 1
    rows = rows_of(session, scope.connection, **wanted)
    if form == FORMS[0]:
        lines = 1 + np.isin(values(session, rows, "type_id"), list(SPOKEN))
    else:
        shown = np.minimum(values(session, rows, "received"), SHOWN)
        lines = 1 + -(-shown // PER_LINE[form])
    ends = narrow(np.cumsum(lines, dtype=np.int64))
    return Conversation(scope, form, rows.astype(np.int32), ends)


def values_text(session: Session, row: int) -> str:
    """Return what a command or data message carries, as one line of compact JSON."""
    import json

    found = None if is_long(session, row) else session.summary(row)
    if found is None:
        return ""
    kept = {name: value for name, value in found[1].items() if value not in (None, [], {})}
    return json.dumps(kept, ensure_ascii=False, default=str)[:4096]
