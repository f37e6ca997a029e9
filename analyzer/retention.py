"""What is kept of an input without end, so that memory and disk stay flat for days.

The spool (`Reading.spool`) is a ring of the last bytes. Segments that point before it go, and the
oldest message rows once there are more than `Options.rows`. Commands, metadata and codec
configurations are small and explain everything after them: their rows and bodies stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

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
"""Segments kept per direction, 32 bytes each; a ring of 1 GiB has fewer full-size ones."""
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
        self._size = 0
        self._looked = 0
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
            table.retire(before, kept)
            runs.retire(run_before, np.concatenate(spans) if spans else kept)
            session.forget()
            self.rows_gone = before - len(kept)
        read = session.captures.position
        if read - self._looked >= STEP:
            self._looked = read
            self._segments(session)

    def _segments(self, session: Session) -> None:
        oldest = session.captures.oldest
        for stream in session.streams():
            self.segments_gone += stream.segments.retire(oldest, MAX_SEGMENTS)
            self.events_gone += stream.events.retire(MAX_EVENTS)

    def limits(self, session: Session) -> list[str]:
        """Say what is gone, for `limits_hit`."""
        found = []
        if self.rows_gone:
            found.append(f"message rows: the oldest {self.rows_gone:,} were dropped")
        if self.segments_gone:
            oldest = session.captures.oldest
            found.append(
                f"spool: messages in the first {oldest:,} capture bytes can't be read any more"
            )
        if self.events_gone:
            found.append(f"TCP events: the oldest {self.events_gone:,} were dropped")
        return found
