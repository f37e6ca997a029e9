"""Segments as columns, the table of flows, and what was left out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from ipaddress import IPv4Address, IPv6Address
from typing import Final, NamedTuple, Self, overload

import numpy as np
from numpy.typing import NDArray

MAX_FLOWS: Final = 1 << 20
"""Flows kept, at some 150 bytes each; segments of others are counted and left out."""
EAGER_FLOWS: Final = 1 << 16
"""With so many flows a new one must bring payload: a SYN flood stores nothing more."""
UNKNOWN_FLOW: Final = -1


class Flow(NamedTuple):
    """An unordered pair of endpoints; `a` is the smaller by (address, port)."""

    a_ip: str
    a_port: int
    b_ip: str
    b_port: int


class FlowTable(Sequence[Flow]):
    """Flows by number. Kept as bytes, and made readable when asked for."""

    def __init__(self) -> None:
        self._keys: list[bytes] = []
        self._numbers: dict[bytes, int] = {}

    def number(self, key: bytes, payload: bool) -> int:
        """Return the number of the flow `key` (both endpoints: address and port, smaller
        first), a new one if need be; `UNKNOWN_FLOW` where that is one too many.
        """
        number = self._numbers.get(key)
        if number is not None:
            return number
        number = len(self._keys)
        if number >= (MAX_FLOWS if payload else EAGER_FLOWS):
            return UNKNOWN_FLOW
        self._numbers[key] = number
        self._keys.append(key)
        return number

    def keys(self, start: int) -> list[bytes]:
        """Return the flows from number `start` on as `extend` takes them."""
        return self._keys[start:]

    def extend(self, keys: list[bytes]) -> None:
        """Add flows that another table has numbered."""
        for key in keys:
            self._numbers[key] = len(self._keys)
            self._keys.append(key)

    def addresses(self, number: int) -> bytes:
        """Return the two addresses of a flow as they stand in IP headers, in any order."""
        key = self._keys[number]
        half = len(key) // 2
        return key[: half - 2] + key[half:-2]

    def __len__(self) -> int:
        return len(self._keys)

    @overload
    def __getitem__(self, index: int) -> Flow: ...
    @overload
    def __getitem__(self, index: slice) -> list[Flow]: ...
    def __getitem__(self, index: int | slice) -> Flow | list[Flow]:
        if isinstance(index, slice):
            return [_flow(key) for key in self._keys[index]]
        return _flow(self._keys[index])

    def __iter__(self) -> Iterator[Flow]:
        return map(_flow, self._keys)


def _flow(key: bytes) -> Flow:
    half = len(key) // 2
    a, b = key[:half], key[half:]
    return Flow(_address(a[:-2]), a[-2] << 8 | a[-1], _address(b[:-2]), b[-2] << 8 | b[-1])


def _address(packed: bytes) -> str:
    """Return an address as text; an IPv4-mapped one (RFC 4291 §2.5.5.2) alike in every Python."""
    if len(packed) == 4:
        return str(IPv4Address(packed))
    address = IPv6Address(packed)
    mapped = address.ipv4_mapped
    return f"::ffff:{mapped}" if mapped else str(address)


@dataclass(slots=True)
class Counters:
    """Frames that gave no segment, and why."""

    not_ip: int = 0
    not_tcp: int = 0
    fragments: int = 0
    """IP fragments that wait for others, came too late or too many."""
    incomplete: int = 0
    """Datagrams given up because fragments were missing or too many."""
    malformed: int = 0
    """Headers that contradict themselves or are cut off."""
    too_deep: int = 0
    """More layers of encapsulation than are followed."""
    unknown_flow: int = 0
    """Segments beyond the number of flows kept."""
    protected: int = 0
    """802.11 frames that are encrypted."""
    bad_checksums: int = 0
    """Segments left out because their checksum is wrong; only where that was asked for."""
    unreadable: int = 0
    """Packets that the source could not read."""
    unsupported_link: dict[int, int] = field(default_factory=dict)
    """Link type → frames."""


class Rejected(NamedTuple):
    """Segments taken out of a batch for their checksums; columns named as those of a batch."""

    frame: NDArray[np.int64]
    time_ns: NDArray[np.int64]
    flow: NDArray[np.int32]
    reverse: NDArray[np.bool]
    seq: NDArray[np.int64]
    length: NDArray[np.int64]


@dataclass(slots=True)
class SegmentBatch:
    """TCP segments in frame order. A segment that came in IP fragments has a row for each
    piece of its payload, all with the number of the frame that completed it.
    """

    data: bytes
    """The frames' bytes; from `split` on reassembled headers and payload, when there are any."""
    base: int
    """Offset of data[0] in the decompressed capture."""
    split: int
    rejected: Rejected | None
    """Segments with a wrong checksum that would have stood here."""
    frame: NDArray[np.int64]
    time_ns: NDArray[np.int64]
    flow: NDArray[np.int32]
    reverse: NDArray[np.bool]
    """True when the sender is the flow's endpoint b."""
    seq: NDArray[np.int64]
    ack: NDArray[np.int64]
    flags: NDArray[np.uint8]
    window: NDArray[np.int64]
    ident: NDArray[np.int32]
    """IPv4 Identification, which tells a frame captured twice from a retransmission; -1 in IPv6."""
    header: NDArray[np.int64]
    """Offset of the TCP header in `data`; payload - header bytes of it were captured, except
    in the second and later rows of a fragmented segment, where it is that of the first."""
    payload: NDArray[np.int64]
    """Offset of the payload in `data`."""
    captured: NDArray[np.int64]
    """Payload bytes there."""
    length: NDArray[np.int64]
    """Payload bytes on the wire."""
    position: NDArray[np.int64]
    """Offset of the payload in the decompressed capture, also where `data` has a copy."""

    def __len__(self) -> int:
        return len(self.frame)

    def take(self, index: NDArray[np.int64]) -> Self:
        """Return the rows of `index`, in that order."""
        rows = {each.name: getattr(self, each.name)[index] for each in fields(self)[4:]}
        return type(self)(self.data, self.base, self.split, self.rejected, **rows)
