"""What becomes of payload: messages under way, and the rows of those that ended (RTMP 1.0 §5.3).

A row holds integers only; bodies travel with it where they drive state.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from dissectors import spec
from dissectors.budget import MAX_HELD_TOTAL, MAX_OPEN_RUNS, Budget
from dissectors.chunk_state import ChunkSizeChange, ChunkStream, Flag, MessageRow, ReaderEvent
from dissectors.spans import Run
from dissectors.whole import CHANGING_TYPES, HEAD_SIZE

MAX_OPEN_MESSAGES: Final = 1024
"""Messages under way at once; real peers stay below 10. The oldest is given up beyond."""
MAX_HELD_BYTES: Final = spec.MAX_MESSAGE_LENGTH + 1
"""Bytes of unfinished bodies held per direction: one message of the largest size."""
MAX_RUNS: Final = 65_536
"""Runs kept of one message: a frame of 8 MB, other chunks between all of its own of 128 bytes."""
MAX_CHUNK_SIZES: Final = 10_000
"""Changes of the chunk size listed per direction; a real sender makes one."""
MAX_EVENTS: Final = 10_000
"""Events kept per direction; a hostile stream can make one every few bytes."""
_new: Final = tuple.__new__
"""Builds a named tuple in half the time of its own constructor; rows are many."""


class MessageAssembly:
    """Messages from the payload of chunks; also what their ends change for the direction."""

    def __init__(self) -> None:
        self.chunk_size = spec.DEFAULT_CHUNK_SIZE
        self.chunk_size_inferred = False
        self.chunk_size_changes: list[ChunkSizeChange] = []
        self.events: list[ReaderEvent] = []
        self.messages = 0
        self.budget = Budget()
        self.relieve: Callable[[], None] = lambda: None
        """Called when many rows wait: `take` them."""
        self.limits: set[str] = set()
        """Limits that were hit."""
        self._streams: dict[int, ChunkStream] = {}
        self._open: OrderedDict[int, ChunkStream] = OrderedDict()
        """Messages that go on in a later chunk, oldest first."""
        self._rows: list[MessageRow] = []
        self._left = 0
        """Payload bytes the current chunk still owes."""
        self._current: ChunkStream | None = None
        self._held = 0

    def take(self) -> list[MessageRow]:
        """Return the messages that ended since the last call, in the order they ended."""
        rows, self._rows = self._rows, []
        return rows

    def _event(self, code: str, offset: int, length: int, text: str) -> None:
        if len(self.events) < MAX_EVENTS:
            self.events.append(ReaderEvent(code, offset, length, text))
        else:
            self.limits.add("reader_events")

    def _limit(self, code: str, offset: int, text: str) -> None:
        """Note that a limit was hit."""
        self.limits.add(code)
        self._event(code, offset, 0, text)

    # -- payload --------------------------------------------------------------------------

    def _keep(self, cs: ChunkStream, buffer: bytes, position: int, take: int) -> None:
        if cs.parts is not None:
            self._hold(cs, buffer[position : position + take])
        lacking = HEAD_SIZE - len(cs.head)
        if lacking:
            cs.head += buffer[position : position + min(take, lacking)]
        cs.received += take
        cs.body_position += take
        cs.run[4] += take

    def _hold(self, cs: ChunkStream, piece: bytes) -> None:
        size = len(piece)
        if self._held + size > MAX_HELD_BYTES or self.budget.held + size > MAX_HELD_TOTAL:
            self._limit("held_bytes", cs.header_offset, "body too large to hold")
            self._release(cs)
            return
        self._held += size
        self.budget.held += size
        assert cs.parts is not None
        cs.parts.append(piece)

    def _release(self, cs: ChunkStream) -> None:
        if cs.parts:
            size = sum(map(len, cs.parts))
            self._held -= size
            self.budget.held -= size
        cs.parts = None

    def _extend_run(self, cs: ChunkStream, payload_offset: int, header_length: int) -> None:
        """Let the chunk whose payload starts at `payload_offset` continue the run, or open one."""
        run, size = cs.run, self.chunk_size
        _, stream_offset, chunk_payload, run_header, length = run
        if (
            chunk_payload == size
            and length % size == 0
            and length
            and (run_header == header_length or (not run_header and length == size))
            and payload_offset == stream_offset + length // size * (size + header_length)
        ):
            run[3] = header_length
            return
        self._push_run(cs)
        cs.run = [cs.body_position, payload_offset, size, 0, 0]

    def _push_run(self, cs: ChunkStream) -> None:
        """Close the run that grew until now; past the limits it is lost, the row stays."""
        if cs.runs and (len(cs.runs) >= MAX_RUNS or self.budget.runs >= MAX_OPEN_RUNS):
            if not cs.flags & Flag.LIMITED:
                cs.flags |= Flag.LIMITED
                self._limit("message_runs", cs.header_offset, "too many pieces to list them all")
            return
        self.budget.runs += 1
        cs.runs.append(_new(Run, cs.run))

    def _remember_open(self, cs: ChunkStream, offset: int) -> None:
        self._open[cs.csid] = cs
        if len(self._open) > MAX_OPEN_MESSAGES:
            oldest = next(iter(self._open.values()))
            self._limit("open_messages", oldest.header_offset, "too many open messages")
            self._cut(oldest, Flag.LIMITED, offset)

    # -- the end of a message -------------------------------------------------------------

    def _complete(self, cs: ChunkStream, end_offset: int) -> None:
        flags = cs.flags
        if cs.received == cs.length and not flags & Flag.LIMITED:
            flags |= Flag.COMPLETE
        else:
            flags |= Flag.DAMAGED
        self._emit(cs, flags, end_offset)
        if cs.type_id in CHANGING_TYPES:
            self._change(self._rows[-1])

    def _change(self, row: MessageRow) -> None:
        """Carry out a message that changes how chunks are read, if it is whole."""
        if row.body is None or len(row.body) < 4:
            return
        value = int.from_bytes(row.body[:4], "big")
        if row.type_id == spec.SET_CHUNK_SIZE:
            self._set_chunk_size(value, row)
        else:
            self._abort(value, row.end_offset)

    def _emit(self, cs: ChunkStream, flags: int, end_offset: int) -> None:
        cs.open = False
        self._open.pop(cs.csid, None)
        body = None
        if cs.parts is not None and cs.received == cs.length:
            body = b"".join(cs.parts)
        self._release(cs)
        self.budget.runs -= len(cs.runs)
        received = cs.received
        if cs.flags & Flag.LIMITED:
            received = sum(run.length for run in cs.runs)
        else:
            cs.runs.append(_new(Run, cs.run))
        self._rows.append(
            _new(
                MessageRow,
                (
                    cs.number,
                    cs.header_offset,
                    end_offset,
                    cs.chunks,
                    cs.fmt,
                    cs.csid,
                    cs.msid,
                    cs.type_id,
                    cs.timestamp,
                    cs.length,
                    received,
                    flags,
                    cs.head,
                    tuple(cs.runs),
                    body,
                ),
            )
        )
        cs.runs = []

    def _cut(self, cs: ChunkStream, reason: int, end_offset: int) -> None:
        """Give up the message under way on `cs`."""
        self._emit(cs, cs.flags | reason | Flag.DAMAGED, end_offset)

    def _cut_open(self, end_offset: int) -> None:
        current = self._current
        if current is not None and current.open:
            self._open[current.csid] = current
        for cs in sorted(self._open.values(), key=lambda item: item.number):
            self._cut(cs, 0, end_offset)
        self._current = None
        self._left = 0

    def _set_chunk_size(self, value: int, row: MessageRow) -> None:
        """§5.4.1: holds for this direction from the next chunk on; the top bit must be zero."""
        size = value & spec.MAX_CHUNK_SIZE
        if not size:
            self._event("chunk_size_zero", row.header_offset, 0, "Set Chunk Size 0 ignored")
            return
        self.chunk_size = size
        self.chunk_size_inferred = False
        if len(self.chunk_size_changes) < MAX_CHUNK_SIZES:
            self.chunk_size_changes.append(ChunkSizeChange(row.end_offset, size, row.number))
        else:
            self.limits.add("chunk_sizes")

    def _abort(self, csid: int, offset: int) -> None:
        """§5.4.2: the partial message goes, the header state stays."""
        victim = self._streams.get(csid)
        if victim is not None and victim.open:
            self._cut(victim, Flag.ABORTED, offset)
