"""A capture as a whole, as outputs describe it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime


@dataclass(slots=True)
class CaptureInfo:
    """The capture as a whole; grows while indexing."""

    name: str
    format: str
    compression: str | None
    size: int | None
    packets: int = 0
    link_types: list[str] = field(default_factory=list)
    start_ns: int | None = None
    """Time of the first packet, nanoseconds since the epoch."""
    duration_ns: int = 0
    truncated: bool = False
    bytes_read: int = 0

    @property
    def start(self) -> str | None:
        """The first packet's time in UTC with nanoseconds, None where it is not known."""
        if not self.start_ns:
            return None  # no packets, or blocks that carry no time
        seconds, nanoseconds = divmod(self.start_ns, 1_000_000_000)
        try:
            when = datetime.fromtimestamp(seconds, UTC)
        except (OverflowError, ValueError, OSError):
            return None  # an absurd time stamp
        return f"{when:%Y-%m-%dT%H:%M:%S}.{nanoseconds:09d}Z"
