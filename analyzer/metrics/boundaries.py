"""Where a direction's media clock may begin anew, or was not seen to go on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from analyzer.index import Array
from dissectors import spec
from dissectors.chunk_state import Flag

if TYPE_CHECKING:
    from analyzer.lookup import Lookup

_COMMANDS: Final = frozenset(
    {"publish", "play", "play2", "seek", "closeStream", "deleteStream", "onStatus"}
)
_STREAM_EVENTS: Final = (b"\x00\x00", b"\x00\x01")
"""User Control: Stream Begin, Stream EOF (RTMP 1.0 §7.1.7)."""
_PLAY_STATUS: Final = b"\x02\x00\x0conPlayStatus"
"""Data message of servers at the end of an item of a playlist."""


def boundaries(session: Lookup) -> dict[tuple[int, int], Array]:
    """Return stream offsets by (connection, direction), ascending: of commands that begin or end a
    stream or report on it, of playlist items, and of holes in the capture."""
    found: dict[tuple[int, int], list[int]] = {}
    for connection in session.connections:
        for command in connection.rtmp.commands:
            if command.name in _COMMANDS:
                key = (connection.index, connection.sides.index(command.side))
                found.setdefault(key, []).append(command.end_offset)
        for direction, side in enumerate(connection.sides):
            gaps = connection.tcp_connection.directions[side].gaps
            if len(gaps):
                offsets = (gap.offset for gap in gaps)
                found.setdefault((connection.index, direction), []).extend(offsets)
    for row in _events(session):
        key = (session.value(row, "connection"), session.value(row, "direction"))
        found.setdefault(key, []).append(session.value(row, "end_offset"))
    return {key: np.unique(offsets) for key, offsets in found.items()}


def _events(session: Lookup) -> list[int]:
    table = session.messages
    control = table.of_types(spec.USER_CONTROL)
    data = table.of_types(spec.DATA_AMF0, spec.DATA_AMF3)
    found = []
    for some, length, wanted in (
        (control, 2, _STREAM_EVENTS),
        (data, len(_PLAY_STATUS), (_PLAY_STATUS,)),
    ):
        some = some[table.column("flags")[some] & Flag.COMPLETE != 0]
        heads = table.column("head")[some].tolist()
        found += [
            row for row, head in zip(some.tolist(), heads, strict=True) if head[:length] in wanted
        ]
    return found


def inferred(session: Lookup, rows: Array) -> Array:
    """Return which timestamps rest on bytes not seen."""
    flags = session.messages.column("flags")[rows] & Flag.INFERRED_TIMESTAMP
    return np.asarray(flags != 0)


def changes(mask: Array) -> Array:
    """Return a count that changes where `mask` begins or ends to be true."""
    return np.cumsum(np.diff(mask, prepend=False), dtype=np.int32)
