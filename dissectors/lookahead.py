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
from dissectors.plausible import KNOWN_TYPES

DECISIVE: Final = 4096
"""Bytes behind a message that must show how it was meant."""
MAX_UNDECIDED: Final = 1 << 20
"""Bytes of a message that must show it."""
LIKELY_LENGTH: Final = 1 << 20
"""The longest message that needs no evidence on a chunk stream not seen since a search."""
_NEAR: Final = 1 << 10
"""Bytes around a header that tell what chance makes there."""


class LookaheadParser(ChunkParser):
    """Reads chunks; waits for more bytes where these must decide."""

    def __init__(self, stream_offset: int, *, synchronised: bool) -> None:
        super().__init__(stream_offset)
        self.from_start = synchronised
        """The first chunk size is the default, not inferred."""
        self._continuous = synchronised
        self._chunk_size_known = synchronised
        self._locked_at = stream_offset
        """Stream offset of the header that the last search found."""
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
        bound, self.chunk_size_open = self.chunk_size_open, open_
        self.chunk_size = size
        self.chunk_size_inferred = True
        self._chunk_size_known = not open_
        changes = self.chunk_size_changes
        if changes and changes[-1].number is None and (bound or not self.from_start):
            changes.pop()  # a lower bound until now
        if not changes or changes[-1].size != size:
            changes.append(ChunkSizeChange(offset, size, None))

    def _settle_chunk_size(
        self, buffer: bytes, position: int, after: int, csid: int, length: int
    ) -> int:
        """Infer an open or doubted chunk size from a message longer than its lower bound."""
        least = self.chunk_size
        if self.chunk_size_doubted:
            least = min(least, self._shown)
        if length <= least:
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
        message = (buffer, after, csid, length, extended)
        if not self._effort.refuses():
            if length <= self.chunk_size and resync.is_whole(*message, known, self._effort):
                size = resync.UNSPLIT
            else:
                size = resync.split_size(*message, least, known, self._effort)
        self._undecided = 0 if size or enough else len(buffer)
        if size is None and not enough:
            return NEED_MORE
        if self.chunk_size_doubted and size is not None:
            self._judge_chunk_size(size, length)
            return 0
        if self.chunk_size_doubted:
            fits = resync.may_hold(*message, self.chunk_size, known, self._effort)
            if fits is None and not self._repeats_headers:
                # Cut by a hole, and no size but a larger one is possible.
                self._contradict()
                self._infer_chunk_size(length, self._base, open_=True)
            if fits is not False or length > self.chunk_size:
                return 0
        if size is None:
            return self._lose(self._base + position, "no chunk size fits")
        unsplit = size == resync.UNSPLIT
        self._infer_chunk_size(length if unsplit else size, self._base, open_=unsplit)
        return 0

    def _judge_chunk_size(self, size: int, length: int) -> None:
        """Keep or replace a doubted chunk size by the one that splits a message."""
        unsplit = size == resync.UNSPLIT
        if unsplit and length <= self.chunk_size:
            self._shown = length
            return
        self.chunk_size_doubted = False
        if size == self.chunk_size:
            return
        self._contradict()
        self._infer_chunk_size(length if unsplit else size, self._base, open_=unsplit)

    def _contradict(self) -> None:
        """Take notice that the chunk size is not the announced one any more."""
        if not self.chunk_size_inferred:
            self._contradicted = self.chunk_size

    def _is_chance(
        self, cs: ChunkStream, buffer: bytes, position: int, type_id: int, length: int
    ) -> bool:
        """Whether a header is unusual and shows less evidence than a search asks of a first one."""
        usual = type_id in KNOWN_TYPES
        if cs.csid in self._streams:
            return not usual and self.chunk_size_doubted and type_id != cs.type_id
        if (usual and length <= LIKELY_LENGTH) or self._base + position == self._locked_at:
            return False
        low = max(position - _NEAR, 0)
        return not resync.may_begin(buffer[low : position + _NEAR], position - low)

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
        self.chunk_size_open = self.chunk_size_doubted = False
        self._contradicted = 0
        self._chunk_size_known = True


def _state(cs: ChunkStream) -> resync.State:
    """Return what a walk must know of a chunk stream."""
    extended = cs.extended_value.to_bytes(4, "big") if cs.extended else b""
    left = cs.length - cs.body_position if cs.open else 0
    return resync.State(cs.type_id, cs.length, cs.msid, extended, left)
