"""Messages that hold several: aggregates, and Enhanced RTMP messages with many tracks.

Each part becomes an entry of its own, with the head that it would have as a message.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from analyzer.index import Array
from dissectors import spec
from dissectors.messages import media_names as names
from dissectors.messages.media_config import MAX_SUB_MESSAGES
from dissectors.messages.media_head import MAX_TRACKS

if TYPE_CHECKING:
    from analyzer.lookup import Lookup

MAX_EXPANDED: Final = 20_000
"""Messages whose bodies are read for their parts; a few minutes of a stream of aggregates."""
MAX_PARTS: Final = 200_000
"""Their parts; an empty one takes 15 bytes, real messages hold some dozen."""
_SUB_HEADER: Final = 11


class Part(NamedTuple):
    """One message inside a message."""

    row: int
    type_id: int
    timestamp: int
    size: int
    head: bytes
    """16 bytes, zero-padded."""


def has_many_tracks(kind: Array, head: Array) -> Array:
    """Return a mask of the messages whose header says that several tracks follow.

    A ModEx in front hides it: such a message counts by its first track.
    """
    first, control = head[:, 0], head[:, 1]
    video = (kind == spec.VIDEO) & (first >= 0x80) & (first & 15 == names.VIDEO_MULTITRACK)
    audio = (kind == spec.AUDIO) & (first == names.EX_AUDIO << 4 | names.AUDIO_MULTITRACK)
    many = (control >> 4 != names.ONE_TRACK) & (control >> 4 <= names.MANY_CODECS)
    return np.asarray((video | audio) & many)


def parts(session: Lookup, rows: Array) -> tuple[list[Part], Array]:
    """Read the parts of some messages; also return the messages that were left out."""
    found: list[Part] = []
    for number, row in enumerate(rows[:MAX_EXPANDED].tolist()):
        if len(found) >= MAX_PARTS:
            return found, rows[number:]
        type_id, time = session.value(row, "type_id"), session.value(row, "timestamp")
        body, missing = session.body(row)
        if missing:
            continue
        if type_id == spec.AGGREGATE:
            found += _of_aggregate(row, time, body)
        else:
            found += _of_tracks(row, type_id, time, body)
    return found, rows[MAX_EXPANDED:]


def _part(row: int, type_id: int, time: int, body: bytes, size: int | None = None) -> Part:
    head = body[:16].ljust(16, b"\0")
    return Part(row, type_id, time, len(body) if size is None else size, head)


def _of_aggregate(row: int, time: int, body: bytes) -> Iterator[Part]:
    """RTMP 1.0 §7.1.6: times count from the first sub-message, which has the aggregate's."""
    position, first = 0, None
    for _ in range(MAX_SUB_MESSAGES):
        start = position + _SUB_HEADER
        if start > len(body):
            return
        end = start + int.from_bytes(body[position + 1 : position + 4], "big")
        if end > len(body):
            return
        stamp = int.from_bytes(body[position + 4 : position + 7], "big") | body[position + 7] << 24
        first = stamp if first is None else first
        if body[position] in (spec.AUDIO, spec.VIDEO):
            data = body[start:end]
            yield _part(row, body[position], (time + stamp - first) & 0xFFFFFFFF, data)
        position = end + 4


def _of_tracks(row: int, type_id: int, time: int, body: bytes) -> Iterator[Part]:
    """E-RTMP v2 "Multitrack": each part is written as a message with one track."""
    many_codecs = body[1] >> 4 == names.MANY_CODECS
    control = bytes((body[0], names.ONE_TRACK << 4 | body[1] & 15))
    position, fourcc = 2, b""
    for _ in range(MAX_TRACKS):
        if many_codecs or not fourcc:
            fourcc = body[position : position + 4]
            position += 4
        if position + 4 > len(body):
            return
        size = int.from_bytes(body[position + 1 : position + 4], "big")
        start = position + 4
        head = control + fourcc + body[position : position + 1] + body[start : start + 16]
        yield _part(row, type_id, time, head, min(size, len(body) - start) + 7)
        position = start + size
