"""Messages counted by type, chunk stream, message stream and direction; TCP below them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from analyzer.model import DIRECTIONS
from analyzer.tui.data.selection import Rows, any_order, values
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
    first_ns: int
    last_ns: int
    filter: str
    """What shows exactly these messages."""

    @property
    def rate(self) -> float:
        """Bits per second between the first and the last of them; 0 where there is no span."""
        span = self.last_ns - self.first_ns
        return self.bytes * 8e9 / span if span > 0 else 0.0

    @property
    def per_second(self) -> float:
        span = self.last_ns - self.first_ns
        return (self.messages - 1) * 1e9 / span if span > 0 else 0.0


@dataclass(frozen=True)
class Section:
    """A table: its title, what its first column is, its lines."""

    title: str
    lines: list[Line]


class Counted(NamedTuple):
    """What is counted of each message."""

    direction: Rows
    length: Rows
    time_ns: Rows


def sections(session: Session, connection: int | None) -> list[Section]:
    """Return all tables of a connection, or of the whole capture."""
    rows = any_order(session, connection)
    here = f"connection == c{connection} && " if connection is not None else ""
    counted = Counted(
        values(session, rows, "direction"),
        values(session, rows, "length"),
        values(session, rows, "time_ns"),
    )
    tables: list[tuple[str, str, str, Callable[[int], str]]] = [
        ("Message types", "type_id", "type_id == {}", type_name),
        ("Chunk streams", "csid", "csid == {}", lambda n: f"csid {n}"),
        ("Message streams", "msid", "msid == {}", lambda n: f"msid {n}"),
        ("First chunk's format", "fmt", "fmt == {}", lambda n: f"fmt {n}"),
    ]
    if connection is None:
        tables.insert(0, ("Connections", "connection", "connection == c{}", lambda n: f"c{n}"))
    return [
        Section(title, _lines(counted, values(session, rows, column), here + condition, name))
        for title, column, condition, name in tables
    ]


def _lines(data: Counted, column: Rows, condition: str, name: Callable[[int], str]) -> list[Line]:
    """Group by one column and the direction; most bytes first."""
    keys = column * 2 + data.direction
    if not len(keys):
        return []
    order = np.argsort(keys, kind="stable")
    found, starts = np.unique(keys[order], return_index=True)
    lengths, times = data.length[order], data.time_ns[order]
    counts = np.diff(np.append(starts, len(keys)))
    columns = [
        counts,
        np.add.reduceat(lengths, starts),
        np.minimum.reduceat(lengths, starts),
        np.maximum.reduceat(lengths, starts),
        np.minimum.reduceat(times, starts),
        np.maximum.reduceat(times, starts),
    ]
    lines = []
    ranked = sorted(range(len(found)), key=lambda place: -int(columns[1][place]))
    for place in ranked[:MAX_LINES]:
        value, direction = divmod(int(found[place]), 2)
        text = f"{condition.format(value)} && direction == {DIRECTIONS[direction]}"
        counted, size, least, most, first, last = (int(item[place]) for item in columns)
        lines.append(Line(name(value), direction, counted, size, least, most, first, last, text))
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
