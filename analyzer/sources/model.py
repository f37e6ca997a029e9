"""What every source of frames hands on: batches of frame columns, and what was wrong."""

from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

NO_LINK: Final = -1
"""Link type of a packet that cannot be read: it has a frame number and no bytes."""

LAST_NS: Final = (1 << 63) - 1
"""The latest time an int64 of nanoseconds can hold (year 2262)."""

MAX_SNAPLEN: Final = 262_144
"""Longest record taken from a file that does not announce more; tcpdump's own maximum."""

MAX_BLOCK: Final = 16 << 20
"""Longest pcapng block, and the longest snaplen that is believed; libpcap's bound."""

_LINK_NAMES: Final = {
    NO_LINK: "NONE",
    0: "NULL",
    1: "EN10MB",
    9: "PPP",
    12: "RAW",
    14: "RAW",
    50: "PPP_SERIAL",
    51: "PPP_ETHER",
    101: "RAW",
    104: "C_HDLC",
    105: "IEEE802_11",
    108: "LOOP",
    113: "LINUX_SLL",
    127: "IEEE802_11_RADIO",
    204: "PPP_WITH_DIR",
    219: "MPLS",
    228: "IPV4",
    229: "IPV6",
    276: "LINUX_SLL2",
}


def link_name(link: int) -> str:
    """Return tcpdump's name of a link type, or `LINKTYPE_n`."""
    return _LINK_NAMES.get(link, f"LINKTYPE_{link}")


class SourceError(Exception):
    """The input cannot be read as a capture; the text is one clear line."""


class FilterRefusedError(SourceError):
    """The capture filter cannot be understood: the user's error, not the input's."""


class Secret(NamedTuple):
    """Payload of a pcapng Decryption Secrets Block: `kind` 0x544c534b is a TLS key log."""

    kind: int
    data: bytes


@dataclass(slots=True)
class Problem:
    """Something wrong with the capture file itself."""

    code: str
    text: str
    offset: int
    """Offset in the decompressed capture."""
    frame: int
    """Number of the last whole frame before it."""
    count: int = 1
    """How often it happened; the other members tell of the first time."""


@dataclass(slots=True)
class Problems:
    """Problems in order of appearance, one per code, so that their number is bounded."""

    found: list[Problem] = field(default_factory=list)

    def add(self, code: str, text: str, offset: int, frame: int, count: int = 1) -> None:
        for problem in self.found:
            if problem.code == code:
                problem.count += count
                return
        self.found.append(Problem(code, text, offset, frame, count))


@dataclass(slots=True)
class FrameBatch:
    """Consecutive frames of one block of the capture, as columns."""

    data: bytes
    base: int
    """Offset of data[0] in the decompressed capture."""
    first_frame: int
    """Number of the first frame, counted from 1; the others follow without a hole."""
    offset: NDArray[np.int64]
    """Where each frame's bytes start in `data`."""
    caplen: NDArray[np.int64]
    wirelen: NDArray[np.int64]
    time_ns: NDArray[np.int64]
    """Nanoseconds since the epoch; a Simple Packet Block has the time of the frame before it."""
    link: NDArray[np.int32]
    """Link type; `NO_LINK` where the packet could not be read (it then has no bytes)."""

    def __len__(self) -> int:
        return len(self.offset)


@dataclass(slots=True)
class Scan:
    """What a scanner found in a block: the frames, where to go on, and how much that needs."""

    batch: FrameBatch
    consumed: int
    """Bytes of the block that need not be seen again."""
    need: int
    """Size of the block that holds the next record or block whole."""
    stopped: bool = False
    """Nothing after `consumed` can be read; a problem says why."""


def windows(data: bytes, width: int) -> NDArray[np.void]:
    """Return a view whose element i is `data[i : i + width]`, to gather headers at any offset."""
    count = max(len(data) - width + 1, 0)
    return np.ndarray((count,), dtype=f"V{width}", buffer=data, strides=(1,))
