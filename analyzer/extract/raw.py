"""A direction's byte stream as it was sent, and when each piece of it came."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, TextIO

from analyzer.covered import blocks
from analyzer.extract.media import File
from analyzer.model import DIRECTIONS

if TYPE_CHECKING:
    from analyzer.extract.folder import Folder
    from analyzer.session import Session

ROWS: Final = 1 << 16
"""Segments made Python numbers at once."""


def write_raw(session: Session, connection: int, direction: int, folder: Folder) -> list[File]:
    """Write the captured bytes of a stream, one after the other, and where and when they were.

    No files for a direction without bytes. The timing has one line per segment: stream offset,
    length, nanoseconds since the capture's first packet, frame number.
    """
    view = session.connections[connection]
    stream = view.tcp_connection.directions[view.sides[direction]]
    if not len(stream.segments):
        return []
    name = f"{view.id}-{DIRECTIONS[direction]}"
    content, timing = f"{name}.bin", f"{name}.timing.json"
    out = folder.open(content)
    for _, data in blocks(session, connection, direction):
        out.write(data)
    _write_timing(session, connection, direction, folder.open_text(timing))
    count = len(stream.segments)
    return [
        File(content, "segments as sent", count, folder.size(content)),
        File(timing, "lines of timing", count, folder.size(timing)),
    ]


def _write_timing(session: Session, connection: int, direction: int, text: TextIO) -> None:
    view = session.connections[connection]
    stream = view.tcp_connection.directions[view.sides[direction]]
    head = {"connection": view.id, "direction": DIRECTIONS[direction], "bytes": stream.length}
    text.write(json.dumps(head)[:-1])
    text.write(',\n"gaps": [')
    text.write(",\n".join(json.dumps(gap._asdict()) for gap in stream.gaps))
    text.write('],\n"columns": ["stream_offset", "length", "time_ns", "frame"],\n"segments": [')
    segments = stream.segments
    columns = (segments.stream_offset, segments.length, segments.time_ns, segments.frame)
    comma = "\n"
    for low in range(0, len(segments), ROWS):
        part = [column[low : low + ROWS].tolist() for column in columns]
        for offset, length, time, frame in zip(*part, strict=True):
            text.write(f"{comma}[{offset}, {length}, {time - session.capture_start_ns}, {frame}]")
            comma = ",\n"
    text.write("\n]}\n")
