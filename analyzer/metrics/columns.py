"""The media messages of a session as columns, in the order in which they ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analyzer.index import Array
from analyzer.metrics.expand import has_many_tracks, parts
from analyzer.metrics.headers import Headers, decode
from dissectors import spec
from dissectors.chunk_state import Flag

if TYPE_CHECKING:
    from analyzer.lookup import Lookup

_TYPES = (spec.AUDIO, spec.VIDEO, spec.AGGREGATE)


@dataclass(slots=True)
class MediaColumns:
    """All complete audio and video messages; those inside others stand for themselves."""

    row: Array
    """Row of the message, or of the one that holds it."""
    kind: Array
    """Type id, 8 or 9."""
    timestamp: Array
    """RTMP milliseconds, uint32."""
    size: Array
    """Body bytes."""
    head: Array
    """(n, 16) first body bytes."""
    headers: Headers
    left_out: Array
    """Rows of messages with several parts whose parts were not read: too many."""


def gather(session: Lookup) -> MediaColumns:
    """Collect the media messages of a session."""
    table = session.messages
    rows = table.present() if table.first else np.arange(len(table))
    type_id = table.column("type_id")[rows]
    media = (type_id == spec.AUDIO) | (type_id == spec.VIDEO) | (type_id == spec.AGGREGATE)
    media &= (table.column("flags")[rows] & Flag.COMPLETE) != 0
    rows, kind = rows[media], type_id[media]
    head = np.ascontiguousarray(table.column("head")[rows]).view(np.uint8).reshape(-1, 16)
    size = table.column("length")[rows].astype(np.int64)
    timestamp = table.column("timestamp")[rows]
    several = has_many_tracks(kind, head) | (kind == spec.AGGREGATE)
    left_out = rows[:0]
    if several.any():
        found, left_out = parts(session, rows[several])
        plain = ~several
        row = np.concatenate((rows[plain], [part.row for part in found])).astype(np.int64)
        order = np.argsort(row, kind="stable")
        rows = row[order]
        kind = np.concatenate((kind[plain], [part.type_id for part in found]))[order]
        kind = kind.astype(np.uint8)
        more = [part.timestamp for part in found]
        timestamp = np.concatenate((timestamp[plain], np.array(more, np.uint32)))[order]
        more = [part.size for part in found]
        size = np.concatenate((size[plain], np.array(more, np.int64)))[order]
        heads = np.frombuffer(b"".join(part.head for part in found), np.uint8).reshape(-1, 16)
        head = np.concatenate((head[plain], heads))[order]
    return MediaColumns(rows, kind, timestamp, size, head, decode(kind, head, size), left_out)
