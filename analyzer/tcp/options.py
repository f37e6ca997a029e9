"""TCP options that reassembly and statistics read (RFC 9293 §3.1)."""

from collections.abc import Iterator
from typing import Final, NamedTuple

HEADER: Final = 20
_END, _NO_OPERATION, _MSS, _SCALE, _SACK = 0, 1, 2, 3, 5


class SynOptions(NamedTuple):
    """What a SYN asked for; None: that option was not there."""

    mss: int | None = None
    """Maximum segment size, bytes (RFC 9293 §3.7.1)."""
    scale: int | None = None
    """Shift of the windows to come (RFC 7323 §2.2)."""


def _options(data: bytes, header: int) -> Iterator[tuple[int, bytes]]:
    """Yield (kind, value) of the options of the header at `header`, as far as they are sound."""
    at = header + HEADER
    if at > len(data):
        return
    end = min(header + (data[header + 12] >> 4) * 4, len(data))
    while at < end and data[at] != _END:
        if data[at] == _NO_OPERATION:
            at += 1
            continue
        size = data[at + 1] if at + 1 < end else 0
        if size < 2 or at + size > end:
            return
        yield data[at], data[at + 2 : at + size]
        at += size


def sack_edges(data: bytes, header: int) -> tuple[int, ...]:
    """Return the left edges of the first SACK option's blocks (RFC 2018 §3)."""
    for kind, value in _options(data, header):
        if kind == _SACK:
            starts = range(0, len(value) - 7, 8)
            return tuple(int.from_bytes(value[at : at + 4], "big") for at in starts)
    return ()


def syn_options(data: bytes, header: int) -> SynOptions:
    """Return what the SYN at `header` asks for."""
    mss = scale = None
    for kind, value in _options(data, header):
        if kind == _MSS and len(value) == 2:
            mss = int.from_bytes(value, "big")
        elif kind == _SCALE and len(value) == 1:
            scale = value[0]
    return SynOptions(mss, scale)
