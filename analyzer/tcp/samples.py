"""A value over time, in as many points as a screen can show."""

from array import array
from collections.abc import Callable

import numpy as np

from .segments import Integers

MAX_SAMPLES = 4096
"""Points kept, 16 bytes each: more than a screen has columns, and bounded for days of capture."""


class Samples:
    """(time, value) in the order they came. Where there are more than `MAX_SAMPLES`, of two
    neighbours the one that stands out stays: `worst` picks the place (0 or 1) in pairs."""

    __slots__ = ("_times", "_values", "_worst")

    def __init__(self, worst: Callable[[Integers], Integers]) -> None:
        self._times, self._values = array("q"), array("q")
        self._worst = worst

    def __len__(self) -> int:
        return len(self._times)

    def add(self, time_ns: int, value: int) -> None:
        self._times.append(time_ns)
        self._values.append(value)
        if len(self._times) > MAX_SAMPLES:
            self._thin()

    def extend(self, times: Integers, values: Integers) -> None:
        self._times.frombytes(np.ascontiguousarray(times, np.int64).tobytes())
        self._values.frombytes(np.ascontiguousarray(values, np.int64).tobytes())
        while len(self._times) > MAX_SAMPLES:
            self._thin()

    def columns(self) -> tuple[Integers, Integers]:
        """Return times (nanoseconds since the epoch) and values."""
        return np.array(self._times, np.int64), np.array(self._values, np.int64)

    def _thin(self) -> None:
        times, values = self.columns()
        pairs = len(times) // 2
        chosen = np.arange(pairs) * 2 + self._worst(values[: pairs * 2].reshape(-1, 2))
        chosen = np.append(chosen, np.arange(pairs * 2, len(times)))
        self._times = array("q", times[chosen].tobytes())
        self._values = array("q", values[chosen].tobytes())


def greatest() -> Samples:
    """Return samples of which the greatest stay: round trips."""
    return Samples(lambda pairs: pairs.argmax(axis=1))


def least() -> Samples:
    """Return samples of which the least stay: windows."""
    return Samples(lambda pairs: pairs.argmin(axis=1))
