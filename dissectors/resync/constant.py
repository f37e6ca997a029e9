"""RTMP 1.0 §5.3.1.2: streams of equal messages that never spell out their length again.

FFmpeg sends constant-size audio (G.711, AC-3) as `c4` + payload for hours: same length, same
delta, so fmt 3 throughout; GStreamer's rtmp2sink does so for CBR AAC (fmt 2 and 3) and repeats
its metadata as fmt 2. Mid-stream nothing says how long these messages are; but one begins where
a fully described message ends, and the next one looks like it.
"""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from dissectors import spec
from dissectors.resync.header import Header, read_header
from dissectors.resync.sizes import COMMON, COMMON_LARGE, UNSPLIT

_MIN_LENGTH: Final = 8
_MIN_VOTES: Final = 2
_SHARE: Final = 0.4
"""Of the votes for one chunk stream; a room that holds something else first votes wrong."""
_MAX_LENGTH: Final = 8192
MAX_HEADERS: Final = 400

Found = dict[int, tuple[int, int, int]]


def constant_streams(data: bytes, strong: Sequence[int], chunk_size: int | None) -> Found:
    """Return csid → (type, length, msid) of constant-size streams between `strong` headers."""
    if len(strong) <= _MIN_VOTES:
        return Found()  # n headers have n - 1 rooms between them
    # The least first: what stands in the way of a body tells it from those that do not split it.
    sizes = (*COMMON, *COMMON_LARGE, UNSPLIT) if chunk_size is None else (chunk_size,)
    best, best_votes = Found(), 0
    for size in sizes:
        rooms = list(_rooms(data, strong[:MAX_HEADERS], size))
        found, votes = _agree(data, rooms, size, Found())
        if found:
            found, votes = _agree(data, rooms, size, found)
        if votes > best_votes:
            best, best_votes = found, votes
    return best


def _rooms(data: bytes, strong: Sequence[int], size: int) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of what stands between a described message and the next full header."""
    for offset in strong:
        header = read_header(data, offset)
        if header is None or header.length < 1:
            continue
        step = header.basic_length + (4 if header.extended else 0)
        end = header.end + header.length + (header.length - 1) // size * step
        after = bisect_left(strong, end)
        if after < len(strong) and strong[after] > end:
            yield end, strong[after]


def _agree(data: bytes, rooms: list[tuple[int, int]], size: int, known: Found) -> tuple[Found, int]:
    """Return `known` and the streams on whose length enough rooms agree, and the votes for all."""
    votes: Counter[tuple[int, int, int]] = Counter()
    total: Counter[int] = Counter()
    for start, end in rooms:
        vote = _vote(data, start, end, size, known)
        if vote is not None:
            votes[vote] += 1
            total[vote[0]] += 1
    found, count = dict(known), 0
    for (csid, type_, length), number in sorted(votes.items()):
        if number >= _MIN_VOTES and number >= _SHARE * total[csid] and csid not in found:
            found[csid] = (type_, length, 0)
            count += number
    return found, count + len(known) * len(rooms)


def _vote(
    data: bytes, start: int, end: int, size: int, known: Found
) -> tuple[int, int, int] | None:
    """Return (csid, type, length) that the first unknown message of a room suggests."""
    pos = start
    while pos < end:
        header = read_header(data, pos)
        if header is None or header.fmt < 2 or header.basic_length > 1 or header.extended:
            return None
        state = known.get(header.csid)
        if state is None:
            return _measure(data, header, end, size, known)
        pos = header.end + state[1] + (state[1] - 1) // size
    return None


def _measure(
    data: bytes, header: Header, end: int, size: int, known: Found
) -> tuple[int, int, int] | None:
    body = header.end
    is_data = data.startswith(b"\x02\0", body)
    opening = data[body : body + (2 if is_data or data[body] >> 4 == 10 else 1)]
    following = _next_header(header.csid, opening)
    for csid, state in known.items():
        following += b"|" + _next_header(csid, b"\x02\0" if state[0] == spec.DATA_AMF0 else b"")
    match = re.compile(following, re.DOTALL).search(data, body + _MIN_LENGTH, end)
    distance = (match.start() if match else end) - body
    while match and not _is_split(data, header.csid, body, distance, size):
        match = re.compile(following, re.DOTALL).search(data, match.start() + 1, end)
        distance = (match.start() if match else end) - body
    if not _MIN_LENGTH <= distance <= _MAX_LENGTH:
        return None
    if not _is_split(data, header.csid, body, distance, size):
        return None
    length = distance - distance // (size + 1)
    return header.csid, spec.DATA_AMF0 if is_data else spec.AUDIO, length


def _next_header(csid: int, opening: bytes) -> bytes:
    fmt2, fmt3 = re.escape(bytes((0x80 | csid,))), re.escape(bytes((0xC0 | csid,)))
    return rb"(?:%b\x00[\x00-\x4e].|%b)" % (fmt2, fmt3) + re.escape(opening)


def _is_split(data: bytes, csid: int, body: int, distance: int, size: int) -> bool:
    """Return whether the continuation marks inside the message stand where they must."""
    marks = data[body + size : body + distance : size + 1]
    return marks == bytes((0xC0 | csid,)) * len(marks)
