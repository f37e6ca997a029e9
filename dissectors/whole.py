"""The fast path of the chunk stream: whole messages that lie in the buffer.

It takes what nearly all of a capture consists of (audio and video on a known chunk stream below
64, nothing interleaved), and messages of one chunk that change nothing about chunks, extended
timestamps (§5.3.1.3) only in such. It leaves the rest, byte for byte, to the state machine in
`chunking.py`; both give the same rows.
"""

from collections.abc import Mapping
from typing import Final

from dissectors import spec
from dissectors.chunk_state import ChunkStream, Flag, MessageRow
from dissectors.plausible import implausible
from dissectors.spans import Run

HEAD_SIZE: Final = 16
"""First body bytes kept of every message: enough for any media tag header without ModEx."""
MAX_ROWS: Final = 16_384
"""Rows of one call, so that they can be taken in between."""
WINDOW: Final = 64
"""Chunk headers compared before the others of the message."""
CHANGING_TYPES: Final = frozenset({spec.SET_CHUNK_SIZE, spec.ABORT})
"""Messages that change how chunks are read."""
HELD_TYPES: Final = frozenset({1, 2, 3, 4, 5, 6, 15, 16, 17, 18, 19, 20, 22})
"""Messages that travel with their bodies."""
_MARKS: Final = [bytes([0xC0 | csid]) for csid in range(64)]
_AUDIO, _VIDEO = spec.AUDIO, spec.VIDEO
_COMPLETE: Final = Flag.COMPLETE
_LATER: Final = Flag.INFERRED_TIMESTAMP | Flag.INFERRED_MSID
_EXTENDED: Final = spec.EXTENDED_TIMESTAMP
_new: Final = tuple.__new__


def pass_repeated(
    streams: Mapping[int, ChunkStream], buffer: bytes, position: int, chunk_size: int
) -> tuple[int, int]:
    """Pass over whole media messages of one fmt 3 chunk; return where that ends, and how many.

    For floods whose rows nobody wants any more: the headers are counted in C.
    """
    total = 0
    while position < len(buffer):
        cs = _repeatable(streams, buffer[position], chunk_size)
        if cs is None:
            break
        marks, stride = {buffer[position]: cs}, 1 + cs.length
        if (
            not cs.length
            and position + 1 < len(buffer)
            and _repeatable(streams, buffer[position + 1], 0)
        ):
            # Several chunk streams may take turns where each message is one byte.
            known = ((mark, _repeatable(streams, mark, 0)) for mark in range(0xC2, 0x100))
            marks = {mark: each for mark, each in known if each is not None}
        count = _run_of(bytes(marks), buffer, position, stride)
        if not count:
            break
        for mark, each in marks.items():
            own = count if stride > 1 else buffer.count(mark, position, position + count)
            each.timestamp = (each.timestamp + own * each.delta) & 0xFFFFFFFF
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
    return cs if cs.type_id in (_AUDIO, _VIDEO) else None


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
    """Append a row for each whole message from `position` on; return where it stops.

    `base` is the stream offset of the buffer, `number` the first row's, `split_flags` go to
    messages of several chunks; None: those are left to others.
    """
    end = len(buffer)
    append, stride = rows.append, chunk_size + 1
    last = number + MAX_ROWS
    while position + 12 < end and number < last:
        first = buffer[position]
        csid, fmt = first & 0x3F, first >> 6
        cs = streams.get(csid)
        if csid < 2 or cs is None or cs.open or (fmt == 3 and cs.extended):
            break
        length, type_id, msid, inferred = cs.length, cs.type_id, cs.msid, cs.inferred
        extended = 0
        if fmt == 3:
            field, after = cs.delta, position + 1
        else:
            fields = int.from_bytes(buffer[position + 1 : position + 8], "big")
            field, after = fields >> 32, position + 4
            if fmt < 2:
                length, type_id = fields >> 8 & 0xFFFFFF, fields & 0xFF
                after = position + 8
                if inferred:
                    inferred &= _LATER
            if fmt == 0:
                msid = int.from_bytes(buffer[position + 8 : position + 12], "little")
                after, inferred = position + 12, 0
            if field == _EXTENDED:
                if length > chunk_size:
                    break
                extended = Flag.EXTENDED
                field = int.from_bytes(buffer[after : after + 4], "big")
                after += 4
        stop, chunks, header, flags = after + length, 1, 0, inferred | extended | _COMPLETE
        body = None
        if type_id != _VIDEO and type_id != _AUDIO:
            if (
                type_id in CHANGING_TYPES
                or length > chunk_size
                or stop > end
                or implausible(type_id, length, msid)
            ):
                break
            if type_id in HELD_TYPES:
                body = buffer[after:stop]
        if length > chunk_size:
            later = (length - 1) // chunk_size
            stop += later
            if stop > end or chunk_size < HEAD_SIZE or split_flags is None:
                break
            mark, near = _MARKS[csid], stop
            if later > WINDOW:
                near = after + chunk_size + WINDOW * stride
            # The near ones first: a look at all of a message that others interrupt costs too much.
            if buffer[after + chunk_size : near : stride].lstrip(mark):
                break  # other chunks in between
            if near < stop and buffer[near:stop:stride].lstrip(mark):
                break
            chunks, header = later + 1, 1
            flags |= split_flags
        elif stop > end:
            break
        cs.length, cs.type_id, cs.msid, cs.inferred = length, type_id, msid, inferred
        cs.delta = cs.extended_value = field
        cs.extended = bool(extended)
        cs.timestamp = field if fmt == 0 else (cs.timestamp + field) & 0xFFFFFFFF
        head = (
            buffer[after : after + HEAD_SIZE]
            if length > HEAD_SIZE
            else buffer[after : after + length]
        )
        run = _new(Run, (0, base + after, chunk_size, header, length))
        append(
            _new(
                MessageRow,
                (
                    number,
                    base + position,
                    base + stop,
                    chunks,
                    fmt,
                    csid,
                    msid,
                    type_id,
                    cs.timestamp,
                    length,
                    length,
                    flags,
                    head,
                    (run,),
                    body,
                ),
            )
        )
        number += 1
        position = stop
    return position
