"""The fast path of the chunk stream: whole audio and video messages that lie in the buffer.

It takes what nearly all of a capture consists of (known chunk stream below 64, no extended
timestamp, nothing interleaved) and leaves the rest, byte for byte, to the state machine in
`chunking.py`; both give the same rows.
"""

from collections.abc import Mapping
from typing import Final

from dissectors import spec
from dissectors.chunk_state import ChunkStream, Flag, MessageRow
from dissectors.spans import Run

HEAD_SIZE: Final = 16
"""First body bytes kept of every message: enough for any media tag header without ModEx."""
MAX_ROWS: Final = 16_384
"""Rows of one call, so that they can be taken in between."""
WINDOW: Final = 64
"""Chunk headers compared before the others of the message."""
_MARKS: Final = [bytes([0xC0 | csid]) for csid in range(64)]
_AUDIO, _VIDEO = spec.AUDIO, spec.VIDEO
_COMPLETE: Final = Flag.COMPLETE
_LATER: Final = Flag.INFERRED_TIMESTAMP | Flag.INFERRED_MSID
_EXTENDED: Final = spec.EXTENDED_TIMESTAMP
_new: Final = tuple.__new__


def read_whole(
    streams: Mapping[int, ChunkStream],
    rows: list[MessageRow],
    buffer: bytes,
    position: int,
    base: int,
    chunk_size: int,
    number: int,
    split_flags: int,
) -> int:
    """Append a row for each whole media message from `position` on; return where it stops.

    `base` is the stream offset of the buffer, `number` the first row's, `split_flags` go to
    messages of several chunks.
    """
    end = len(buffer)
    append, stride = rows.append, chunk_size + 1
    last = number + MAX_ROWS
    while position + 12 < end and number < last:
        first = buffer[position]
        csid, fmt = first & 0x3F, first >> 6
        cs = streams.get(csid)
        if csid < 2 or cs is None or cs.open or cs.extended:
            break
        length, type_id, msid, inferred = cs.length, cs.type_id, cs.msid, cs.inferred
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
                break
        if type_id != _VIDEO and type_id != _AUDIO:
            break
        stop, chunks, header, flags = after + length, 1, 0, inferred | _COMPLETE
        if length > chunk_size:
            later = (length - 1) // chunk_size
            stop += later
            if stop > end or chunk_size < HEAD_SIZE:
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
                    None,
                ),
            )
        )
        number += 1
        position = stop
    return position
