"""What stands at a place of a direction's stream, or of the capture file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from analyzer.link.headers import MAX_HEADERS, parts_of

if TYPE_CHECKING:
    from analyzer.session import Session

MAX_LOOKED: Final = 64
"""Interleaved messages that are looked into for one byte."""


def row_at(session: Session, connection: int, direction: int, offset: int) -> int | None:
    """Return the message that has a stream byte in one of its chunks."""
    table = session.messages
    count = len(table)
    hits = np.flatnonzero(
        (table.column("stream_offset")[:count] <= offset)
        & (table.column("end_offset")[:count] > offset)
        & (table.column("connection")[:count] == connection)
        & (table.column("direction")[:count] == direction)
    )
    rows: list[int] = hits.tolist()
    for row in rows[:MAX_LOOKED]:
        spans = session.runs(row)
        first = spans.runs[0].stream_offset if spans.runs else offset + 1
        if offset < first or spans.to_body(offset, 1):
            return row
    return rows[0] if len(rows) == 1 else None


def handshake_at(session: Session, connection: int, direction: int, offset: int) -> bool:
    """Whether a stream byte belongs to the handshake."""
    view = session.connections[connection]
    half = view.rtmp.halves[view.sides[direction]]
    return bool(half.skip <= offset < half.skip + len(half.first))


def owner(session: Session, connection: int, direction: int, offset: int) -> str:
    """Name whose a stream byte is; empty where it is nobody's."""
    if handshake_at(session, connection, direction, offset):
        return "the handshake"
    row = row_at(session, connection, direction, offset)
    if row is None:
        return ""
    return f"{session.message_id(row)} {session.type_name(row)}"


def at_file(session: Session, offset: int) -> tuple[int, int, int, int] | None:
    """Return the first payload byte at an offset of the capture file or behind it: file offset,
    connection, direction, stream offset."""
    best: tuple[int, int, int, int] | None = None
    for view in session.connections:
        for direction, side in enumerate(view.sides):
            segments = view.tcp_connection.directions[side].segments
            starts = segments.file_offset
            lengths = segments.length[: len(starts)].astype(np.int64)
            behind = np.flatnonzero(starts + lengths > offset)
            if not len(behind):
                continue
            place = int(behind[np.argmin(starts[behind])])
            start, skip = int(starts[place]), max(offset - int(starts[place]), 0)
            if best is None or start + skip < best[0]:
                at = int(segments.stream_offset[place]) + skip
                best = start + skip, view.index, direction, at
    return best


def row_at_file(session: Session, offset: int) -> int | None:
    """Return the message whose bytes stand at an offset of the capture file, or behind it."""
    found = at_file(session, offset)
    if found is None:
        return None
    _, connection, direction, at = found
    table = session.messages
    ends = table.column("end_offset")
    hits = np.flatnonzero(
        (table.column("connection") == connection)
        & (table.column("direction") == direction)
        & (ends > at)
    )
    return int(hits[np.argmin(ends[hits])]) if len(hits) else None


def told_of_file(session: Session, offset: int) -> str:
    """Say what stands at an offset of the capture file where that is no byte of a message."""
    found = at_file(session, offset)
    if found is None or found[0] == offset:
        return ""
    captures = session.captures
    frame = captures.frame(offset)
    if frame is None:
        return f"no frame has the byte at {offset:#x}; this comes next in the file"
    which = f"frame {frame.number}" if frame.number else "its frame"
    if found[0] >= frame.offset + frame.captured:
        return f"{which} carries no message; this comes next in the file"
    data = captures.pread(frame.offset, min(frame.captured, MAX_HEADERS))
    at = offset - frame.offset
    parts = parts_of(data, frame.link, frame.captured, frame.length)
    inside = next((part for part in parts if part.start <= at < part.start + part.length), None)
    name = "headers" if inside is None else f"{inside.name} header"
    return f"{offset:#x} is in the {name} of {which}, which carries this"
