"""The fast path of the chunk stream: whole messages that lie in the buffer.

It takes what nearly all of a capture consists of (audio and video on a known chunk stream below
64, nothing interleaved), and messages of one chunk that change nothing about chunks, extended
timestamps (§5.3.1.3) only in such. It leaves the rest, byte for byte, to the state machine in
`chunking.py`; both give the same rows.
"""

from collections.abc import Mapping
from struct import Struct
from typing import Final

from dissectors import spec
from dissectors.chunk_state import ChunkStream, Flag, MessageRow
from dissectors.plausible import implausible
from dissectors.spans import Run

HEAD_SIZE: Final = 16
"""First body bytes kept of every message: enough for any media tag header without ModEx."""
MAX_ROWS: Final = 1_024
"""Rows of one call, so that they can be taken in between, while the processor's cache has them."""
WINDOW: Final = 64
"""Chunk headers compared before the others of the message."""
CHANGING_TYPES: Final = frozenset({spec.SET_CHUNK_SIZE, spec.ABORT})
"""Messages that change how chunks are read."""
HELD_TYPES: Final = frozenset({1, 2, 3, 4, 5, 6, 15, 16, 17, 18, 19, 20, 22})
"""Messages that travel with their bodies."""
_MARKS: Final = [bytes([0xC0 | csid]) for csid in range(64)]
_MEDIA: Final = (spec.VIDEO, spec.AUDIO)
_COMPLETE: Final = Flag.COMPLETE
_LATER: Final = Flag.INFERRED_TIMESTAMP | Flag.INFERRED_MSID
_EXTENDED: Final = spec.EXTENDED_TIMESTAMP
_words: Final = Struct(">III").unpack_from
_new: Final = tuple.__new__


def pass_repeated(
    streams: Mapping[int, ChunkStream], buffer: bytes, position: int, chunk_size: int
) -> tuple[int, int]:
    """Pass over whole media messages of one fmt 3 chunk; return where that ends, and how many.

    For floods whose rows nobody wants any more: the headers are counted in C.
    """
    total, end = 0, len(buffer)
    known: dict[int, ChunkStream] = {}
    while position < end:
        mark = buffer[position]
        cs = known.get(mark) or _repeatable(streams, mark, chunk_size)
        if cs is None:
            break
        known[mark] = cs
        stop = position + 1 + cs.length
        if cs.length and stop < end and buffer[stop] != mark:  # one by itself
            cs.timestamp = (cs.timestamp + cs.delta) & 0xFFFFFFFF
            position, total = stop, total + 1
            continue
        marks, stride = {mark: cs}, stop - position
        if stride == 1 and stop < end and _repeatable(streams, buffer[stop], 0):
            # Several chunk streams may take turns where each message is one byte.
            each = ((other, _repeatable(streams, other, 0)) for other in range(0xC2, 0x100))
            marks = {other: found for other, found in each if found is not None}
        count = _run_of(bytes(marks), buffer, position, stride)
        if not count:
            break
        for other, found in marks.items():
            own = count if stride > 1 else buffer.count(other, position, position + count)
            found.timestamp = (found.timestamp + own * found.delta) & 0xFFFFFFFF
        position += count * stride
        total += count
    return position, total


def _run_of(marks: bytes, buffer: bytes, position: int, stride: int) -> int:
    """Return how many bytes, `stride` apart from `position` on, are one of `marks`; only those
    with all of their stride in the buffer count. The work is in proportion to the answer.
    """
    most, count, window = (len(buffer) - position) // stride, 0, WINDOW
    while count < most:
        take = min(window, most - count)
        start = position + count * stride
        same = take - len(buffer[start : start + take * stride : stride].lstrip(marks))
        count += same
        if same < take:
            break
        window *= 8
    return count


def _repeatable(
    streams: Mapping[int, ChunkStream], mark: int, chunk_size: int
) -> ChunkStream | None:
    """Return the chunk stream on which the byte `mark` alone begins a one-chunk media message."""
    cs = streams.get(mark & 0x3F)
    if mark < 0xC2 or cs is None or cs.open or cs.extended or cs.length > chunk_size:
        return None
    return cs if cs.type_id in _MEDIA else None


def read_whole(
    streams: Mapping[int, ChunkStream],
    rows: list[MessageRow],
    buffer: bytes,
    position: int,
    base: int,
    chunk_size: int,
    number: int,
    split_flags: int | None,
) -> int:
    """Append a row for each whole message from `position` on; return where it stops: at the
    latest behind a message that changes how chunks are read, which the caller must carry out.

    `base` is the stream offset of the buffer, `number` the first row's, `split_flags` go to
    messages of several chunks; None: those are left to others.
    """
    end, last = len(buffer), number + MAX_ROWS
    enough, known, append = end - 12, streams.get, rows.append
    while position < enough and number < last:
        first = buffer[position]
        fmt, csid = first >> 6, first & 0x3F
        cs = known(csid)
        if cs is None or cs.open:
            break
        length, type_id, msid, inferred = cs.length, cs.type_id, cs.msid, cs.inferred
        extended = 0
        if fmt == 3:
            if cs.extended:
                break
            field, after = cs.delta, position + 1
        else:
            field, low, high = _words(buffer, position)
            field, after = field & 0xFFFFFF, position + 4
            if fmt < 2:
                length, type_id, after = low >> 8, low & 0xFF, position + 8
                inferred &= _LATER
            if fmt == 0:  # its message stream id is little-endian, and hardly ever large
                msid = high >> 24
                if high & 0xFFFFFF:
                    msid = int.from_bytes(buffer[position + 8 : position + 12], "little")
                after, inferred = position + 12, 0
            if field == _EXTENDED:
                if length > chunk_size:
                    break
                extended = Flag.EXTENDED
                field = int.from_bytes(buffer[after : after + 4], "big")
                after += 4
        stop, chunks, flags = after + length, 1, inferred | extended | _COMPLETE
        body = None
        if type_id in _MEDIA:
            if length > chunk_size:
                if split_flags is None:
                    break
                chunks = _chunks(buffer, csid, after, length, chunk_size)
                if not chunks:
                    break
                stop += chunks - 1
                flags |= split_flags
            elif stop > end:
                break
        elif stop > end or length > chunk_size:
            break
        else:
            # Short ones on a small message stream id are never implausible.
            if (length > 64 or msid > 0xFFFF) and implausible(type_id, length, msid):
                break
            if type_id in HELD_TYPES:
                body = buffer[after:stop]
        if fmt == 3:
            cs.timestamp = time = (cs.timestamp + field) & 0xFFFFFFFF
        else:
            time = (cs.timestamp + field) & 0xFFFFFFFF if fmt else field
            cs.length, cs.type_id, cs.msid, cs.inferred = length, type_id, msid, inferred
            cs.delta = cs.extended_value = field
            cs.extended, cs.timestamp = extended > 0, time
        head = buffer[after : after + (HEAD_SIZE if length > HEAD_SIZE else length)]
        run = _new(Run, (0, base + after, chunk_size, 1 if chunks > 1 else 0, length))
        append(
            _new(
                MessageRow,
                (
                    number, base + position, base + stop, chunks, fmt, csid, msid, type_id, time,
                    length, length, flags, head, (run,), body,
                ),
            )
        )  # fmt: skip
        number += 1
        position = stop
        if type_id in CHANGING_TYPES:
            break
    return position


def _chunks(buffer: bytes, csid: int, after: int, length: int, chunk_size: int) -> int:
    """Return how many chunks a message has whose payload begins at `after`; 0: they are not all
    in the buffer, or others lie between them.
    """
    later, stride = (length - 1) // chunk_size, chunk_size + 1
    stop = after + length + later
    if stop > len(buffer) or chunk_size < HEAD_SIZE:
        return 0
    mark, near = _MARKS[csid], stop
    if later > WINDOW:
        near = after + chunk_size + WINDOW * stride
    # The near ones first: a look at all of a message that others interrupt costs too much.
    if buffer[after + chunk_size : near : stride].lstrip(mark):
        return 0
    if near < stop and buffer[near:stop:stride].lstrip(mark):
        return 0
    return later + 1
