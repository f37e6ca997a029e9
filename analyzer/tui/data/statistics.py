"""Messages counted by type, chunk stream, message stream and direction; TCP below them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from analyzer.model import DIRECTIONS
from analyzer.tui.data.selection import Rows, values
from dissectors.dissect import type_name

if TYPE_CHECKING:
    from analyzer.session import Session


MAX_LINES: Final = 500
"""Lines of one table; chunk stream ids go up to 65,599."""


class Line(NamedTuple):
    """Messages that have something in common."""

    name: str
    direction: int
    messages: int
    bytes: int
    least: int
    """Bytes of the shortest message."""
    most: int
    lasted_ns: int
    """How long their connection lasted, or the capture where they are of several."""
    filter: str
    """What shows exactly these messages."""

    @property
    def rate(self) -> float:
        """Bits per second of that time; 0 where there is none: never of a burst of a few."""
        return self.bytes * 8e9 / self.lasted_ns if self.lasted_ns > 0 else 0.0

    @property
    def per_second(self) -> float:
        return self.messages * 1e9 / self.lasted_ns if self.lasted_ns > 0 else 0.0


@dataclass(frozen=True)
class Section:
    """A table: its title, what its first column is, its lines."""

    title: str
    lines: list[Line]


class Sums:
    """What messages with one value of a column, in one direction, add up to."""

    def __init__(self) -> None:
        self.messages = self.bytes = 0
        self.least = 1 << 63
        self.most = 0

    def add(self, lengths: Rows) -> None:
        self.messages += len(lengths)
        self.bytes += int(lengths.sum())
        self.least = min(self.least, int(lengths.min()))
        self.most = max(self.most, int(lengths.max()))


Table = dict[int, Sums]
"""By the value of a column, times 2, and the direction."""


def sections(session: Session, connection: int | None) -> list[Section]:
    """Return all tables of a connection, or of the whole capture."""
    here = f"connection == c{connection} && " if connection is not None else ""
    tables: list[tuple[str, str, str, Callable[[int], str]]] = [
        ("Message types", "type_id", "type_id == {}", type_name),
        ("Chunk streams", "csid", "csid == {}", lambda n: f"csid {n}"),
        ("Message streams", "msid", "msid == {}", lambda n: f"msid {n}"),
        ("First chunk's format", "fmt", "fmt == {}", lambda n: f"fmt {n}"),
    ]
    if connection is None:
        tables.insert(0, ("Connections", "connection", "connection == c{}", lambda n: f"c{n}"))
    counted: dict[str, Table] = {column: {} for _, column, _, _ in tables}
    for rows in session.messages.blocks():
        if connection is not None:
            rows = rows[session.messages.column("connection")[rows] == connection]
        for column, table in counted.items():
            _count(session, rows, column, table)
    return [
        Section(
            title,
            _lines(counted[column], here + condition, name, _lasted(session, connection, column)),
        )
        for title, column, condition, name in tables
    ]


def _lasted(session: Session, connection: int | None, column: str) -> Callable[[int], int]:
    """Return how long what a value of the column counts could go on, nanoseconds."""
    views = list(session.connections)
    if column == "connection":
        return lambda value: views[value].end_ns - views[value].start_ns
    whole = session.capture.duration_ns
    if connection is not None:
        whole = views[connection].end_ns - views[connection].start_ns
    return lambda _: whole


def _count(session: Session, rows: Rows, column: str, table: Table) -> None:
    """Group some rows by one column and the direction."""
    keys = values(session, rows, column) * 2 + values(session, rows, "direction")
    order = np.argsort(keys, kind="stable")
    found, starts = np.unique(keys[order], return_index=True)
    lengths = np.split(values(session, rows, "length")[order], starts[1:])
    for place, key in enumerate(found.tolist()):
        table.setdefault(key, Sums()).add(lengths[place])


def _lines(
    table: Table, condition: str, name: Callable[[int], str], lasted: Callable[[int], int]
) -> list[Line]:
    """Return the lines of a table; most bytes first."""
    lines = []
    ranked = sorted(table, key=lambda key: (-table[key].bytes, key))
    for key in ranked[:MAX_LINES]:
        value, direction = divmod(key, 2)
        text = f"{condition.format(value)} && direction == {DIRECTIONS[direction]}"
        sums = table[key]
        lines.append(
            Line(name(value), direction, sums.messages, sums.bytes, sums.least, sums.most,
                 lasted(value), text)
        )  # fmt: skip
    return lines


class TcpLine(NamedTuple):
    """TCP below one direction of a connection."""

    connection: str
    direction: int
    segments: int
    bytes: int
    retransmitted: int
    out_of_order: int
    zero_windows: int
    zero_window_ns: int
    missing: int
    round_trips: int
    """How many were measured, from data to its acknowledgement."""
    trip_ns: int | None
    """Their mean."""


def tcp_lines(session: Session, connection: int | None) -> list[TcpLine]:
    """Return the TCP counts of a connection, or of the first ones of the capture."""
    chosen = session.connections if connection is None else [session.connections[connection]]
    lines = []
    for view in chosen[:MAX_LINES]:
        for direction, side in enumerate(view.sides):
            tcp = view.tcp_connection.directions[side]
            stats = tcp.stats
            lines.append(
                TcpLine(
                    view.id,
                    direction,
                    stats.segments,
                    stats.bytes,
                    stats.retransmitted,
                    stats.out_of_order,
                    stats.zero_windows,
                    stats.zero_window_ns,
                    tcp.gaps.missing(),
                    tcp.round_trips.samples,
                    tcp.round_trips.mean_ns,
                )
            )
    return lines
