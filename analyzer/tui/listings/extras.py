"""Lines of the message list that are no messages: handshakes and gaps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzer.tui.listings.base import Rows
from dissectors import spec

if TYPE_CHECKING:
    from analyzer.model import Connection
    from analyzer.session import Session

C0C1: Final = 1 + spec.HANDSHAKE_SIZE
MAX_GAPS: Final = 10_000
"""Gaps listed; the list names those that are not."""
REASONS: Final = {
    "not_captured": "not in the capture, though the receiver got them",
    "lost": "lost on the way and sent again outside the capture",
    "never_delivered": "never delivered",
    "snaplen": "cut by the capture's snap length",
    "unknown": "missing; why is not known",
}


class Extra(NamedTuple):
    """A line between messages; `start` and `length` are bytes of its direction's stream."""

    kind: str
    """`handshake` or `gap`."""
    part: str
    """Of a handshake ``C0+C1``, ``S0+S1+S2``, ``C2``; of a gap its text."""
    connection: int
    direction: int
    start: int
    length: int
    frame: int
    time_ns: int

    @property
    def name(self) -> str:
        """What it is called beside its kind."""
        return self.part if self.kind == "handshake" else f"at stream offset {self.start:,}"


class Extras:
    """All extras. Extra number n is row -1 - n of the list."""

    def __init__(self, items: list[Extra], more: int = 0) -> None:
        self.items = items
        self.more = more
        """Gaps beyond `MAX_GAPS`."""
        self._columns = {
            "connection": self._column("connection"),
            "direction": self._column("direction"),
            "time_ns": self._column("time_ns"),
            "first_frame": self._column("frame"),
            "last_frame": self._column("frame"),
            "stream_offset": self._column("start"),
            "length": self._column("length"),
        }

    def _column(self, name: str) -> Rows:
        return np.array([getattr(item, name) for item in self.items], dtype=np.int64)

    @property
    def latest(self) -> int:
        """The time of the last one; below 0 where there is none."""
        return max((item.time_ns for item in self.items), default=-1)

    def __getitem__(self, row: int) -> Extra:
        return self.items[-1 - row]

    def __contains__(self, row: int) -> bool:
        return 0 < -row <= len(self.items)

    def take(self, name: str, column: NDArray[np.generic], rows: Rows) -> NDArray[np.generic]:
        """Return `column` at `rows`, the extras' own values (0 where they have none) included."""
        if not len(rows) or int(rows.min()) >= 0:
            return column[rows]
        out = np.zeros(len(rows), dtype=np.int64)
        real = rows >= 0
        out[real] = column[rows[real]]
        if name in self._columns:
            out[~real] = self._columns[name][-1 - rows[~real]]
        return out

    def merged(self, order: Rows, times: NDArray[np.int64], connection: int | None) -> Rows:
        """Return `order` with the extras of `connection` (None: all) at their times.

        `times` belongs to `order`; an extra stands before the messages of the same time.
        """
        own = self._columns["connection"]
        chosen = (
            np.flatnonzero(own == connection) if connection is not None else np.arange(len(own))
        )
        if not len(chosen):
            return order
        chosen = chosen[np.argsort(self._columns["time_ns"][chosen], kind="stable")]
        places = np.searchsorted(times, self._columns["time_ns"][chosen])
        merged: Rows = np.insert(order, places, -1 - chosen)
        return merged


class Gatherer:
    """Finds the extras while a capture is indexed; a whole handshake is looked at once."""

    def __init__(self) -> None:
        self._handshakes: dict[int, tuple[Connection, list[Extra]]] = {}

    def gather(self, session: Session) -> Extras:
        """Return what is there so far. Runs in the thread that indexes."""
        if session.done:
            self._handshakes.clear()  # sides and numbers are final only now
        items: list[Extra] = []
        gaps: list[Extra] = []
        more = 0
        for connection in session.connections:
            items += self._handshake(session, connection)
            for direction, side in enumerate(connection.sides):
                stream = connection.tcp_connection.directions[side]
                room = min(len(stream.gaps), MAX_GAPS - len(gaps))
                gaps += _gaps(session, connection, direction, room)
                more += len(stream.gaps) - room
        return Extras(items + gaps, more)

    def _handshake(self, session: Session, connection: Connection) -> list[Extra]:
        known = self._handshakes.get(id(connection))
        if known is not None and known[0] is connection:
            return known[1]
        found: list[Extra] = []
        halves = [connection.rtmp.halves[side] for side in connection.sides]
        for direction, half in enumerate(halves):
            size = len(half.first)
            parts = [("S0+S1+S2", 0, size)]
            if not direction:
                parts = [("C0+C1", 0, min(size, C0C1)), ("C2", C0C1, size - C0C1)]
            for part, start, length in parts:
                if length > 0:
                    start += half.skip
                    frame, time_ns = _last(session, connection, direction, start, length)
                    found.append(
                        Extra("handshake", part, connection.index, direction, start, length, frame,
                              time_ns)
                    )  # fmt: skip
        if all(half.handshake_complete for half in halves):
            self._handshakes[id(connection)] = (connection, found)
        return found


def _last(
    session: Session, connection: Connection, direction: int, start: int, length: int
) -> tuple[int, int]:
    """Return frame and time of the last captured byte."""
    stream = connection.tcp_connection.directions[connection.sides[direction]]
    _, frame, _, time_ns = stream.frames(np.array([start]), np.array([start + length]))
    if int(frame[0]) < 0:
        return 0, connection.start_ns
    return int(frame[0]), int(time_ns[0]) - session.capture_start_ns


def _gaps(session: Session, connection: Connection, direction: int, count: int) -> list[Extra]:
    """Return the first `count` gaps of a direction, at the time of the bytes behind each."""
    stream = connection.tcp_connection.directions[connection.sides[direction]]
    gaps = [stream.gaps[index] for index in range(count)]
    if not gaps:
        return []
    ends = np.array([gap.offset + gap.length for gap in gaps], dtype=np.int64)
    frame, _, time_ns, _ = stream.frames(ends, ends + 1)
    out = []
    for index, gap in enumerate(gaps):
        text = f"{gap.length:,} bytes {REASONS.get(gap.reason, gap.reason)}"
        seen = int(frame[index]) >= 0
        when = int(time_ns[index]) - session.capture_start_ns if seen else connection.end_ns
        out.append(
            Extra("gap", text, connection.index, direction, gap.offset, gap.length,
                  gap.first_frame, when)
        )  # fmt: skip
    return out
