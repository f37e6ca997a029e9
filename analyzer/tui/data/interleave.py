"""The chunks of one direction in stream order: who waits for whom (RTMP 1.0 §5.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from analyzer.tui.data.selection import Column, any_order
from analyzer.tui.listings.base import narrow
from analyzer.tui.listings.chunks import run_ends

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

    session: Session
    rows: Column
    """Message row of every run."""
    csid: Column
    index: Column
    """Its place in the table of runs."""
    ends: Column
    """Chunks up to and with the run."""
    lanes: list[int]
    """Chunk stream ids in order of appearance."""
    bytes: int
    """Of payload altogether."""

    def __len__(self) -> int:
        return int(self.ends[-1]) if len(self.ends) else 0

    def run_at(self, chunk: int) -> int:
        """Return the run that holds a chunk."""
        # Of the same type: of another one, the whole column would be converted.
        return int(np.searchsorted(self.ends, self.ends.dtype.type(chunk), side="right"))

    def _start(self, run: int) -> int:
        return int(self.ends[run - 1]) if run else 0

    def chunk(self, index: int) -> ChunkLine:
        """Return the chunk with this number, counted in stream order."""
        run = self.run_at(index)
        number = index - self._start(run)
        row, payload = int(self.rows[run]), self._payload(run)
        offset, length, header = (
            self._value(name, run) for name in ("stream_offset", "length", "header_length")
        )
        return ChunkLine(
            row,
            int(self.csid[run]),
            number,
            not number and self.session.value(row, "first_run") == int(self.index[run]),
            offset + number * (payload + header),
            max(min(payload, length - number * payload), 0),
        )

    def _value(self, name: str, run: int) -> int:
        return self.session.runs_table.value(name, int(self.index[run]))

    def _payload(self, run: int) -> int:
        """Return the payload bytes of every chunk of a run but the last one."""
        return max(self._value("chunk_payload", run), 1)

    def shares(self, low: int, high: int) -> dict[int, int]:
        """Return payload bytes by csid of the chunks from `low` to before `high`."""
        first, last = self.run_at(low), self.run_at(high - 1)
        table = self.session.runs_table
        lengths = table.column("length")[self.index[first : last + 1]].astype(np.int64)
        lengths[-1] = self._before(last, high - self._start(last))
        lengths[0] -= self._before(first, low - self._start(first))
        found, inverse = np.unique(self.csid[first : last + 1], return_inverse=True)
        sums = np.bincount(inverse, weights=lengths)
        return {int(csid): int(total) for csid, total in zip(found, sums, strict=True)}

    def _before(self, run: int, chunks: int) -> int:
        """Return the bytes of a run's first `chunks` chunks."""
        return min(chunks * self._payload(run), self._value("length", run))

    def of_row(self, row: int) -> int | None:
        """Return the number of a message's first chunk."""
        runs = np.flatnonzero(self.rows == row)
        return self._start(int(runs[0])) if len(runs) else None


def interleave(session: Session, connection: int, direction: int) -> Interleave:
    """Lay out all chunks of a direction."""
    rows = any_order(session, connection, direction=direction).astype(np.int32)
    counts = session.messages.column("runs")[rows]
    owner = np.repeat(rows, counts)
    runs = session.messages.column("first_run")[owner].astype(np.int64)
    if len(owner) > len(rows):
        ends = np.cumsum(counts, dtype=np.int64)
        runs += np.arange(len(owner)) - np.repeat(ends - counts, counts)
    table = session.runs_table
    order = np.argsort(table.column("stream_offset")[runs], kind="stable")
    owner, index = owner[order], narrow(runs[order])
    del order, runs
    csids = session.messages.column("csid")[owner]
    _, seen = np.unique(csids, return_index=True)
    return Interleave(
        session,
        owner,
        csids,
        index,
        run_ends(session, index),
        [int(csids[place]) for place in np.sort(seen)],
        int(table.column("length")[index].sum(dtype=np.int64)),
    )
