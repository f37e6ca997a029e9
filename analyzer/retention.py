"""What is kept of an input without end, so that memory and disk stay flat for days.

The spool (`Reading.spool`) is a ring of the last bytes. Segments that point before it go, and the
oldest message rows once there are more than `Options.rows`. Commands, metadata and codec
configurations are small and explain everything after them: their rows and bodies stay. Of the rows
that go, findings and counts stay (`analyzer.forgotten`).
"""

from __future__ import annotations

import gc
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from analyzer import memory
from analyzer.forgotten import Forgotten
from dissectors import spec
from dissectors.half import is_config

if TYPE_CHECKING:
    from analyzer.session import Session
    from dissectors.chunk_state import MessageRow

MAX_KEPT: Final = 2_000
"""Messages kept whole; the first ones, for they set everything up."""
MAX_KEPT_BYTES: Final = 16 << 20
"""Bytes of their bodies and headers together."""
MAX_SEGMENTS: Final = 500_000
"""Segments kept of all directions, 32 bytes each: those of some 700 MB in full-size packets."""
MAX_EVENTS: Final = 200_000
"""Retransmissions and the like kept per direction, 21 bytes each."""
STEP: Final = 16 << 20
"""Capture bytes between two looks at what can go."""

_KEPT_TYPES: Final = frozenset(
    {spec.COMMAND_AMF0, spec.COMMAND_AMF3, spec.DATA_AMF0, spec.DATA_AMF3, spec.SET_CHUNK_SIZE}
)


class Kept:
    """Messages whose bytes stay in memory: row → (chunk header, body)."""

    def __init__(self) -> None:
        self.bytes: dict[int, tuple[bytes, bytes]] = {}
        self.past = Forgotten()
        self._size = 0
        self._looked = 0
        self._unread = 0
        """Capture bytes before this one can't be read any more."""
        self.rows_gone = 0
        self.segments_gone = 0
        self.events_gone = 0

    def note(self, session: Session, first: int, rows: Sequence[MessageRow]) -> None:
        """Keep what matters of the rows just appended, `first` being the number of the first."""
        for number, row in enumerate(rows, first):
            media = row.type_id in (spec.AUDIO, spec.VIDEO) and row.head and is_config(row)
            if not media and row.type_id not in _KEPT_TYPES:
                continue
            if len(self.bytes) >= MAX_KEPT or self._size + row.length > MAX_KEPT_BYTES:
                return
            found = session.body(number)
            if not found.missing:  # else it says so itself
                self.bytes[number] = session.header_bytes(number), found.data
                self._size += len(found.data) + 18

    def apply(self, session: Session) -> None:
        """Let go of what is over the limits; called after every batch."""
        table, runs = session.messages, session.runs_table
        limit = session.options.rows
        if len(table) - table.first > limit:
            before = len(table) - limit * 3 // 4
            kept = np.array([row for row in sorted(self.bytes) if row < before], np.int64)
            first_run, count = table.column("first_run"), table.column("runs")
            starts, counts = first_run[kept].tolist(), count[kept].tolist()
            spans = [np.arange(at, at + n) for at, n in zip(starts, counts, strict=True)]
            run_before = int(first_run[before])
            present = table.present()
            going = np.setdiff1d(present[present < before], kept, assume_unique=True)
            found = self.past.look(session)
            self.past.count(session, going)
            table.retire(before, kept)
            runs.retire(run_before, np.concatenate(spans) if spans else kept)
            session.forget()
            self.past.keep(session, found, self.past.look(session))
            gc.collect()  # rules leave cycles behind, with arrays as long as the table
            memory.give_back()
            self.rows_gone = before - len(kept)
        read = session.captures.position
        if read - self._looked >= STEP:
            self._looked = read
            self._segments(session)

    def _segments(self, session: Session) -> None:
        oldest, streams = session.captures.oldest, list(session.streams())
        if sum(len(stream.segments) for stream in streams) > MAX_SEGMENTS:
            places = np.concatenate([stream.segments.file_offset for stream in streams])
            first = len(places) - MAX_SEGMENTS
            oldest = max(oldest, int(np.partition(places, first)[first]))
        self._unread = oldest
        for stream in streams:
            self.segments_gone += stream.segments.retire(oldest, MAX_SEGMENTS)
            self.events_gone += stream.events.retire(MAX_EVENTS)

    def limits(self, session: Session) -> list[str]:
        """Say what is gone, for `limits_hit`."""
        found = []
        if self.rows_gone:
            found.append(
                f"message rows: the oldest {self.rows_gone:,} were dropped, rates leave them out"
            )
        if self.segments_gone:
            unread = max(self._unread, session.captures.oldest)
            found.append(
                f"spool: messages in the first {unread:,} capture bytes can't be read any more"
            )
        if self.events_gone:
            found.append(f"TCP events: the oldest {self.events_gone:,} were dropped")
        return found
