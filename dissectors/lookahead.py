"""Chunk headers whose meaning shows only in what follows them (RTMP 1.0 §5.3.1.2, §5.4.1).

Is a message split while the chunk size is not known? Does a fmt 1 or 2 header inside a message go
on with it? Both readings are walked (`resync`); the one that keeps in step is taken.
"""

from __future__ import annotations

from typing import Final

from dissectors import resync, spec
from dissectors.budget import Budget
from dissectors.chunk_state import ChunkSizeChange, ChunkStream, Flag, MessageRow
from dissectors.chunking import NEED_MORE, ChunkParser

DECISIVE: Final = 4096
"""Bytes behind a message that must show how it was meant."""
MAX_UNDECIDED: Final = 1 << 20
"""Bytes of a message that must show it."""


class LookaheadParser(ChunkParser):
    """Reads chunks; waits for more bytes where these must decide."""

    def __init__(self, stream_offset: int, *, synchronised: bool) -> None:
        super().__init__(stream_offset)
        self.from_start = synchronised
        """The first chunk size is the default, not inferred."""
        self._continuous = synchronised
        self._chunk_size_known = synchronised
        self._undecided = 0
        """Buffered bytes that did not decide."""
        self._repeats_headers = False
        """Whether this sender's last fmt 1 or 2 header inside a message stood for fmt 3."""
        self._effort = resync.Effort(0, self.budget.effort)

    def share(self, budget: Budget) -> None:
        """Count what is held and searched with all readers of the capture."""
        self.budget = budget
        self._effort.shared = budget.effort

    def _infer_chunk_size(self, size: int, offset: int, *, open_: bool) -> None:
        self.chunk_size = size
        self.chunk_size_inferred = True
        self.chunk_size_open = open_
        self._chunk_size_known = not open_
        changes = self.chunk_size_changes
        if changes and changes[-1].number is None and not self.from_start:
            changes.pop()  # a lower bound until now
        if not changes or changes[-1].size != size:
            changes.append(ChunkSizeChange(offset, size, None))

    def _settle_chunk_size(
        self, buffer: bytes, position: int, after: int, csid: int, length: int
    ) -> int:
        """Infer an open chunk size from the first message that is longer than its lower bound."""
        if length <= self.chunk_size:
            return 0
        enough = len(buffer) - after >= min(length, MAX_UNDECIDED) + DECISIVE or self._final
        if not enough and len(buffer) < 2 * self._undecided:
            return NEED_MORE
        known = {
            cs.csid: (cs.type_id, cs.length, cs.msid)
            for cs in self._streams.values()
            if not cs.open and cs.csid != csid
        }
        low = buffer[position] & 0x3F
        basic = 3 if low == 1 else 2 if low == 0 else 1
        extended = after - position - basic > spec.HEADER_LENGTHS[buffer[position] >> 6]
        size = None
        if not self._effort.refuses():
            size = resync.split_size(
                buffer, after, csid, length, extended, self.chunk_size, known, self._effort
            )
        self._undecided = 0 if size or enough else len(buffer)
        if size is None:
            if not enough:
                return NEED_MORE
            return self._lose(self._base + position, "no chunk size fits")
        unsplit = size == resync.UNSPLIT
        self._infer_chunk_size(length if unsplit else size, self._base, open_=unsplit)
        return 0

    def _goes_on(self, cs: ChunkStream, buffer: bytes, after: int) -> bool | None:
        """Look which reading keeps in step with what follows."""
        if cs.flags & Flag.HEADER_REPEATED:
            return True
        if self.chunk_size_open or self._effort.refuses():
            return self._repeats_headers
        held = len(buffer) - after
        final = self._final or held > cs.length + DECISIVE or held > MAX_UNDECIDED
        if not final and len(buffer) < 2 * self._undecided:
            return None
        goes_on, walked = resync.goes_on(
            buffer,
            after,
            cs.csid,
            {each.csid: _state(each) for each in self._streams.values()},
            self.chunk_size,
            usual=self._repeats_headers,
            final=final,
        )
        self._effort.spend(walked + len(self._streams) // 4)
        self._undecided = len(buffer) if goes_on is None else 0
        if goes_on is not None:
            self._repeats_headers = goes_on
        return goes_on

    def _set_chunk_size(self, value: int, row: MessageRow) -> None:
        super()._set_chunk_size(value, row)
        self.chunk_size_open = False
        self._chunk_size_known = True


def _state(cs: ChunkStream) -> resync.State:
    """Return what a walk must know of a chunk stream."""
    extended = cs.extended_value.to_bytes(4, "big") if cs.extended else b""
    left = cs.length - cs.body_position if cs.open else 0
    return resync.State(cs.type_id, cs.length, cs.msid, extended, left)
