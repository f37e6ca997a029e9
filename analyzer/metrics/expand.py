"""Messages that hold several: aggregates, and Enhanced RTMP messages with many tracks.

Each part becomes an entry of its own, with the head that it would have as a message.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from analyzer.index import Array
from analyzer.media_parts import ex_head, tags, track_spans
from dissectors import spec
from dissectors.messages import media_names as names

if TYPE_CHECKING:
    from analyzer.lookup import Lookup

MAX_EXPANDED: Final = 20_000
"""Messages whose bodies are read for their parts; a few minutes of a stream of aggregates."""
MAX_PARTS: Final = 200_000
"""Their parts; an empty one takes 15 bytes, real messages hold some dozen."""
HEAD: Final = 16
"""Bytes of a part's head."""


class Part(NamedTuple):
    """One message inside a message."""

    row: int
    type_id: int
    timestamp: int
    size: int
    head: bytes
    """`HEAD` bytes, zero-padded."""


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


def _part(row: int, type_id: int, time: int, body: bytes, size: int) -> Part:
    return Part(row, type_id, time, size, body[:HEAD].ljust(HEAD, b"\0"))


def _of_aggregate(row: int, time: int, body: bytes) -> Iterator[Part]:
    """RTMP 1.0 §7.1.6: times count from the first sub-message, which has the aggregate's."""
    for kind, shift, start, length in tags(spec.AGGREGATE, body):
        if kind in (spec.AUDIO, spec.VIDEO):
            stamp = (time + shift) & 0xFFFFFFFF
            yield _part(row, kind, stamp, body[start : start + min(HEAD, length)], length)


def _of_tracks(row: int, type_id: int, time: int, body: bytes) -> Iterator[Part]:
    """E-RTMP v2 "Multitrack": each part is written as a message with one track."""
    control = bytes((body[0], names.ONE_TRACK << 4 | body[1] & 15))
    head = ex_head(body, type_id == spec.VIDEO)
    for track, fourcc, start, length in track_spans(body, head):
        own = control + fourcc + bytes((track,)) + body[start : start + HEAD]
        yield _part(row, type_id, time, own, length + len(control) + len(fourcc) + 1)
