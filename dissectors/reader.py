"""Reads one direction whatever happens to it: gaps, mid-stream starts, impossible headers.

`feed` takes stream bytes in any pieces, `gap` says that bytes are missing, `take` returns the
messages that ended since.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from dissectors import resync, spec
from dissectors.chunk_state import ChunkSizeChange, ChunkStream, Flag
from dissectors.chunking import UNSEEN
from dissectors.lookahead import LookaheadParser
from dissectors.whole import HEAD_SIZE

SEARCH_STEPS: Final = (1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20)
"""Buffer sizes at which a lost reader looks for a chunk boundary again."""
BYTES_PER_EFFORT: Final = 64
"""Stream bytes that pay for a look at one chunk header in a search, beside what all readers
share (`budget.FREE_EFFORT`): hostile streams stay linear."""
LEAST_EFFORT: Final = 4
"""What any search costs, in headers looked at."""
STARTS_TRIED: Final = 64
"""Segment starts at most from which a search reads control messages, a header's work each."""
PIECE: Final = 64 << 10
STALE: Final = UNSEEN | Flag.INFERRED_LENGTH | Flag.INFERRED_TYPE
"""What may have changed on a chunk stream while nobody looked."""
_MEDIA: Final = (spec.AUDIO, spec.VIDEO)


class _Hole(NamedTuple):
    """A hole over a chunk boundary, inside the message of `cs`."""

    cs: ChunkStream
    length: int
    chunk_left: int


SegmentStarts = Callable[[int, int], Sequence[int]]
"""(low, high) → stream offsets in [low, high) where captured TCP segments begin, rising."""


class ChunkReader(LookaheadParser):
    """Reads one direction's chunk stream from `stream_offset` on.

    With `synchronised` false the place of the first chunk header and the chunk size are unknown
    (the capture began mid-stream): the reader searches before it reads. `segment_starts` helps
    to find short control messages.
    """

    def __init__(
        self,
        stream_offset: int,
        *,
        synchronised: bool = True,
        rtmp_likely: bool = True,
        segment_starts: SegmentStarts = lambda low, high: (),
    ) -> None:
        super().__init__(stream_offset, synchronised=synchronised)
        self.segment_starts = segment_starts
        self.rtmp_likely = rtmp_likely
        self.resyncs = 0
        self.given_up = False
        """True when this is not RTMP after all; nothing is searched any more."""
        self._search: bytearray | None = None if synchronised else bytearray()
        """Bytes that wait for a chunk boundary; None while locked."""
        self._tried = 0
        """Bytes of these in which none was found."""
        self._known: dict[int, tuple[int, int, int]] = {}
        """What is remembered of every chunk stream while searching: type, length, msid."""
        self._last: dict[int, tuple[int, int]] = {}
        """Message stream id and timestamp of every chunk stream when it was last read."""
        self._hole: _Hole | None = None
        self._islands = resync.Islands()
        """Pieces between holes in which nothing was found."""
        self._rereading = False
        if synchronised:
            self.chunk_size_changes.append(ChunkSizeChange(stream_offset, self.chunk_size, None))

    def feed(self, data: bytes) -> None:
        """Read stream bytes; they follow what was fed before."""
        self._effort.spend(-(len(data) // BYTES_PER_EFFORT))
        while data:
            data = self._parse(data) if self._search is None else self._feed_search(data)

    def gap(self, length: int) -> None:
        """Take notice that `length` stream bytes are missing here."""
        if self._search is not None and self._hole is None and self._effort.refuses():
            self._pass_unread(length)
            return
        island = self._island()
        self._settle()
        self._forget_hole()
        if self._search is not None:
            self._base += length
            if island is not None and self._base == island.end + length:
                self._keep_island(island)
            return
        current = self._current
        if current is not None and length <= self._left:
            # The hole lies inside one chunk's payload: its length is known, so is what follows.
            self._skip(current, length)
            return
        left = self._left
        if self._may_hide_chunk_size():
            self._chunk_size_known = False
        self._lose(self._base, f"{length} bytes missing over a chunk boundary", keep_open=True)
        if current is not None and not self._buffer:
            self._hole = _Hole(current, length, left)
        else:
            self._cut_open(self._base)
        self._base += len(self._buffer) + length
        self._buffer = b""

    def _pass_unread(self, length: int) -> None:
        """Leave a piece unread that ends in a hole: no search is paid for any more."""
        assert self._search is not None
        if self._search:
            self._event("unreadable", self._base, len(self._search), "no chunk boundary looked for")
        self._base += len(self._search) + length
        self._search = bytearray()
        self._tried = 0

    def finish(self) -> None:
        """Take notice that the stream ends here; cut messages become rows."""
        island = self._island()
        self._settle()
        if self._search is not None and island is not None and self._base == island.end:
            self._keep_island(island, final=True)
            self._settle()
        self._cut_open(self._base + len(self._buffer))

    # -- what is seen between many holes --------------------------------------------------

    def _island(self) -> resync.Island | None:
        """Return the piece that is being searched, if it is a short one."""
        if self._search is None or len(self._search) > resync.MAX_ISLAND:
            return None
        return resync.Island(self._base, bytes(self._search))

    def _keep_island(self, island: resync.Island, *, final: bool = False) -> None:
        """Keep a piece in which nothing was found; look whether headers lead through several."""
        due = self._islands.add(island) or (final and len(self._islands) > 1)
        if not due or self._rereading or self.given_up:
            return
        found = resync.search_islands(self._islands, self._hints(0, 0))
        if found is not None:
            self._read_again(*found)

    def _read_again(self, base: int, lock: resync.Lock) -> None:
        """Go back to a header in an earlier piece, and read on from there to where we are."""
        start, end = base + lock.offset, self._base
        first, *others = self._islands.take_from(start)
        self.events[:] = [event for event in self.events if event.stream_offset < first.offset]
        self._rereading = True
        self._base = first.offset
        self._lock(lock._replace(offset=start - first.offset))
        self._resume(bytearray(first.data[start - first.offset :]))
        position = first.end
        for island in others:
            self.gap(island.offset - position)
            self.feed(island.data)
            position = island.end
        self.gap(end - position)
        self._rereading = False

    def _may_hide_chunk_size(self) -> bool:
        """Whether Set Chunk Size may stand in a hole: senders announce it before any media."""
        media = any(cs.type_id in _MEDIA for cs in self._streams.values())
        return len(self.chunk_size_changes) < 2 and not media

    # -- holes inside one message ---------------------------------------------------------

    def _skip(self, cs: ChunkStream, length: int) -> None:
        """Pass over a hole inside the current chunk's payload."""
        self._base += length
        self._left -= length
        self._lack(cs, length)
        cs.run[4] += length
        if not self._left:
            self._current = None
            if cs.body_position >= cs.length:
                self._complete(cs, self._base)

    def _lack(self, cs: ChunkStream, length: int) -> None:
        self._release(cs)
        cs.head += bytes(min(length, HEAD_SIZE - len(cs.head)))
        cs.body_position += length

    def _try_bridge(self, data: bytes) -> bool:
        """Go on in the message that the hole began in, if what follows proves it."""
        hole = self._hole
        if hole is None:
            return False
        cs = hole.cs
        found = resync.bridge(
            data,
            hole.length,
            hole.chunk_left,
            cs.length - cs.body_position,
            self.chunk_size,
            cs.csid,
            cs.extended and self.extended_on_fmt3 is not False,
            self._known | {cs.csid: (cs.type_id, cs.length, cs.msid)},
        )
        if found is None:
            return False
        self._islands.clear()
        self._event("bridged", self._base - hole.length, hole.length, "the message goes on")
        self._hole = None
        self._lack(cs, found.missing)
        self._base += found.header_left
        self._left = found.chunk_left
        self._current = cs if found.chunk_left else None
        if found.chunk_left:
            self._push_run(cs)
            cs.run = [cs.body_position, self._base, found.chunk_left, 0, 0]
        elif not found.message_left:
            self._complete(cs, self._base)
        assert self._search is not None
        del self._search[: found.header_left]
        return True

    def _forget_hole(self) -> None:
        """Give up the messages that a hole was cut into."""
        if self._hole is not None:
            offset = self._base - self._hole.length
            self._hole = None
            self._cut_open(offset)

    # -- out of step ----------------------------------------------------------------------

    def _lose(self, offset: int, reason: str, *, keep_open: bool = False) -> int:
        """Stop trusting the stream at `offset` and search for a chunk boundary from there."""
        stop = super()._lose(offset, reason)
        current = self._current
        self._known = {
            cs.csid: (cs.type_id, -1 if cs.open or cs is current else cs.length, cs.msid)
            for cs in self._streams.values()
        }
        self._last.update((cs.csid, (cs.msid, cs.timestamp)) for cs in self._streams.values())
        if not keep_open:
            self._cut_open(offset)
        self._search = bytearray()
        self._tried = 0
        return stop

    def _feed_search(self, data: bytes) -> bytes:
        """Buffer bytes until a chunk boundary shows; return the bytes not yet used."""
        if self.given_up:
            self._base += len(data)
            return b""
        assert self._search is not None
        used = SEARCH_STEPS[-1] - len(self._search)
        self._search += data[:used]
        self._advance_search()
        return data[used:]

    def _settle(self) -> None:
        """Decide with the bytes at hand: more will not come, or not without a hole."""
        self._final = True
        if self._search is None and self._buffer:
            self._resume(bytearray())
        self._advance_search()
        self._final = False

    def _advance_search(self) -> None:
        """Look for a chunk boundary in what is buffered, first close by, and read on from it."""
        while self._search and not self.given_up:
            step = SEARCH_STEPS[bisect_right(SEARCH_STEPS, self._tried)]
            held = len(self._search)
            if held < step and not self._final:
                return
            self._tried = min(step, held)
            final = step == SEARCH_STEPS[-1] or (self._final and held <= step)
            if self._found(bytes(self._search[: self._tried]), final):
                self._resume(self._search)
            elif final:
                self._forget_hole()
                self._event("unreadable", self._base, self._tried, "no chunk boundary found")
                self.given_up = not self.rtmp_likely
                self._base += self._tried
                del self._search[: self._tried]
                self._tried = 0

    def _found(self, data: bytes, final: bool) -> bool:
        """Look for a chunk boundary in `data`; on success that is where the buffer begins."""
        if self._try_bridge(data):
            return True
        lock = self._find(data, final)
        if lock is None:
            return False
        self._forget_hole()
        self._lock(lock)
        assert self._search is not None
        del self._search[: lock.offset]
        return True

    def _find(self, data: bytes, final: bool) -> resync.Lock | None:
        if self._effort.refuses():
            return None
        hints = self._hints(self._base, self._base + len(data))
        self._effort.spend(LEAST_EFFORT + min(len(hints.segment_starts), STARTS_TRIED))
        return resync.search(data, hints, final=final)

    def _hints(self, low: int, high: int) -> resync.Hints:
        starts = self.segment_starts(low, high)
        return resync.Hints(
            chunk_size=self.chunk_size if self._chunk_size_known else None,
            chunk_size_min=self.chunk_size,
            known=self._known,
            seen=self._last,
            rtmp_likely=self.rtmp_likely,
            effort=self._effort,
            segment_starts=[start - low for start in starts[: resync.MAX_STARTS]],
        )

    def _resume(self, held: bytearray) -> None:
        """Read on, locked; what is left when that fails is searched again."""
        self._search = None
        while self._search is None:
            piece = bytes(held[:PIECE])
            held[: len(piece)] = self._parse(piece)
            if len(piece) < PIECE:
                break
        if self._search is not None:
            self._search = held

    def _lock(self, lock: resync.Lock) -> None:
        """Trust the stream again from `lock.offset` in the search buffer on."""
        inferred = not self._chunk_size_known or lock.chunk_size != self.chunk_size
        least = "at least " if lock.chunk_size_open else ""
        size = f"chunk size {least}{lock.chunk_size}{' (inferred)' if inferred else ''}"
        self._event("resync", self._base, lock.offset, f"{lock.bits:.0f} bits of evidence, {size}")
        self._base += lock.offset
        self.resyncs += 1
        self._islands.clear()
        self._continuous = False
        self._locked_at = self._base
        self.chunk_size_doubted = not inferred
        self._shown = spec.DEFAULT_CHUNK_SIZE
        if inferred:
            if self._chunk_size_known:
                self._contradict()
            self._infer_chunk_size(lock.chunk_size, self._base, open_=lock.chunk_size_open)
        self._adopt(lock.streams)

    def _adopt(self, streams: tuple[tuple[int, int, int, int], ...]) -> None:
        """Keep only the chunk streams the lock relies on, as it knows them."""
        before, self._streams = self._streams, {}
        for csid, type_id, length, msid in streams:
            cs = before.get(csid)
            if cs is None or (cs.type_id, cs.length, cs.msid) != (type_id, length, msid):
                cs = self._open_stream(csid)
                cs.type_id, cs.length, cs.msid = type_id, length, msid
            cs.inferred |= STALE
            self._streams[csid] = cs

    def _open_stream(self, csid: int) -> ChunkStream:
        """Go on from what was known before a gap: inferred, but nearer than 0."""
        cs = super()._open_stream(csid)
        if not self._continuous:
            streams = {msid for msid, _ in self._last.values() if msid}
            only = streams.pop() if len(streams) == 1 else 0  # others than commands use one stream
            cs.msid, cs.timestamp = self._last.get(csid, (only, 0))
        return cs
