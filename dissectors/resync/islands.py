"""What is seen between many holes: a capture that cut every segment short (RTMP 1.0 §5.3).

No piece alone holds enough headers to be believed. But a header says where the next one stands,
and that is seen where segments begin with messages: the chain goes from piece to piece.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Final, NamedTuple

from dissectors.resync.evidence import Noise

MAX_ISLANDS: Final = 64
MAX_ISLAND: Final = 16 << 10
"""Bytes of one piece; a longer one is searched for itself."""
MAX_SPAN: Final = 256 << 10
"""Bytes from the first piece to the last one, holes included."""
_FILL: Final = b"\xaa"
"""Begins no header that is looked for: fmt 2 on a chunk stream that nobody uses."""


class Holes:
    """Where bytes are missing in the data of a search."""

    def __init__(self, spans: Sequence[tuple[int, int]] = ()) -> None:
        self._starts = [start for start, _ in spans]
        self._ends = [end for _, end in spans]

    def seen_until(self, position: int, end: int) -> int:
        """Return where the bytes from `position` on stop being seen, at most `end`."""
        index = bisect_right(self._starts, position)
        if index and position < self._ends[index - 1]:
            return position
        return min(self._starts[index], end) if index < len(self._starts) else end


NO_HOLES: Final = Holes()


class Island(NamedTuple):
    """Bytes in which no chunk boundary was found, between two holes."""

    offset: int
    """Where they stand in the stream."""
    data: bytes

    @property
    def end(self) -> int:
        return self.offset + len(self.data)


class Islands:
    """The last pieces that a reader could not read."""

    def __init__(self) -> None:
        self._kept: list[Island] = []

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, island: Island) -> bool:
        """Keep one more; return whether it is time to look at all of them."""
        kept = self._kept
        if kept and (len(kept) >= MAX_ISLANDS or island.end - kept[0].offset > MAX_SPAN):
            del kept[: (len(kept) + 1) // 2]
        if kept and island.end - kept[0].offset > MAX_SPAN:
            kept.clear()
            return False
        kept.append(island)
        # At sizes that grow like the work does: each piece is looked at a few times only.
        return len(kept) > 1 and (len(kept) < 4 or len(kept) % (len(kept) >> 2) == 0)

    def clear(self) -> None:
        """Forget them."""
        self._kept.clear()

    def take_from(self, offset: int) -> list[Island]:
        """Return the pieces from the one at stream offset `offset` on, and forget all."""
        found = [island for island in self._kept if island.end > offset]
        self._kept.clear()
        return found

    def spread(self) -> tuple[int, bytes, Holes, Noise]:
        """Return their stream offset and them as one, with what is missing and the null model."""
        base, data, holes = self._kept[0].offset, bytearray(), []
        for island in self._kept:
            start = island.offset - base
            if start > len(data):
                holes.append((len(data), start))
                data += _FILL * (start - len(data))
            data += island.data
        return base, bytes(data), Holes(holes), _SeenNoise(self._kept)


class _SeenNoise(Noise):
    """The null model of the bytes that are seen."""

    def __init__(self, islands: Sequence[Island]) -> None:
        super().__init__(b"".join(island.data for island in islands))
        self._offsets = [island.offset - islands[0].offset for island in islands]
        self._before = [0]
        for island in islands:
            self._before.append(self._before[-1] + len(island.data))

    def bits(self, value: int, pos: int) -> float:
        index = bisect_right(self._offsets, pos) - 1
        seen = min(self._before[index] + pos - self._offsets[index], self._before[index + 1] - 1)
        return super().bits(value, seen)
