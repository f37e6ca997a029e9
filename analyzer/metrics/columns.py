"""The media messages of a session as columns, in the order in which they ended."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from analyzer.index import BLOCK, Array
from analyzer.metrics.expand import Part, has_many_tracks, parts
from analyzer.metrics.headers import Headers, decode
from analyzer.metrics.windows import compact
from dissectors import spec
from dissectors.chunk_state import Flag

if TYPE_CHECKING:
    from analyzer.index import MessageTable
    from analyzer.lookup import Lookup


@dataclass(slots=True)
class MediaColumns:
    """All complete audio and video messages; those inside others stand for themselves."""

    table: MessageTable
    row: Array
    """Row of the message, or of the one that holds it; uint32."""
    kind: Array
    """Type id, 8 or 9."""
    size: Array
    """Body bytes, uint32 or narrower."""
    headers: Headers
    left_out: Array
    """Rows of messages with several parts whose parts were not read: too many."""
    inner: Array
    """Entries that stand inside other messages, ascending."""
    inner_heads: Array
    """Their first body bytes."""

    def heads(self, entry: Array) -> Array:
        """Return the first 16 body bytes of some entries: (n, 16) uint8."""
        found = _heads(self.table, self.row[entry])
        if len(self.inner):
            at = np.minimum(np.searchsorted(self.inner, entry), len(self.inner) - 1)
            inside = self.inner[at] == entry
            found[inside] = self.inner_heads[at[inside]]
        return found


def _heads(table: MessageTable, rows: Array) -> Array:
    return np.ascontiguousarray(table.column("head")[rows]).view(np.uint8).reshape(-1, 16)


def gather(session: Lookup) -> tuple[MediaColumns, Array]:
    """Collect the media messages of a session; also return their timestamps, uint32 ms."""
    table = session.messages
    rows, several = _media(table)
    kind, timestamp = table.column("type_id")[rows], table.column("timestamp")[rows]
    size = table.column("length")[rows]
    left_out = inner = rows[:0]
    heads = np.zeros((0, 16), np.uint8)
    if several.any():
        found, left_out = parts(session, rows[several])
        plain = ~several
        row = np.concatenate((rows[plain], _column(found, "row")))
        order = np.argsort(row, kind="stable")
        rows = row[order]
        kind = np.concatenate((kind[plain], _column(found, "type_id").astype(np.uint8)))[order]
        timestamp = np.concatenate((timestamp[plain], _column(found, "timestamp")))[order]
        size = np.concatenate((size[plain], _column(found, "size")))[order]
        inner = np.flatnonzero(order >= np.count_nonzero(plain))
        heads = np.frombuffer(b"".join(part.head for part in found), np.uint8).reshape(-1, 16)
    none = np.zeros(0, np.uint8)
    headers = decode(none, heads[:0], none)
    columns = MediaColumns(table, rows, kind, size, headers, left_out, inner, heads)
    columns.headers = _decoded(columns)
    return columns, timestamp


def _media(table: MessageTable) -> tuple[Array, Array]:
    """Return the rows of complete audio, video and aggregates, and which of them hold several."""
    rows, several = [np.zeros(0, np.uint32)], [np.zeros(0, bool)]
    for block in table.blocks():
        kind = table.column("type_id")[block]
        media = (kind == spec.AUDIO) | (kind == spec.VIDEO) | (kind == spec.AGGREGATE)
        media &= (table.column("flags")[block] & Flag.COMPLETE) != 0
        mine, kind = block[media], kind[media]
        rows.append(mine.astype(np.uint32))
        several.append(has_many_tracks(kind, _heads(table, mine)) | (kind == spec.AGGREGATE))
    return np.concatenate(rows), np.concatenate(several)


def _column(found: list[Part], name: str) -> Array:
    return np.array([getattr(part, name) for part in found], np.uint32)


def _decoded(columns: MediaColumns) -> Headers:
    """Decode the headers block by block, for the bytes are more than what is made of them."""
    names, count = [field.name for field in fields(Headers)], len(columns.row)
    whole: dict[str, Array] = {}
    for low in range(0, count, BLOCK):
        entry = np.arange(low, min(low + BLOCK, count))
        piece = decode(columns.kind[entry], columns.heads(entry), columns.size[entry])
        for name in names:
            found = getattr(piece, name)
            if name not in whole:
                whole[name] = np.empty(count, found.dtype)
            whole[name][entry] = found
    if not whole:
        return columns.headers
    whole["track"], whole["cts_ms"] = compact(whole["track"]), _short(whole["cts_ms"])
    return Headers(**whole)


def _short(column: Array) -> Array:
    """Return the column with 16 bits where its values need no more."""
    bounds = np.iinfo(np.int16)
    fits = bounds.min <= int(column.min()) and int(column.max()) <= bounds.max
    return column.astype(np.int16) if fits else column
