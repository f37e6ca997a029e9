"""Message streams that carry media, and their whole messages in the order of arrival."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from analyzer.media_parts import tags
from analyzer.model import DIRECTIONS
from dissectors import spec
from dissectors.chunk_state import Flag

if TYPE_CHECKING:
    from analyzer.index import Array
    from analyzer.session import Session

MEDIA: Final = (spec.AUDIO, spec.VIDEO, spec.AGGREGATE)
DATA: Final = (spec.DATA_AMF0, spec.DATA_AMF3)
MAX_STREAMS: Final = 1_000
"""Streams written from one capture: each becomes files, and a message stream id is 4 bytes."""
MAX_LEFT_OUT: Final = 1_000
"""Messages named as left out of one stream; the others are counted."""
KINDS: Final = {spec.AUDIO: "audio", spec.VIDEO: "video", spec.AGGREGATE: "aggregate"}


class Piece(NamedTuple):
    """An audio, video or script tag with the time to be written."""

    type_id: int
    timestamp: int
    """Milliseconds, mod 2^32."""
    body: bytes
    row: int


@dataclass
class MediaStream:
    """The messages of one connection, direction and message stream id."""

    connection: int
    direction: int
    msid: int
    rows: list[int]
    """In the order in which the sender ended them: what is sent again arrives late."""
    left_out: list[dict[str, Any]] = field(default_factory=list)
    left_out_count: int = 0
    notes: dict[str, int] = field(default_factory=dict)
    """What is wrong with the media, and how often."""

    @property
    def name(self) -> str:
        """How its files begin: ``c0-c2s-1``."""
        return f"c{self.connection}-{DIRECTIONS[self.direction]}-{self.msid}"

    def note(self, text: str) -> None:
        self.notes[text] = self.notes.get(text, 0) + 1

    def leave_out(self, session: Session, row: int, reason: str) -> None:
        self.left_out_count += 1
        if len(self.left_out) < MAX_LEFT_OUT:
            self.left_out.append(
                {
                    "message": session.message_id(row),
                    "type": session.type_name(row),
                    "timestamp": session.value(row, "timestamp"),
                    "length": session.value(row, "length"),
                    "reason": reason,
                    "missing": session.missing(row),
                }
            )

    def pieces(self, session: Session, shift: int) -> Iterator[Piece]:
        """Yield the tags of whole messages, `shift` milliseconds later than they were sent.

        What a gap damaged is left out and noted, never patched up.
        """
        for row in self.rows:
            body = session.body(row)
            if body.missing or not session.value(row, "flags") & Flag.COMPLETE:
                self.leave_out(session, row, "damaged by a gap")
                continue
            if not body.data:
                continue
            time = session.value(row, "timestamp") + shift
            for tag in tags(session.value(row, "type_id"), body.data):
                data = body.data[tag.start : tag.start + tag.length]
                if data:
                    yield Piece(tag.type_id, (time + tag.time) & 0xFFFFFFFF, data, row)


def media_streams(session: Session, rows: Array) -> tuple[list[MediaStream], int]:
    """Return the streams with media among `rows`, and how many were one too many."""
    table = session.messages
    kind = table.column("type_id")[rows]
    rows = rows[np.isin(kind, MEDIA + DATA)]
    keys = [table.column(name)[rows] for name in ("msid", "direction", "connection")]
    order = np.lexsort((table.column("end_offset")[rows], *keys))
    found: list[MediaStream] = []
    too_many = 0
    for part in _runs(rows[order], [key[order] for key in keys]):
        row = int(part[0])
        if not np.isin(table.column("type_id")[part], MEDIA).any():
            continue
        if len(found) >= MAX_STREAMS:
            too_many += 1
            continue
        names = ("connection", "direction", "msid")
        where = [session.value(row, name) for name in names]
        found.append(MediaStream(where[0], where[1], where[2], part.tolist()))
    return found, too_many


def _runs(rows: Array, keys: list[Array]) -> list[Array]:
    """Split rows where any key changes."""
    if not len(rows):
        return []
    change = np.zeros(len(rows) - 1, bool)
    for key in keys:
        change |= key[1:] != key[:-1]
    return np.split(rows, np.flatnonzero(change) + 1)


def earliest(session: Session, stream: MediaStream) -> int:
    """Return the lowest timestamp of the stream's media."""
    rows = np.array(stream.rows)
    media = rows[np.isin(session.messages.column("type_id")[rows], MEDIA)]
    return int(session.messages.column("timestamp")[media].min())
