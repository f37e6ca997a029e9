"""The chunk stream of one direction: a sans-IO state machine (RTMP 1.0 §5.3).

Only integers are kept: a message is a row, its place in the stream a few `Run`s, its body is
read again when somebody looks. Bodies of control, command and data messages travel with their
row, because they drive state. What happens after a loss is `reader.py`'s matter.
"""

from __future__ import annotations

from typing import Final

from dissectors import extended, spec
from dissectors.assembly import MessageAssembly
from dissectors.chunk_state import ChunkStream, Flag, MessageRow
from dissectors.plausible import implausible
from dissectors.whole import CHANGING_TYPES, HEAD_SIZE, HELD_TYPES, pass_repeated, read_whole

MAX_PENDING: Final = 1_024
"""Rows that wait to be taken, about 500 bytes each, before the owner is asked to take them: of
more the processor's cache loses the first ones, and each costs half as much again."""
WINDOW: Final = 64
"""Headers compared at once at first: what does not repeat must not cost a look at all of it."""

_MEDIA: Final = (spec.AUDIO, spec.VIDEO)
NEED_MORE: Final = -1
LOST: Final = -2

UNSEEN: Final = Flag.INFERRED_TIMESTAMP | Flag.INFERRED_MSID
"""What a chunk stream cannot know before its first fmt 0."""


class ChunkParser(MessageAssembly):
    """Reads chunks, one after the other, while their boundaries are known."""

    def __init__(self, stream_offset: int) -> None:
        super().__init__()
        self.chunk_size_open = False
        """Only a lower bound is known: nothing was split since a search began."""
        self.chunk_size_doubted = False
        """Set Chunk Size may have stood where bytes are missing: the old size is but likely."""
        self._shown = spec.DEFAULT_CHUNK_SIZE
        """The longest message seen in one chunk while the size is doubted."""
        self._contradicted = 0
        """The announced size that the bytes contradict; 0: none. How longer messages are split
        is inferred."""
        self.extended_on_fmt3: bool | None = None
        """Whether this sender repeats the extended timestamp on fmt 3; None until seen."""
        self.unlisted = False
        """Rows of this direction are wanted no more: most of a flood is only counted."""
        self._base = stream_offset
        """Stream offset of the first byte not yet read."""
        self._buffer = b""
        """The beginning of a chunk header."""
        self._final = False
        self._continuous = True
        """No byte was missed since the direction began."""

    def _lose(self, offset: int, reason: str) -> int:
        """Stop trusting the stream at `offset`."""
        self._event("lost", offset, 0, reason)
        return LOST

    # -- chunks ---------------------------------------------------------------------------

    def _parse(self, data: bytes) -> bytes:
        """Read chunks; return the bytes left over when the reader lost its place."""
        buffer = self._buffer + data if self._buffer else data
        position, end, after = 0, len(buffer), 0
        while True:
            if self._current is not None:
                position = self._payload(self._current, buffer, position, end)
                if self._left:
                    break
            position = self._whole(buffer, position)
            if len(self._rows) >= MAX_PENDING:
                self.relieve()
            if position >= end:
                break
            after = self._header(buffer, position, end)
            if after < 0:
                break
            position = after
        if after == LOST:
            # The header here is none, so the search begins behind its first byte.
            self._base += position + 1
            self._buffer = b""
            return buffer[position + 1 :]
        self._base += position
        self._buffer = buffer[position:] if position < end else b""
        return b""

    def _whole(self, buffer: bytes, position: int) -> int:
        """Pass over whole messages; see `whole.py`."""
        rows = self._rows
        if self.unlisted and not self.chunk_size_open:
            position, count = pass_repeated(self._streams, buffer, position, self.chunk_size)
            self.messages += count
        while True:
            before, size = len(rows), self.chunk_size
            split: int | None = Flag.INFERRED_CHUNK_SIZE if self.chunk_size_inferred else 0
            if self.chunk_size_open or self.chunk_size_doubted:
                split = None  # what is longer may tell the size
            if self.chunk_size_doubted:
                size = min(size, self._shown)
            number = self.messages
            position = read_whole(
                self._streams, rows, buffer, position, self._base, size, number, split
            )
            read = len(rows) - before
            self.messages += read
            if self._contradicted:
                rows[before:] = map(self._mark_inferred, rows[before:])
            if not read or rows[-1].type_id not in CHANGING_TYPES:
                return position
            self._change(rows[-1])
            if len(rows) >= MAX_PENDING:
                return position

    def _mark_inferred(self, row: MessageRow) -> MessageRow:
        """Say of a whole message that it relies on an inferred chunk size, if it does."""
        if row.length <= self._contradicted:
            return row
        return row._replace(flags=row.flags | Flag.INFERRED_CHUNK_SIZE)

    def _payload(self, cs: ChunkStream, buffer: bytes, position: int, end: int) -> int:
        take = self._left
        if take > end - position:
            take = end - position
        if take:
            self._keep(cs, buffer, position, take)
            position += take
            self._left -= take
            if self._left:
                return position
        if cs.body_position < cs.length:
            position = self._fast_run(cs, buffer, position, end)
            if self._left:
                return position
        self._current = None
        if cs.body_position >= cs.length:
            self._complete(cs, self._base + position)
        return position

    def _fast_run(self, cs: ChunkStream, buffer: bytes, position: int, end: int) -> int:
        """Pass over the chunks that follow at a fixed stride, comparing their headers in C.

        The slow path (`_header`, `_payload`) gives the same rows; interleaving ends the run.
        """
        header = cs.continuation
        if header is None or (len(cs.head) < HEAD_SIZE and cs.parts is None):
            return position
        size, head = self.chunk_size, len(header)
        visible = end - position - head
        if visible < 0:
            return position
        remaining = cs.length - cs.body_position
        stride = size + head
        wanted = min(-(-remaining // size), visible // stride + 1)
        count = _repeats(buffer, position, header, stride, wanted)
        if not count:
            return position
        self._extend_run(cs, self._base + position + head, head)
        payload = min(remaining, count * size)
        last = position + (count - 1) * stride + head
        left = max(last + payload - (count - 1) * size - end, 0)
        payload -= left
        stop = last + payload - (count - 1) * size
        if cs.parts is not None:
            region = bytearray(buffer[position:stop])
            for i in range(head):
                del region[:: stride - i]
            cs.head = (cs.head + region[:HEAD_SIZE])[:HEAD_SIZE]
            self._hold(cs, bytes(region))
        cs.run[4] += payload
        cs.received += payload
        cs.body_position += payload
        cs.chunks += count
        self._left = left
        return stop

    # -- chunk headers --------------------------------------------------------------------

    def _header(self, buffer: bytes, position: int, end: int) -> int:
        """Read a chunk header; return where its payload starts, or less than 0 to stop."""
        first = buffer[position]
        fmt, csid, after = first >> 6, first & 0x3F, position + 1
        if csid < 2:  # two- and three-byte forms, §5.3.1.1; the pair is little-endian
            after += csid + 1
            if after > end:
                return NEED_MORE
            if csid == 0:
                csid = buffer[position + 1] + 64
            else:
                csid = buffer[position + 1] + 256 * buffer[position + 2] + 64
        cs = self._streams.get(csid)
        basic = after
        after += spec.HEADER_LENGTHS[fmt]
        if after > end:
            return NEED_MORE
        if fmt == 3:
            if cs is None:
                return self._lose(self._base + position, f"fmt 3 on unknown chunk stream {csid}")
            if cs.open:
                return self._continue(cs, buffer, position, after, end)
            return self._repeat(cs, buffer, position, after, end)
        if cs is None:
            if fmt == 2:
                return self._lose(self._base + position, f"fmt 2 on unknown chunk stream {csid}")
            # librtmp and OBS open chunk stream 2 with fmt 1; what is missing counts as 0.
            cs = self._open_stream(csid)
        return self._new_header(cs, buffer, position, basic, after, end)

    def _new_header(
        self, cs: ChunkStream, buffer: bytes, position: int, basic: int, after: int, end: int
    ) -> int:
        """fmt 0, 1 or 2: the message header stands between `basic` and `after`."""
        fmt = buffer[position] >> 6
        field = int.from_bytes(buffer[basic : basic + 3], "big")
        has_extended = field == spec.EXTENDED_TIMESTAMP
        if has_extended:
            if after + 4 > end:
                return NEED_MORE
            field = int.from_bytes(buffer[after : after + 4], "big")
            after += 4
        header = None
        if fmt < 2:
            length = int.from_bytes(buffer[basic + 3 : basic + 6], "big")
            type_id = buffer[basic + 6]
            msid = int.from_bytes(buffer[basic + 7 : basic + 11], "little") if fmt == 0 else cs.msid
            # While no byte was missed any id is legal; else one that is new must be likely.
            novel = 0 if self._continuous or msid == cs.msid else msid
            if type_id not in _MEDIA and implausible(type_id, length, novel):
                reason = f"impossible message header (type {type_id}, length {length})"
                return self._lose(self._base + position, reason)
            if not self._continuous and self._is_chance(cs, buffer, position, type_id, length):
                reason = f"unlikely message header (type {type_id}, length {length})"
                return self._lose(self._base + position, reason)
            header = (length, type_id, msid)
        if self.chunk_size_open or self.chunk_size_doubted:
            total = header[0] if header else cs.length
            stop = self._settle_chunk_size(buffer, position, after, cs.csid, total)
            if stop:
                return stop
        if cs.open:
            if fmt and (header is None or header[:2] == (cs.length, cs.type_id)):
                goes_on = self._goes_on(cs, buffer, after)
                if goes_on is None:
                    return NEED_MORE
                if goes_on:
                    if has_extended or cs.extended:
                        cs.continuation = None
                    if has_extended:
                        cs.extended_value = field
                    cs.extended = has_extended
                    cs.flags |= Flag.HEADER_REPEATED
                    return self._next_chunk(cs, position, after)
            self._cut(cs, Flag.REPLACED, self._base + position)
        cs.extended = has_extended
        self._set_header(cs, fmt, field, header)
        return self._begin(cs, fmt, buffer[position:basic], self._base + position, after)

    def _open_stream(self, csid: int) -> ChunkStream:
        """Return the state of a chunk stream of which nothing is known."""
        cs = ChunkStream(csid)
        cs.inferred = 0 if self._continuous else UNSEEN
        return cs

    def _is_chance(
        self, cs: ChunkStream, buffer: bytes, position: int, type_id: int, length: int
    ) -> bool:
        """Whether a header read after a search is likely none."""
        return False

    def _settle_chunk_size(
        self, buffer: bytes, position: int, after: int, csid: int, length: int
    ) -> int:
        """Return 0 when the chunk size is certain enough to read a message of `length` bytes."""
        return 0

    def _set_header(
        self, cs: ChunkStream, fmt: int, field: int, header: tuple[int, int, int] | None
    ) -> None:
        """Take over what a fmt 0, 1 or 2 header says (§5.3.1.2)."""
        cs.extended_value = cs.delta = field
        if fmt == 0:
            # A fmt 3 that starts a message next repeats this value as a delta, §5.3.1.2.4.
            cs.timestamp = field
            cs.inferred = 0
        else:
            cs.timestamp = (cs.timestamp + field) & 0xFFFFFFFF
        if fmt == 1:
            cs.inferred &= UNSEEN
        if header is not None:
            cs.length, cs.type_id, cs.msid = header

    def _continue(self, cs: ChunkStream, buffer: bytes, position: int, after: int, end: int) -> int:
        """fmt 3 inside a message."""
        if cs.extended:
            if after + 4 <= end:
                present = extended.is_repeated(cs, buffer[after : after + 4])
            elif self._final:
                present = self.extended_on_fmt3 is not False
            else:
                return NEED_MORE
            if present:
                after += 4
                if after > end:
                    return NEED_MORE
            else:
                cs.flags |= Flag.EXTENDED_OMITTED
                cs.continuation = None
            self.extended_on_fmt3 = present
            if not cs.flags & Flag.EXTENDED_OMITTED:
                cs.continuation = buffer[position:after]
        return self._next_chunk(cs, position, after)

    def _next_chunk(self, cs: ChunkStream, position: int, after: int) -> int:
        """Take the chunk with header at `position`, payload at `after`, into the message."""
        self._extend_run(cs, self._base + after, after - position)
        cs.chunks += 1
        self._current = cs
        self._left = min(self.chunk_size, cs.length - cs.body_position)
        return after

    def _goes_on(self, cs: ChunkStream, buffer: bytes, after: int) -> bool | None:
        """Whether a fmt 1 or 2 header inside a message stands for fmt 3; None: not to be told
        before more is seen.
        """
        return False

    def _repeat(self, cs: ChunkStream, buffer: bytes, position: int, after: int, end: int) -> int:
        """fmt 3 that starts a message: everything is inherited, the delta is added again."""
        basic = buffer[position:after]
        delta = cs.delta
        omitted = False
        if cs.extended:
            if after + 4 > end and not self._final:
                return NEED_MORE
            step = extended.step(cs, buffer[after : after + 4]) if after + 4 <= end else None
            if step is None:
                omitted = True
            else:
                delta = step
                after += 4
        if self.chunk_size_open or self.chunk_size_doubted:
            stop = self._settle_chunk_size(buffer, position, after, cs.csid, cs.length)
            if stop:
                return stop
        cs.delta = delta
        cs.timestamp = (cs.timestamp + delta) & 0xFFFFFFFF
        after = self._begin(cs, 3, basic, self._base + position, after)
        if omitted:
            cs.flags |= Flag.EXTENDED_OMITTED
        return after

    def _begin(self, cs: ChunkStream, fmt: int, basic: bytes, offset: int, after: int) -> int:
        """Open a message on `cs`: header at stream `offset`, payload at `after` in the buffer."""
        cs.open = True
        cs.number = self.messages
        self.messages += 1
        cs.header_offset = offset
        cs.fmt = fmt
        cs.chunks = 1
        cs.body_position = cs.received = 0
        cs.head = b""
        fresh = 0
        if cs.csid not in self._streams:
            self._streams[cs.csid] = cs
            if fmt and self._continuous:
                fresh = Flag.FRESH
                cs.inferred |= UNSEEN
        cs.flags = cs.inferred | fresh
        if self.chunk_size_inferred and cs.length > (self._contradicted or self.chunk_size):
            cs.flags |= Flag.INFERRED_CHUNK_SIZE
        cs.parts = [] if cs.type_id in HELD_TYPES else None
        cs.run = [0, self._base + after, self.chunk_size, 0, 0]
        mark = bytes([0xC0 | basic[0]]) + basic[1:]
        cs.continuation = mark
        if cs.extended:
            cs.flags |= Flag.EXTENDED
            repeated = cs.extended_value.to_bytes(4, "big")
            cs.continuation = mark + repeated if self.extended_on_fmt3 else None
        if cs.length > self.chunk_size:
            self._remember_open(cs, offset)
        self._current = cs
        self._left = self.chunk_size if cs.length > self.chunk_size else cs.length
        return after


def _repeats(buffer: bytes, position: int, header: bytes, stride: int, wanted: int) -> int:
    """Return how many of `wanted` places, `stride` bytes apart, hold `header`; stop at the first
    that does not. The work is in proportion to the answer.
    """
    count, window = 0, WINDOW
    while count < wanted:
        take = good = min(window, wanted - count)
        start = position + count * stride
        for i in range(len(header)):
            column = buffer[start + i : start + i + (take - 1) * stride + 1 : stride]
            good = min(good, take - len(column.lstrip(header[i : i + 1])))
        count += good
        if good < take:
            break
        window *= 8
    return count
