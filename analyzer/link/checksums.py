"""TCP checksums verified, for who asks for it: a receiver never saw a segment with a wrong one."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzer.link import names
from analyzer.link.model import FlowTable, Rejected, SegmentBatch

_ONES: Final = 0xFFFF
_AT: Final = 16
"""Offset of the checksum in the TCP header (RFC 9293 §3.1)."""


class _Columns(NamedTuple):
    """The columns that are needed, as lists."""

    flow: list[int]
    header: list[int]
    payload: list[int]
    captured: list[int]
    length: list[int]


class Checker:
    """Takes segments with a wrong checksum out of batches."""

    def __init__(self, flows: FlowTable) -> None:
        self._flows = flows
        self._addresses: dict[int, int] = {}

    def checked(self, segments: SegmentBatch) -> SegmentBatch:
        """Return the batch without the bad segments, which its `rejected` names."""
        bad = self._bad(segments)
        if not bad.any():
            return segments
        good = segments.take(np.flatnonzero(~bad))
        names_ = Rejected._fields
        good.rejected = Rejected(*(getattr(segments, name)[bad] for name in names_))
        return good

    def _bad(self, segments: SegmentBatch) -> NDArray[np.bool]:
        """What was cut off or came in IP fragments cannot be judged: it is not bad."""
        rows = _Columns(*(getattr(segments, name).tolist() for name in _Columns._fields))
        data, split = segments.data, segments.split
        bad = np.zeros(len(segments), dtype=np.bool)
        for row, (flow, header, payload, captured, length) in enumerate(zip(*rows, strict=True)):
            if captured < length or header >= split or payload - header < 20:
                continue
            if payload - header != (data[header + 12] >> 4) * 4:
                continue
            part = data[header : payload + captured]
            pseudo = self._pseudo(flow)
            size = int.from_bytes(len(part).to_bytes(4, "big"), "little")
            if (int.from_bytes(part, "little") + pseudo + size) % _ONES == 0:
                continue
            # The card was to finish it: it holds the sum of the pseudo header only, on Windows
            # without the length; some drivers leave 0.
            started = int.from_bytes(part[_AT : _AT + 2], "little")
            bad[row] = started and all((started - pseudo - each) % _ONES for each in (size, 0))
        return bad

    def _pseudo(self, flow: int) -> int:
        """Return the sum of addresses and protocol (RFC 9293 §3.1), least byte first."""
        found = self._addresses.get(flow)
        if found is None:
            addresses = self._flows.addresses(flow)
            found = (int.from_bytes(addresses, "little") + (names.TCP << 8)) % _ONES
            self._addresses[flow] = found
        return found
