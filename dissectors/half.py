"""One direction of a connection: first bytes, rows that wait, configurations by position."""

from __future__ import annotations

from typing import Final

from dissectors import spec
from dissectors.chunk_state import MessageRow
from dissectors.messages import audio, video
from dissectors.reader import ChunkReader

MAX_WAITING: Final = (64 << 10, 64)
"""Bytes, and pieces of them and holes, that wait until it is known what a connection is."""


class Half:
    """One direction: first bytes, handshake, then the chunk reader."""

    def __init__(self) -> None:
        self.from_start = False
        self.pending = bytearray()
        """Bytes not yet given to the chunk reader."""
        self.first = b""
        """C0 C1 C2 or S0 S1 S2, as far as captured; zeros where bytes are missing."""
        self.holes: list[tuple[int, int]] = []
        """(start, end) of what is missing in the handshake; `pending` has zeros there."""
        self.waiting: list[bytes | int] = []
        """What follows a hole behind `pending`, while it is open what this is; holes as ints."""
        self.waiting_size = 0
        self.skip = 0
        self.judged = (0, 0)
        """How many telling bytes and holes there were when this was looked at last."""
        self.has_data = False
        self.reader: ChunkReader | None = None
        self.rows: list[MessageRow] = []
        self.taken = 0
        self.configs: dict[str, list[int]] = {"audio": [], "video": []}
        """Messages with a codec configuration: their place in the order the messages ended."""
        self.config_offsets: dict[str, list[int]] = {"audio": [], "video": []}
        """Where the first chunk headers of these stand in the stream."""

    @property
    def waits_long(self) -> bool:
        """Whether so much waits that it must be decided what this is."""
        return self.waiting_size > MAX_WAITING[0] or len(self.waiting) > MAX_WAITING[1]

    @property
    def damaged(self) -> bool:
        """Whether handshake bytes are missing."""
        return bool(self.holes)

    @property
    def first_holes(self) -> tuple[tuple[int, int], ...]:
        """(start, end) of what is missing in `first`."""
        return tuple((max(low - self.skip, 0), high - self.skip) for low, high in self.holes)

    def has(self, start: int, end: int) -> bool:
        """Whether the bytes [start, end) of `first` were captured."""
        holes = self.first_holes
        return end <= len(self.first) and all(end <= low or high <= start for low, high in holes)

    @property
    def handshake_complete(self) -> bool:
        return len(self.first) == spec.HANDSHAKE_END and not self.damaged


def is_config(row: MessageRow) -> bool:
    """Whether a media message carries a codec configuration, by its first bytes alone."""
    head = row.head
    if row.type_id == spec.VIDEO:
        if head[0] & 0x80:
            if head[0] & 0x0F == 6 and len(head) > 1 and head[1] & 0x0F not in (0, 5):
                return False  # Multitrack: the packet type stands in the second byte
            return head[0] & 0x0F in (0, 5, 6, 7) and video.peek(head, row.length).is_config
        return head[0] & 0x0F in (7, 12, 13, 14) and head[1:2] == b"\0"
    if head[0] >> 4 == 9:
        return head[0] & 0x0F in (0, 5, 7) and audio.peek(head, row.length).is_config
    return head[0] >> 4 == 10 and head[1:2] == b"\0"
