"""RTMP 1.0 §5.4: directions that carry only protocol control, as a player's.

Acknowledgements are too short and too full of zeros to stand out of noise. But nearly every one
opens a segment, and their values rise.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from dissectors import spec
from dissectors.resync.evidence import IMPOSSIBLE, MESSAGE_TYPES, header_bits
from dissectors.resync.header import Header, read_header
from dissectors.resync.payload import payload_bits

MAX_STARTS: Final = 512
"""Segment starts looked at: more than one reading needs."""
_MAX_TRIED: Final = 64
_MAX_MESSAGES: Final = 200
_ACCEPT: Final = 40.0
_ACCEPT_OPEN: Final = 64.0
_AGREEMENT: Final = 6.0
"""A segment that starts where a message starts; the opposite for one that starts inside."""
_CHUNK_STREAM: Final = 5.0
_RISING: Final = 6.0
_MAX_RISE: Final = 1 << 28
_ZERO: Final = 2.0
"""Worth of a zero byte where most bytes are zero."""
_ASSUMED: Final = (
    (spec.ACKNOWLEDGEMENT, 4),
    (spec.USER_CONTROL, 6),
    (spec.USER_CONTROL, 10),
)
"""What a shortened header on csid 2 can mean when its full form was not seen: type, length."""
_REMEMBERED: Final = 8.0


class Control(NamedTuple):
    """A control-only reading from `offset` on; `streams` as in `Lock`."""

    offset: int
    bits: float
    headers: int
    streams: tuple[tuple[int, int, int, int], ...]


def control_lock(
    data: bytes,
    segment_starts: Sequence[int],
    known: Mapping[int, tuple[int, int, int]],
    final: bool,
    whole: bool,
) -> Control | None:
    """Return the first segment start from which `data` reads as control messages to its end.

    `known`: csid → (type, length, msid) from before the gap; `final`: no more data will come;
    `whole`: a chunk header is known to stand where `data` ends.
    """
    starts = [start for start in segment_starts[:MAX_STARTS] if 0 <= start < len(data)]
    opening = frozenset(starts)
    before = known.get(spec.CONTROL_CSID, (0, -1, 0))[:2]
    for start in starts[:_MAX_TRIED]:
        readings = [
            _Reading(data, opening, start, assumed).read(_REMEMBERED * (assumed == before), whole)
            for assumed in _ASSUMED
        ]
        best = max(readings, key=lambda reading: reading.bits if reading else 0.0)
        if best is not None and best.bits >= (_ACCEPT if final else _ACCEPT_OPEN):
            return best
    return None


class _Reading:
    """One attempt from `start`; chunk stream 2 carries `assumed` (type, length) until told."""

    def __init__(
        self, data: bytes, starts: frozenset[int], start: int, assumed: tuple[int, int]
    ) -> None:
        self.data, self.starts, self.start = data, starts, start
        self.state = {spec.CONTROL_CSID: assumed}
        self.leaned = False
        """A shortened header relied on what was assumed."""
        self.told = False
        self.last = -1
        """Value of the last Acknowledgement."""

    def read(self, remembered: float, whole: bool) -> Control | None:
        """Return the reading, None when a message is impossible before the data ends.

        `whole`: when one is cut by that end, too.
        """
        assumed = (spec.CONTROL_CSID, *self.state[spec.CONTROL_CSID], 0)
        pos, bits, headers = self.start, 0.0, 0
        while pos < len(self.data) and headers < _MAX_MESSAGES:
            header = read_header(self.data, pos)
            worth = 0.0 if header is None else self._message(header)
            if worth == IMPOSSIBLE:
                return None
            end = 0 if header is None else header.end + self.state[header.csid][1]
            if header is None or end > len(self.data):
                if whole:
                    return None
                break
            bits += worth + (_AGREEMENT if pos in self.starts else 0.0)
            # FFmpeg writes header and body apart; a start elsewhere is a coincidence at best.
            inside = self.starts.intersection(range(pos + 1, end)) - {header.end}
            bits -= _AGREEMENT * len(inside)
            headers += 1
            pos = end
        if not self.leaned:
            return Control(self.start, bits, headers, ())
        return Control(self.start, bits + remembered, headers, (assumed,))

    def _message(self, header: Header) -> float:
        """Take over the header of a message and return its evidence with that of its body."""
        data = self.data
        if header.msid > 16:
            return IMPOSSIBLE
        if header.fmt < 2:
            self.state[header.csid] = (header.type, header.length)
            self.told = self.told or header.csid == spec.CONTROL_CSID
        elif header.csid not in self.state:
            return IMPOSSIBLE
        else:
            self.leaned = self.leaned or not self.told
        type_, length = self.state[header.csid]
        if type_ not in MESSAGE_TYPES or length > spec.DEFAULT_CHUNK_SIZE:
            return IMPOSSIBLE
        # Headers are alike here and prove little; order and fit count.
        own = header_bits(header, _ZERO)
        if header.fmt > 1:
            own += _CHUNK_STREAM * 3
        end = min(header.end + length, len(data))
        payload = payload_bits(type_, data, header.end, end, length, _ZERO)
        if type_ == spec.USER_CONTROL and payload < 0:
            return IMPOSSIBLE
        bits = own / 4 + max(payload, -20.0) / (4 if payload < 20.0 else 2)
        if type_ == spec.ACKNOWLEDGEMENT and end - header.end == 4:
            value = int.from_bytes(data[header.end : end], "big")
            if self.last >= 0:
                if not 0 < (value - self.last) & 0xFFFFFFFF < _MAX_RISE:
                    return IMPOSSIBLE
                bits += _RISING
            self.last = value
        return bits
