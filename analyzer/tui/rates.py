"""How fast a live capture comes in: the last seconds, not the average."""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

WINDOW: Final = 3.0
"""Seconds looked back."""


class Sample(NamedTuple):
    """Counters at one moment (seconds of a clock that does not jump)."""

    at: float
    octets: int
    packets: int
    messages: int


class Rates:
    """Keeps the samples of the last seconds."""

    def __init__(self) -> None:
        self._samples: deque[Sample] = deque()

    def note(self, sample: Sample) -> None:
        self._samples.append(sample)
        while len(self._samples) > 2 and sample.at - self._samples[1].at >= WINDOW:
            self._samples.popleft()

    def per_second(self) -> Sample | None:
        """Return bytes, packets and messages per second; None before there are two samples."""
        if len(self._samples) < 2:
            return None
        first, last = self._samples[0], self._samples[-1]
        elapsed = last.at - first.at
        if elapsed <= 0:
            return None
        differences = (
            round((now - then) / elapsed) for now, then in zip(last[1:], first[1:], strict=True)
        )
        return Sample(elapsed, *differences)
