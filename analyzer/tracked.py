"""A TCP connection that is being read as RTMP, and where its messages went in the index."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from analyzer.index import Array
from analyzer.tcp import TcpConnection
from dissectors.chunk_state import MessageRow
from dissectors.connection import RtmpConnection

if TYPE_CHECKING:
    from analyzer.model import Connection


def segment_starts(connection: TcpConnection, side: int, low: int, high: int) -> list[int]:
    """Return the stream offsets in [low, high) where segments of `side` begin."""
    starts = connection.directions[side].segments.stream_offset
    first, last = starts.searchsorted((low, high))  # numpy's function takes twice as long
    found: list[int] = starts[first:last].tolist()
    return found


class Half:
    """Row numbers of one side's messages, in the order they ended: pieces of consecutive rows."""

    def __init__(self) -> None:
        self.full = False
        """Rows are no longer kept: a limit was hit."""
        self.ordinals = array("q")
        self.rows = array("q")
        self.count = 0

    def append(self, row: int, count: int) -> None:
        # Most pieces only go on: of a live capture there are ten in a second.
        if not self.rows or row - self.rows[-1] != self.count - self.ordinals[-1]:
            self.ordinals.append(self.count)
            self.rows.append(row)
        self.count += count

    def row(self, ordinal: int) -> int:
        piece = bisect_right(self.ordinals, ordinal) - 1
        return self.rows[piece] + ordinal - self.ordinals[piece]


class Tracked:
    """A TCP connection whose bytes are being read as RTMP."""

    def __init__(self, tcp: TcpConnection, rtmp: RtmpConnection) -> None:
        self.tcp = tcp
        self.rtmp = rtmp
        self.view: Connection | None = None
        self.halves = (Half(), Half())


class Ended(NamedTuple):
    """Messages of one side that ended."""

    tracked: Tracked
    side: int
    rows: list[MessageRow]


def places(batch: Sequence[Ended], starts: Array, ends: Array, epoch: int) -> dict[str, Array]:
    """Return the columns that tell where the messages were captured, times from `epoch` on."""
    found, at = [], 0
    for tracked, side, rows in batch:
        stop = at + len(rows)
        columns = tracked.tcp.directions[side].frames(starts[at:stop], ends[at:stop])
        gone = columns[0] < 0  # of an input without end: it was under way for longer than is kept
        if gone.any():
            for column, value in zip(columns, (0, 0, *2 * (tracked.tcp.end_ns,)), strict=True):
                column[gone] = value
        found.append(columns)
        at = stop
    first_frame, last_frame, first_time, last_time = map(np.concatenate, zip(*found, strict=True))
    sizes = [len(rows) for _, _, rows in batch]
    views = [tracked.view.index for tracked, _, _ in batch if tracked.view is not None]
    return {
        "connection": np.repeat(views, sizes),
        "direction": np.repeat([side for _, side, _ in batch], sizes),
        "time_ns": last_time - epoch,
        "first_time_ns": first_time - epoch,
        "first_frame": first_frame,
        "last_frame": last_frame,
    }
