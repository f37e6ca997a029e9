"""What the connections of a capture may cost together: shared by all their readers."""

from __future__ import annotations

from typing import Final

from dissectors.resync.effort import Effort

MAX_HELD_TOTAL: Final = 20 << 20
"""Bytes of unfinished bodies held by all directions: one of the largest size, and many others."""
MAX_OPEN_RUNS: Final = 200_000
"""Runs of unfinished messages, about 200 bytes each; real ones have some dozens."""
FREE_VALUES: Final = 50_000
"""AMF values decoded for state whatever the capture's size: a third of a second of work."""
BYTES_PER_VALUE: Final = 1024
"""Stream bytes that pay for one more: real streams have one in some thousands."""
LEAST_VALUES: Final = 8
"""What a command costs at least, in values."""
FREE_EFFORT: Final = 20_000
"""Work on searches for chunk headers whatever the capture's size, a fifth of a second of it. A hole
costs about 50."""


class Budget:
    """Counters of what is in use; `exhausted` names the limits that were hit."""

    __slots__ = ("effort", "exhausted", "fed", "held", "runs", "values")

    def __init__(self) -> None:
        self.fed = 0
        """Stream bytes of all connections."""
        self.held = 0
        self.runs = 0
        self.values = 0
        self.effort = Effort(FREE_EFFORT)
        self.exhausted: set[str] = set()

    def may_decode(self) -> bool:
        """Whether one more command is decoded for state."""
        if self.values < FREE_VALUES + self.fed // BYTES_PER_VALUE:
            return True
        self.exhausted.add("command_values")
        return False

    def decoded(self, values: int) -> None:
        """Pay for a decoded command."""
        self.values += max(values, LEAST_VALUES)
