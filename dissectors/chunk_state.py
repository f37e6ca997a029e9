"""What a chunk reader keeps and gives out: message rows, runs and chunk stream state."""

from __future__ import annotations

from typing import Final, NamedTuple

from dissectors.spans import Run


class Flag:
    """What is known about a message row: bits, plain integers because rows are many."""

    COMPLETE: Final = 1
    DAMAGED: Final = 2
    """Body bytes are missing."""
    ABORTED: Final = 4
    """An Abort Message dropped it (§5.4.2)."""
    REPLACED: Final = 8
    """A new message header came on its chunk stream before it was complete."""
    INFERRED_TIMESTAMP: Final = 16
    INFERRED_MSID: Final = 32
    INFERRED_LENGTH: Final = 64
    INFERRED_TYPE: Final = 128
    INFERRED_CHUNK_SIZE: Final = 256
    FRESH: Final = 512
    """Its chunk stream was opened with a fmt other than 0."""
    EXTENDED: Final = 1024
    """An extended timestamp is in force (§5.3.1.3)."""
    EXTENDED_OMITTED: Final = 2048
    """The sender left the extended timestamp out on fmt 3."""
    LIMITED: Final = 4096
    """Given up by a limit of this program."""
    HEADER_REPEATED: Final = 8192
    """A chunk inside it has a fmt 1 or 2 header, which FFmpeg takes for fmt 3."""


class MessageRow(NamedTuple):
    """A message that ended: completed, or cut."""

    number: int
    header_offset: int
    """Stream offset of the first chunk header."""
    end_offset: int
    chunks: int
    fmt: int
    csid: int
    msid: int
    type_id: int
    timestamp: int
    length: int
    received: int
    flags: int
    head: bytes
    runs: tuple[Run, ...]
    body: bytes | None
    """The body of types 1–6 and 15–20, None for others and where bytes are missing."""


class ChunkSizeChange(NamedTuple):
    """From `stream_offset` on, chunks carry up to `size` bytes."""

    stream_offset: int
    size: int
    number: int | None
    """Index of the Set Chunk Size message; None for the default and for an inferred size."""


class ReaderEvent(NamedTuple):
    """Something a person should know about the chunk stream."""

    code: str
    stream_offset: int
    length: int
    text: str


class ChunkStream:
    """State of one chunk stream id (§5.3.1.2): the last header and the message under way."""

    __slots__ = (
        "body_position",
        "chunks",
        "continuation",
        "csid",
        "delta",
        "extended",
        "extended_value",
        "flags",
        "fmt",
        "head",
        "header_offset",
        "inferred",
        "length",
        "msid",
        "number",
        "open",
        "parts",
        "received",
        "run",
        "runs",
        "timestamp",
        "type_id",
    )

    def __init__(self, csid: int) -> None:
        self.csid = csid
        self.timestamp = 0
        self.delta = 0
        self.length = 0
        self.type_id = 0
        self.msid = 0
        self.extended = False
        self.extended_value = 0
        self.inferred = 0
        """Flags of inherited values that were never seen on the wire."""
        # The message under way.
        self.open = False
        self.number = 0
        self.header_offset = 0
        self.fmt = 0
        self.flags = 0
        self.chunks = 0
        self.body_position = 0
        self.received = 0
        self.head = b""
        self.parts: list[bytes] | None = None
        self.runs: list[Run] = []
        self.run = [0, 0, 0, 0, 0]
        """The run that still grows, in the order of `Run`; header_length 0 while one chunk."""
        self.continuation: bytes | None = None
        """The fmt 3 header that must follow, byte for byte; None when that is not certain."""
