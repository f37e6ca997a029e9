"""A direction's byte stream as it was sent, and when each piece of it came."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

from analyzer.extract.media import File
from analyzer.model import DIRECTIONS

if TYPE_CHECKING:
    from analyzer.session import Session

BLOCK: Final = 1 << 20


def write_raw(session: Session, connection: int, direction: int, folder: Path) -> list[File]:
    """Write the stream, holes as zeros, and its timing; no files for a direction without bytes.

    The timing has one line per segment: stream offset, length, nanoseconds since the capture's
    first packet, frame number.
    """
    view = session.connections[connection]
    stream = view.tcp_connection.directions[view.sides[direction]]
    if not stream.length:
        return []
    name = f"{view.id}-{DIRECTIONS[direction]}"
    path = folder / f"{name}.bin"
    with path.open("wb") as out:
        for at in range(0, stream.length, BLOCK):
            size = min(BLOCK, stream.length - at)
            out.write(session.stream(connection, direction, at, size))
    segments = stream.segments
    columns = (segments.stream_offset, segments.length, segments.time_ns, segments.frame)
    beside = folder / f"{name}.timing.json"
    with beside.open("w", encoding="utf-8", newline="\n") as text:
        head = {"connection": view.id, "direction": DIRECTIONS[direction], "bytes": stream.length}
        text.write(json.dumps(head)[:-1])
        text.write(',\n"gaps": [')
        gaps = (json.dumps(gap._asdict()) for gap in stream.gaps)
        text.write(",\n".join(gaps))
        text.write('],\n"columns": ["stream_offset", "length", "time_ns", "frame"],\n"segments": [')
        comma = "\n"
        for low in range(0, len(segments), 1 << 16):
            part = [column[low : low + (1 << 16)].tolist() for column in columns]
            for offset, length, time, frame in zip(*part, strict=True):
                when = time - session.capture_start_ns
                text.write(f"{comma}[{offset}, {length}, {when}, {frame}]")
                comma = ",\n"
        text.write("\n]}\n")
    size = path.stat().st_size
    return [
        File(path.name, "bytes as sent", len(segments), size),
        File(beside.name, "their timing", len(segments), beside.stat().st_size),
    ]
