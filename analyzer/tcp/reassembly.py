"""One direction's order: overlap, retransmission, reordering, and when to give up on a hole."""

from bisect import bisect_right
from collections import deque

from . import limits
from .connection import TcpConnection
from .copies import Recent
from .holes import bound, skip_to
from .items import Arrival, Budget, Buffered, Held, Mark, Payload, Read
from .overlap import difference, insert
from .segments import EventKind, Gap, GapReason

_HALF, _MASK = 1 << 31, (1 << 32) - 1


class Reassembler:
    """Turns segments of one direction into `output`: payloads and gaps in stream order.

    Offsets are 64 bit stream offsets; the first segment to bring a byte wins, and one that brings
    another byte for the same place is counted (`overlap_conflicts`).
    """

    __slots__ = (
        "acked",
        "base",
        "budget",
        "buffer",
        "buffered",
        "compared",
        "complaint",
        "complaints",
        "connection",
        "direction",
        "end",
        "end_acked",
        "held",
        "holed",
        "holes",
        "last_ack",
        "latest",
        "losses",
        "next",
        "output",
        "read",
        "recent",
        "side",
        "starts",
        "strays",
        "top",
    )

    def __init__(self, connection: TcpConnection, side: int, budget: Budget, read: Read) -> None:
        self.connection = connection
        self.side = side
        self.direction = connection.directions[side]
        self.budget = budget
        self.read = read
        self.base: int | None = None  # sequence number of stream offset 0
        self.next = 0  # first offset not delivered
        self.top = 0  # end of the highest segment seen
        self.end: int | None = None  # offset of the FIN
        self.end_acked: Arrival | None = None
        self.acked = -1  # highest offset acknowledged by the receiver; -1: none captured
        self.latest = -1  # the offset acknowledged last: a higher one before it was wrong
        self.last_ack: tuple[int, Arrival] | None = None  # before `base` is known
        self.held: list[Held] = []  # before `base` is known
        self.starts: list[int] = []  # sorted keys of `buffer`
        self.buffer: dict[int, Buffered] = {}
        self.buffered = 0
        self.complaints = 0  # duplicate acknowledgements at `acked` while a hole stands there
        self.complaint: tuple[int, int, Mark] = (0, 0, (0, 0, b""))  # the last: time, window, mark
        self.losses: list[tuple[int, int]] = []  # holes the receiver complained about
        self.recent = Recent()
        self.strays: deque[Held] = deque()  # beyond the receiver's window
        self.holes = 0  # given up so far
        self.compared = 0  # segments that retransmissions were compared with
        self.output: list[Payload | Gap] = []
        self.holed = False  # a gap stands in `output`

    def offset_of(self, seq: int) -> int:
        """Unwrap a sequence number to the stream offset nearest to `next`."""
        base = self.base or 0
        return self.next + ((seq - base - self.next + _HALF) & _MASK) - _HALF

    @property
    def room(self) -> int:
        """Return the largest receive window offered for this direction, in bytes."""
        window = self.connection.directions[1 - self.side].window.highest
        if window < 0:
            return limits.NEAR
        scale = self.connection.handshake.scale(1 - self.side)
        shift = limits.MOST_SHIFT if scale is None else scale
        return min(max(window << shift, limits.LEAST_WINDOW), limits.MAX_DISTANCE)

    def fits(self, offset: int) -> bool:
        """Whether a segment at `offset` can be of this stream: in the window or sent again."""
        return -self.room <= offset - self.next and offset <= max(self.top, self.acked) + self.room

    @property
    def finished(self) -> bool:
        """Whether the receiver has acknowledged the FIN, and nothing behind it."""
        return self.end is not None and self.acked == self.end + 1

    @property
    def plain(self) -> bool:
        """True when the next segment in order needs nothing but to be delivered."""
        return not self.starts and not self.held and self.end is None

    @property
    def complete(self) -> bool:
        """True when everything up to the FIN was delivered."""
        return self.end is not None and self.next >= self.end

    # -- segments

    def segment(self, item: Held) -> None:
        """Take a segment with payload."""
        seq, payload, length, file_offset, at, mark = item
        if self.base is None:
            self._hold(item)
            return
        offset = self.offset_of(seq)
        end = offset + length
        if (
            offset == self.next
            and len(payload) == length
            and (not self.starts or end <= self.starts[0])
            and (self.end is None or end <= self.end)
        ):
            if offset < self.top:
                self._count_late(offset, length, at)
            self.recent.add(at.time_ns, length, mark)
            self.direction.segments.append(offset, file_offset, length, at.frame, at.time_ns)
            self.output.append(payload)
            self.next = end
            if end > self.top:
                self.top = end
            if self.starts:
                self.drain()
            return
        self._irregular(offset, item)

    def _irregular(self, offset: int, item: Held, *, proven: bool = False) -> None:
        """Take any segment; `proven`: one beyond the window is of this stream."""
        _, payload, length, file_offset, at, mark = item
        stats = self.direction.stats
        if abs(offset - self.next) > limits.MAX_DISTANCE:
            self._implausible(length, at, offset)
            return
        if offset < self.top and self.recent.is_copy(at.time_ns, length, mark):
            stats.duplicates += 1
            self._event("duplicate", length, at, offset)
            return
        if length == 1 and offset == self.top - 1:
            self.keep_alive(item)
            return
        if not proven:
            reach = max(self.top, self.acked) + self.room
            if self.strays:
                self._catch_up(reach)
            if offset > reach and self._stray(offset, item):
                return
        self.recent.add(at.time_ns, length, mark)
        if self.direction.hasty and skip_to(self, offset, item):
            return
        if self.end is not None and offset + length > self.end:
            self.after_close(length, at, offset)
            length = self.end - offset
            if length <= 0:
                return
            payload = payload[:length]
        top, again = self.top, None
        if offset < self.next and self._may_compare():
            old = payload[: self.next - offset]
            again, compared = difference(self.direction.segments, offset, old, self.read)
            self.compared += compared
        new, conflict = insert(self, offset, payload, len(payload), file_offset, at)
        if len(payload) < length:
            stats.snaplen_cut += 1
            cut, end = length - len(payload), offset + len(payload)
            new += insert(self, end, None, cut, file_offset, at)[0]
        conflict = conflict if again is None else again
        if conflict is not None:
            stats.overlap_conflicts += 1
            self._event("overlap_conflict", offset + len(payload) - conflict, at, conflict)
        if new < length:
            stats.retransmitted += 1
            stats.retransmitted_bytes += length - new
            self._event("retransmission", length, at, offset)
        elif offset < top:
            self._count_late(offset, length, at)
        self.top = max(top, offset + length)
        self.drain()
        bound(self, offset, offset + length)

    def _may_compare(self) -> bool:
        """Whether one more segment is compared with what was delivered before."""
        paid = self.direction.stats.bytes // limits.COMPARISON_BYTES
        if self.compared < limits.FREE_COMPARISONS + paid:
            return True
        self.budget.overflows += 1
        return False

    def _implausible(self, length: int, at: Arrival, offset: int) -> None:
        self.direction.stats.implausible += 1
        self._event("implausible", length, at, offset)

    def _stray(self, offset: int, item: Held) -> bool:
        """Put a segment beyond the window aside; False when others beside it prove a hole."""
        strays, self.strays = self.strays, deque()
        proof = False
        for stray in strays:
            start = self.offset_of(stray.seq)
            apart = max(offset, start) - min(offset + item.length, start + stray.length)
            if 0 <= apart <= limits.HOLD_SPREAD:
                proof = True
                self.release(stray)
            else:
                self.strays.append(stray)
        if not proof:
            if len(self.strays) >= limits.MAX_STRAYS:
                self.drop_stray()
            self.strays.append(item._replace(payload=bytes(item.payload)))
            self.budget.used += len(item.payload)
        return not proof

    def _catch_up(self, reach: int) -> None:
        """Take the segments that are no longer beyond the window, which ends at `reach`."""
        for _ in range(len(self.strays)):
            stray = self.strays.popleft()
            if self.offset_of(stray.seq) <= reach:
                self.release(stray)
            else:
                self.strays.append(stray)

    def release(self, stray: Held) -> None:
        """Take a segment that was put aside."""
        self.budget.used -= len(stray.payload)
        self._irregular(self.offset_of(stray.seq), stray, proven=True)

    def drop_stray(self) -> None:
        """Ignore the segment that was put aside first."""
        stray = self.strays.popleft()
        self.budget.used -= len(stray.payload)
        self._implausible(stray.length, stray.at, self.offset_of(stray.seq))

    def after_close(self, length: int, at: Arrival, offset: int) -> None:
        """Note a segment with new bytes behind an end."""
        self.direction.stats.after_close += 1
        self._event("after_close", length, at, offset)

    def reject(self, seq: int, length: int, frame: int, time_ns: int) -> None:
        """Note a segment that is ignored for its checksum."""
        self.direction.stats.bad_checksums += 1
        at = Arrival(frame, time_ns, 0)
        self._event("bad_checksum", length, at, 0 if self.base is None else self.offset_of(seq))

    def keep_alive(self, item: Held) -> None:
        """RFC 9293 §3.8.4: at most one byte just before the next one asks for a sign of life."""
        at, length = item.at, item.length
        if not length and self.recent.is_copy(at.time_ns, length, item.mark):
            self.direction.stats.duplicates += 1
            self._event("duplicate", length, at, self.top - 1)
            return
        self.recent.add(at.time_ns, length, item.mark)
        self.direction.stats.keep_alives += 1
        self._event("keep_alive", length, at, self.top - 1)

    def _count_late(self, offset: int, length: int, at: Arrival) -> None:
        """Bytes for a hole: sent again if the receiver complained or much time went by."""
        index = bisect_right(self.starts, offset)
        waited = 0
        if index < len(self.starts):
            waited = at.time_ns - self.buffer[self.starts[index]].at.time_ns
        lost = any(low <= offset < high for low, high in self.losses)
        stats = self.direction.stats
        if lost or waited >= limits.RETRANSMISSION_NS:
            stats.retransmitted += 1
            stats.retransmitted_bytes += length
            self._event("retransmission", length, at, offset)
        else:
            stats.out_of_order += 1
            self._event("out_of_order", length, at, offset)

    def _event(self, kind: EventKind, length: int, at: Arrival, offset: int) -> None:
        if kind == "retransmission":
            self.direction.round_trips.restart()
        self.direction.events.append(at.frame, at.time_ns, kind, length, offset)

    # -- stream start without SYN

    def _hold(self, item: Held) -> None:
        self.held.append(item._replace(payload=bytes(item.payload)))
        self.budget.used += len(item.payload)
        if len(self.held) >= limits.HOLD_SEGMENTS or self.budget.used > limits.MAX_BUFFERED_TOTAL:
            self.start()

    def start(self, base: int | None = None) -> None:
        """Fix stream offset 0: at `base`, else at the lowest sequence number held."""
        held, self.held = self.held, []
        if base is None:
            low = 0
            for item in held:
                distance = ((item.seq - held[0].seq + _HALF) & _MASK) - _HALF
                if -limits.HOLD_SPREAD <= distance < low:
                    low = distance
            base = (held[0].seq + low) & _MASK
        self.base = base
        for item in held:
            self.budget.used -= len(item.payload)
            self.segment(item)
        if self.last_ack is not None:
            self.acknowledge(*self.last_ack)

    # -- the buffer behind holes

    def account(self, size: int) -> None:
        """Count bytes put into the buffer, or taken out."""
        self.buffered += size
        self.budget.used += size

    def drain(self) -> None:
        """Deliver what has become contiguous."""
        done = 0
        for start in self.starts:
            if start != self.next:
                break
            piece = self.buffer.pop(start)
            done += 1
            if piece.data is None:
                self.gap(piece.end - start, "snaplen", piece.at.frame)
                continue
            self.account(-len(piece.data))
            self.direction.segments.append(
                start, piece.file_offset, len(piece.data), piece.at.frame, piece.at.time_ns
            )
            self.output.append(piece.data)
            self.next = piece.end
        del self.starts[:done]
        self.budget.segments -= done
        if not self.starts:
            self.complaints = 0
            self.losses.clear()

    # -- acknowledgements

    def acknowledge(self, ack: int, at: Arrival) -> int:
        """Take an acknowledgement by the receiver; return its stream offset (-1: not known)."""
        if self.base is None:
            self.last_ack = (ack, at)
            return -1
        offset = self.latest = self.offset_of(ack)
        if self.acked < offset <= self.next + limits.MAX_DISTANCE:
            first = bisect_right(self.starts, self.acked)
            for start in self.starts[first : bisect_right(self.starts, offset)]:
                self.buffer[start].acked = at
            if self.end is not None and self.acked < self.end <= offset:
                self.end_acked = at
            self.acked = offset
            self.complaints = 0
            if self.direction.round_trips.pending:
                self.direction.round_trips.acknowledged(offset, at.time_ns)
        return offset

    # -- the end

    def finish_at(self, offset: int, at: Arrival) -> None:
        """The stream ends at `offset`, with a FIN that came `at`."""
        self.end = self.direction.fin_offset = offset
        self.end_acked = at if self.acked >= offset else None

    def go_on(self) -> None:
        """The FIN was none: the stream does not end there."""
        self.end = self.end_acked = None
        self.direction.fin_offset = None

    def gap(self, length: int, reason: GapReason, frame: int) -> None:
        """Declare the next `length` bytes missing."""
        gap = Gap(self.next, length, reason, frame)
        self.direction.gaps.append(gap)
        self.output.append(gap)
        self.holed = True
        self.next += length
        self.top = max(self.top, self.next)

    def forget(self) -> None:
        """Drop everything stored: the consumer does not want this stream."""
        waiting = (*self.held, *self.strays)
        self.budget.used -= self.buffered + sum(len(item.payload) for item in waiting)
        self.budget.segments -= len(self.starts)
        self.strays.clear()
        self.held, self.starts, self.buffer, self.buffered = [], [], {}, 0
        self.output.clear()
        self.recent.clear()
