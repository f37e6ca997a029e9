"""The chunks of one direction in stream order: who waits for whom (RTMP 1.0 §5.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from analyzer.tui.data.selection import Rows, rows_of, values

if TYPE_CHECKING:
    from analyzer.session import Session


class ChunkLine(NamedTuple):
    """One chunk: where its payload begins, and its place in its message."""

    row: int
    csid: int
    number: int
    """Of the message's chunks in this run, from 0."""
    first: bool
    """The message begins with it."""
    offset: int
    length: int


@dataclass(frozen=True)
class Interleave:
    """Runs of chunks in stream order, as columns; a chunk is found by bisection."""

    rows: Rows
    """Message row of every run."""
    csid: Rows
    offset: Rows
    """Stream offset of the run's first payload byte."""
    length: Rows
    payload: Rows
    header: Rows
    first: Rows
    """1 where the run begins its message."""
    ends: Rows
    """Chunks up to and with the run."""
    lanes: list[int]
    """Chunk stream ids in order of appearance."""

    def __len__(self) -> int:
        return int(self.ends[-1]) if len(self.ends) else 0

    def run_at(self, chunk: int) -> int:
        """Return the run that holds a chunk."""
        return int(np.searchsorted(self.ends, chunk, side="right"))

    def _start(self, run: int) -> int:
        return int(self.ends[run - 1]) if run else 0

    def chunk(self, index: int) -> ChunkLine:
        """Return the chunk with this number, counted in stream order."""
        run = self.run_at(index)
        number = index - self._start(run)
        payload, length = int(self.payload[run]), int(self.length[run])
        return ChunkLine(
            int(self.rows[run]),
            int(self.csid[run]),
            number,
            bool(self.first[run]) and not number,
            int(self.offset[run]) + number * (payload + int(self.header[run])),
            max(min(payload, length - number * payload), 0),
        )

    def shares(self, low: int, high: int) -> dict[int, int]:
        """Return payload bytes by csid of the chunks from `low` to before `high`."""
        first, last = self.run_at(low), self.run_at(high - 1)
        lengths = self.length[first : last + 1].copy()
        lengths[-1] = self._before(last, high - self._start(last))
        lengths[0] -= self._before(first, low - self._start(first))
        found, inverse = np.unique(self.csid[first : last + 1], return_inverse=True)
        sums = np.bincount(inverse, weights=lengths)
        return {int(csid): int(total) for csid, total in zip(found, sums, strict=True)}

    def _before(self, run: int, chunks: int) -> int:
        """Return the bytes of a run's first `chunks` chunks."""
        return min(chunks * int(self.payload[run]), int(self.length[run]))

    def of_row(self, row: int) -> int | None:
        """Return the number of a message's first chunk."""
        runs = np.flatnonzero(self.rows == row)
        return self._start(int(runs[0])) if len(runs) else None


def interleave(session: Session, connection: int, direction: int) -> Interleave:
    """Lay out all chunks of a direction."""
    rows = rows_of(session, connection, direction=direction)
    counts = values(session, rows, "runs")
    firsts = np.cumsum(counts) - counts
    within = np.arange(int(counts.sum())) - np.repeat(firsts, counts)
    runs = np.repeat(values(session, rows, "first_run"), counts) + within
    table = session.runs_table

    def column(name: str) -> Rows:
        found: Rows = table.column(name)[runs].astype(np.int64)
        return found

    order = np.argsort(column("stream_offset"), kind="stable")
    csids = np.repeat(values(session, rows, "csid"), counts)[order]
    length, payload = column("length")[order], np.maximum(column("chunk_payload")[order], 1)
    _, seen = np.unique(csids, return_index=True)
    return Interleave(
        np.repeat(rows, counts)[order],
        csids,
        column("stream_offset")[order],
        length,
        payload,
        column("header_length")[order],
        (within == 0).astype(np.int64)[order],
        np.cumsum(np.maximum(-(-length // payload), 1)),
        [int(csids[place]) for place in np.sort(seen)],
    )
