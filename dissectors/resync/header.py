"""RTMP 1.0 §5.3.1: one chunk header as read while searching, before any state is trusted."""

from typing import Final, NamedTuple

from dissectors import spec

UNKNOWN: Final = -1
_WINDOW: Final = 16
"""Marks compared at once at first."""


class Header(NamedTuple):
    """A chunk header; `length`, `type` and `msid` are `UNKNOWN` when the fmt leaves them out."""

    fmt: int
    csid: int
    basic_length: int
    time: int
    length: int
    type: int
    msid: int
    extended: bytes
    """The four bytes after an exhausted timestamp field, else empty. Never set by fmt 3."""
    end: int


def read_header(data: bytes, pos: int) -> Header | None:
    """Return the header at `pos`, None when `data` ends inside it."""
    size = len(data)
    if pos >= size:
        return None
    fmt, csid = data[pos] >> 6, data[pos] & 0x3F
    basic_length = 1
    if csid < 2:
        basic_length = 2 + csid
        if pos + basic_length > size:
            return None
        csid = int.from_bytes(data[pos + 1 : pos + basic_length], "little") + 64
    at = pos + basic_length
    end = at + spec.HEADER_LENGTHS[fmt]
    if end > size:
        return None
    if fmt == 3:
        return Header(3, csid, basic_length, 0, UNKNOWN, UNKNOWN, UNKNOWN, b"", end)
    time = int.from_bytes(data[at : at + 3], "big")
    length = type_ = msid = UNKNOWN
    if fmt < 2:
        length = int.from_bytes(data[at + 3 : at + 6], "big")
        type_ = data[at + 6]
    if fmt == 0:
        msid = int.from_bytes(data[at + 7 : at + 11], "little")
    extended = b""
    if time == spec.EXTENDED_TIMESTAMP:
        extended = data[end : end + 4]
        end += 4
        if end > size:
            return None
    return Header(fmt, csid, basic_length, time, length, type_, msid, extended, end)


def continuation_header(csid: int) -> bytes:
    """Return the basic header of a fmt 3 chunk on `csid`, in its shortest form."""
    if csid < 64:
        return bytes((0xC0 | csid,))
    if csid < 320:
        return bytes((0xC0, csid - 64))
    return b"\xc1" + (csid - 64).to_bytes(2, "little")


def repeats(data: bytes, pos: int, mark: bytes, step: int, most: int) -> int:
    """Return how often `mark` stands in `data` from `pos` on, `step` bytes apart, at most `most`
    times in a row. The work is in proportion to the answer.
    """
    count, window = 0, _WINDOW
    while count < most:
        take = same = min(window, most - count)
        start = pos + count * step
        for at in range(start, start + len(mark)):
            column = data[at : at + (take - 1) * step + 1 : step]
            same = min(same, len(column) - len(column.lstrip(mark[at - start : at - start + 1])))
        count += same
        if same < take:
            break
        window *= 8
    return count
