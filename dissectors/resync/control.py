"""RTMP 1.0 §5.4: directions that carry only protocol control, as a player's.

Acknowledgements are too short and too full of zeros to stand out of noise. But their senders
push each one in a segment of its own, so segment starts are chunk starts.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from dissectors import spec
from dissectors.resync.evidence import IMPOSSIBLE, MESSAGE_TYPES, header_bits
from dissectors.resync.header import read_header
from dissectors.resync.payload import payload_bits

_ACCEPT: Final = 40.0
_ACCEPT_OPEN: Final = 64.0
_AGREEMENT: Final = 6.0
"""A segment that starts where a message starts."""
_ZERO: Final = 2.0
"""Worth of a zero byte where most bytes are zero."""
_MAX_STARTS: Final = 64
_BY_LENGTH: Final = {
    4: spec.ACKNOWLEDGEMENT,
    6: spec.USER_CONTROL,
    10: spec.USER_CONTROL,
}
"""What a shortened header on csid 2 means when its full form was not seen."""


class Control(NamedTuple):
    """A control-only reading from `offset` on; `streams` as in `Lock`."""

    offset: int
    bits: float
    headers: int
    streams: tuple[tuple[int, int, int, int], ...]


def control_lock(data: bytes, segment_starts: Sequence[int], final: bool) -> Control | None:
    """Return the first segment start from which `data` reads as whole messages to its end.

    Every later segment start must open a message too.
    """
    starts = sorted({start for start in segment_starts if 0 <= start < len(data)})
    for index in range(min(len(starts), _MAX_STARTS)):
        found = _Reading(data, starts[index:]).read()
        if found is not None and found.bits >= (_ACCEPT if final else _ACCEPT_OPEN):
            return found
    return None


class _Reading:
    """One attempt, from the first of `starts`."""

    def __init__(self, data: bytes, starts: Sequence[int]) -> None:
        self.data, self.starts = data, starts
        self.state: dict[int, tuple[int, int]] = {}
        self.assumed: tuple[tuple[int, int, int, int], ...] = ()
        self.last = -1
        """Value of the last Acknowledgement."""

    def read(self) -> Control | None:
        pos, bits, headers, index = self.starts[0], 0.0, 0, 0
        while pos < len(self.data):
            if index < len(self.starts):
                if pos > self.starts[index]:
                    return None
                if pos == self.starts[index]:
                    bits += _AGREEMENT
                    index += 1
            limit = self.starts[index] if index < len(self.starts) else len(self.data)
            step = self._message(pos, limit)
            if step is None:
                return None
            pos = step[0]
            bits += step[1]
            headers += 1
        if index < len(self.starts):
            return None
        return Control(self.starts[0], bits, headers, self.assumed)

    def _message(self, pos: int, limit: int) -> tuple[int, float] | None:
        """Return where the message at `pos` ends, and its evidence."""
        header = read_header(self.data, pos)
        if header is None or header.msid > 16:
            return None
        if header.fmt < 2:
            self.state[header.csid] = (header.type, header.length)
        elif header.csid == spec.CONTROL_CSID and header.csid not in self.state:
            length = limit - header.end
            if length not in _BY_LENGTH:
                return None
            self.state[header.csid] = (_BY_LENGTH[length], length)
            self.assumed = ((header.csid, *self.state[header.csid], 0),)
        type_, length = self.state.get(header.csid, (0, 0))
        end = header.end + length
        if type_ not in MESSAGE_TYPES or length > spec.DEFAULT_CHUNK_SIZE or end > len(self.data):
            return None
        own = header_bits(header, _ZERO)
        if own == IMPOSSIBLE:
            return None
        # Headers are alike here and prove little; order and fit count.
        payload = payload_bits(type_, self.data, header.end, end, length, _ZERO)
        bits = own / 4 + max(payload, -20.0) / (4 if payload < 20.0 else 2)
        if type_ == spec.ACKNOWLEDGEMENT:
            value = int.from_bytes(self.data[header.end : end], "big")
            if self.last >= 0:
                bits += 6.0 if 0 < value - self.last < 1 << 28 else -6.0
            self.last = value
        return end, bits
