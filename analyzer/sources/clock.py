"""pcapng timestamps (if_tsresol, if_tsoffset) as integer nanoseconds."""

from typing import Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from analyzer.sources.model import LAST_NS

MAX_DECIMAL: Final = 20
"""Largest power of ten taken from if_tsresol; 2^64 units of it are less than a second."""
MAX_BINARY: Final = 63
"""Largest power of two taken from if_tsresol: the clock's own width."""


class Clock(NamedTuple):
    """time_ns = ticks * multiply // divide + offset."""

    multiply: int = 1000
    divide: int = 1
    offset: int = 0

    @classmethod
    def of(cls, tsresol: int, tsoffset: int) -> Self | None:
        """Return the clock of an interface's options; None when if_tsresol is absurd.

        `tsresol` is the option's byte (bit 7: power of two), `tsoffset` seconds.
        """
        exponent = tsresol & 0x7F
        offset = tsoffset * 1_000_000_000
        if tsresol & 0x80:
            return cls(1_000_000_000, 1 << exponent, offset) if exponent <= MAX_BINARY else None
        if exponent > MAX_DECIMAL:
            return None
        if exponent <= 9:
            return cls(10 ** (9 - exponent), 1, offset)
        return cls(1, 10 ** (exponent - 9), offset)

    def nanoseconds(self, ticks: NDArray[np.uint64]) -> tuple[NDArray[np.int64], int]:
        """Return the times, clamped to what an int64 holds, and how many had to be."""
        multiply, divide, offset = self
        low, high = int(ticks.min()), int(ticks.max())
        if (
            high * multiply <= LAST_NS
            and low * multiply // divide + offset >= -LAST_NS
            and high * multiply // divide + offset <= LAST_NS
            and abs(offset) <= LAST_NS
            and divide <= LAST_NS
        ):
            return ticks.astype(np.int64) * multiply // divide + offset, 0
        exact = [tick * multiply // divide + offset for tick in ticks.tolist()]
        times = [min(max(time, -LAST_NS), LAST_NS) for time in exact]
        clamped = sum(a != b for a, b in zip(exact, times, strict=True))
        return np.array(times, dtype=np.int64), clamped
