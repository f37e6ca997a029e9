"""Which chunk size does a sender really use? A question where chunk boundaries are lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from dissectors import spec
from dissectors.chunking import ChunkParser

if TYPE_CHECKING:
    from analyzer.rules.scope import Scope
    from dissectors.chunk_state import MessageRow

USUAL: Final = (128, 512, 1024, 4000, 4096, 5000, 8192, 10000, 60000, 65536)
"""Sizes that senders announce."""
MAX_READ: Final = 1 << 20
"""Stream bytes read again at most, from the handshake to behind the place."""
FREE: Final = 32 << 20
"""Bytes that all trials of a capture may read, and as many as were indexed: twice the time."""
BEHIND: Final = 64 << 10
"""Bytes behind the place that must fit."""
MAX_SIZES: Final = 4
"""Sizes of the other side that are tried, the last ones."""
LAST_MESSAGES: Final = 3
"""Messages before the place that may be the first with other chunks."""
MIN_MESSAGES: Final = 5
MIN_CHUNKS: Final = 20
"""Evidence that a size fits: chunks behind the place."""
MIN_CONTINUED: Final = 2
"""The same, where the stream ends before there are so many: headers of fmt 3 where they belong."""


class Fit(NamedTuple):
    """The size that makes sense of the stream from `offset` on."""

    size: int
    announced: int
    peer: bool
    """It is the one that the other side announced for itself."""
    since: int
    """Stream offset of the first message that does not fit in one chunk of either size."""


class _Trial(ChunkParser):
    """Reads chunks with a size of our choice; Set Chunk Size is obeyed only before that."""

    def __init__(self, stream_offset: int) -> None:
        super().__init__(stream_offset)
        self.lost_at: int | None = None
        self.fixed = False

    def read(self, data: bytes) -> None:
        if self.lost_at is None:
            self._parse(data)

    def _lose(self, offset: int, reason: str) -> int:
        if self.lost_at is None:
            self.lost_at = offset
        return super()._lose(offset, reason)

    def _set_chunk_size(self, value: int, row: MessageRow) -> None:
        if not self.fixed:
            super()._set_chunk_size(value, row)


def fitting(scope: Scope, direction: int, lost_at: int) -> Fit | None:
    """Look for the chunk size that a sender uses instead of the one it announced.

    `lost_at`: stream offset of the impossible chunk header. Tried from the message before it.
    """
    rows = scope.rows(direction)
    starts = scope.column("stream_offset", rows)
    before = starts[starts < lost_at]
    begin = scope.half(direction).skip + spec.HANDSHAKE_END
    if not len(before) or lost_at - begin > MAX_READ or len(scope.tcp(direction).gaps):
        return None
    data = scope.session.stream(scope.connection.index, direction, begin, lost_at - begin + BEHIND)
    data = data[: scope.tcp(direction).length - begin]
    reader = scope.half(direction).reader
    assert reader is not None
    announced = [c.size for c in reader.chunk_size_changes if c.stream_offset <= lost_at]
    if not announced:  # the reader found its place behind it only
        return None
    other = scope.half(1 - direction).reader
    peer = [change.size for change in other.chunk_size_changes] if other is not None else []
    for at in (*np.sort(before)[: -LAST_MESSAGES - 1 : -1].tolist(), begin):
        for size in dict.fromkeys((*reversed(peer[-MAX_SIZES:]), *USUAL)):
            scope.shared.trial_bytes += len(data)
            if scope.shared.trial_bytes > FREE + scope.session.bounds.budget.fed:
                return None
            ends = begin + len(data) == scope.tcp(direction).length
            places = at - begin, lost_at - begin
            if size != announced[-1] and _fits(data, begin, *places, size, ends):
                peers = size in peer and size != spec.DEFAULT_CHUNK_SIZE
                longer = scope.column("length", rows) > min(size, announced[-1])
                since = starts[longer & (starts >= at)].min(initial=lost_at)
                return Fit(size, announced[-1], peers, int(since))
    return None


def _fits(data: bytes, begin: int, switch: int, lost: int, size: int, ends: bool) -> bool:
    """Whether the stream reads on behind `lost` if chunks carry `size` bytes from `switch` on;
    `ends`: it has no more bytes than `data`."""
    trial = _Trial(begin)
    trial.read(data[:switch])
    trial.chunk_size, trial.fixed = size, True
    trial.read(data[switch:])
    if trial.lost_at is not None:
        return False
    read = [row for row in trial.take() if row.header_offset >= begin + switch]
    behind = [row for row in read if row.end_offset > begin + lost]
    if len(behind) >= MIN_MESSAGES or sum(row.chunks for row in behind) >= MIN_CHUNKS:
        return True
    return ends and sum(row.chunks - 1 for row in read) >= MIN_CONTINUED
