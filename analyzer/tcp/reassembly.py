"""One direction's order: overlap, retransmission, reordering, and when to give up on a hole."""

from bisect import bisect_right
from collections import deque

from . import limits
from .connection import TcpDirection
from .items import Arrival, Budget, Buffered, Held, Mark, Payload, first_difference
from .segments import EventKind, Gap, GapReason

_HALF, _MASK = 1 << 31, (1 << 32) - 1


class Reassembler:
    """Turns segments of one direction into `output`: payloads and gaps in stream order.

    Offsets are 64 bit stream offsets; the first segment to bring a byte wins.
    """

    __slots__ = (
        "acked",
        "base",
        "budget",
        "buffer",
        "buffered",
        "complaint",
        "complaints",
        "direction",
        "end",
        "end_acked",
        "held",
        "holed",
        "last_ack",
        "losses",
        "next",
        "output",
        "recent",
        "starts",
        "top",
    )

    def __init__(self, direction: TcpDirection, budget: Budget) -> None:
        self.direction = direction
        self.budget = budget
        self.base: int | None = None  # sequence number of stream offset 0
        self.next = 0  # first offset not delivered
        self.top = 0  # end of the highest segment seen
        self.end: int | None = None  # offset of the FIN, or where a reset ended the stream
        self.end_acked: Arrival | None = None
        self.acked = -1  # highest offset acknowledged by the receiver; -1: none captured
        self.last_ack: tuple[int, Arrival] | None = None  # before `base` is known
        self.held: list[Held] = []  # before `base` is known
        self.starts: list[int] = []  # sorted keys of `buffer`
        self.buffer: dict[int, Buffered] = {}
        self.buffered = 0
        self.complaints = 0  # duplicate acknowledgements at `acked` while a hole stands there
        self.complaint: tuple[int, int, Mark] = (0, 0, (0, 0, b""))  # the last: time, window, mark
        self.losses: list[tuple[int, int]] = []  # holes the receiver complained about
        self.recent: deque[tuple[int, int, Mark]] = deque(maxlen=limits.RECENT_SEGMENTS)
        self.output: list[Payload | Gap] = []
        self.holed = False  # a gap stands in `output`

    def offset_of(self, seq: int) -> int:
        """Unwrap a sequence number to the stream offset nearest to `next`."""
        base = self.base or 0
        return self.next + ((seq - base - self.next + _HALF) & _MASK) - _HALF

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
            self.recent.append((at.time_ns, length, mark))
            self.direction.segments.append(offset, file_offset, length, at.frame, at.time_ns)
            self.output.append(payload)
            self.next = end
            if end > self.top:
                self.top = end
            if self.starts:
                self._drain()
            return
        self._irregular(offset, item)

    def _irregular(self, offset: int, item: Held) -> None:
        _, payload, length, file_offset, at, mark = item
        stats = self.direction.stats
        if abs(offset - self.next) > limits.MAX_DISTANCE:
            stats.implausible += 1
            self._event("implausible", length, at, offset)
            return
        if offset < self.top and self._is_copy(length, mark, at.time_ns):
            stats.duplicates += 1
            self._event("duplicate", length, at, offset)
            return
        if length == 1 and offset == self.top - 1:
            self.keep_alive(1, at)
            return
        self.recent.append((at.time_ns, length, mark))
        if self.end is not None and offset + length > self.end:
            stats.after_close += 1
            self._event("after_close", length, at, offset)
            length = self.end - offset
            if length <= 0:
                return
            payload = payload[:length]
        top = self.top
        new = self._insert(offset, payload, len(payload), file_offset, at)
        if len(payload) < length:
            stats.snaplen_cut += 1
            new += self._insert(offset + len(payload), None, length - len(payload), file_offset, at)
        if new < length:
            stats.retransmitted += 1
            stats.retransmitted_bytes += length - new
            self._event("retransmission", length, at, offset)
        elif offset < top:
            self._count_late(offset, length, at)
        self.top = max(top, offset + length)
        self._drain()
        self._bound(offset, offset + length)

    def reject(self, seq: int, length: int, frame: int, time_ns: int) -> None:
        """Note a segment that is ignored for its checksum."""
        self.direction.stats.bad_checksums += 1
        at = Arrival(frame, time_ns, 0)
        self._event("bad_checksum", length, at, 0 if self.base is None else self.offset_of(seq))

    def keep_alive(self, length: int, at: Arrival) -> None:
        """RFC 9293 §3.8.4: at most one byte just before the next one asks for a sign of life."""
        self.direction.stats.keep_alives += 1
        self._event("keep_alive", length, at, self.top - 1)

    def _is_copy(self, length: int, mark: Mark, time_ns: int) -> bool:
        for seen, size, other in reversed(self.recent):
            if abs(time_ns - seen) > limits.DUPLICATE_NS:
                return False
            if size == length and other == mark:
                return True
        return False

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

    def _insert(
        self, low: int, data: Payload | None, size: int, file_offset: int, at: Arrival
    ) -> int:
        """Buffer what is new in [low, low + size); return the number of new bytes."""
        starts, buffer = self.starts, self.buffer
        high, cursor, new, conflict = low + size, max(low, self.next), 0, -1
        index = bisect_right(starts, cursor)
        if index and buffer[starts[index - 1]].end > cursor:
            index -= 1
        while cursor < high:
            stop = high
            if index < len(starts):
                piece = buffer[starts[index]]
                if piece.offset <= cursor:
                    stop = min(piece.end, high)
                    if data is not None and piece.data is not None and conflict < 0:
                        mine = data[cursor - low : stop - low]
                        kept = piece.data[cursor - piece.offset : stop - piece.offset]
                        if mine != kept:
                            conflict = cursor + first_difference(mine, kept)
                    cursor, index = stop, index + 1
                    continue
                stop = min(piece.offset, high)
            part = None if data is None else bytes(data[cursor - low : stop - low])
            item = Buffered(cursor, stop, part, file_offset + cursor - low, at)
            if self.acked >= cursor:
                item.acked = at
            starts.insert(index, cursor)
            buffer[cursor] = item
            self._account(len(part or b""))
            new += stop - cursor
            cursor, index = stop, index + 1
        if conflict >= 0:
            self.direction.stats.overlap_conflicts += 1
            self._event("overlap_conflict", high - conflict, at, conflict)
        return new

    def _account(self, size: int) -> None:
        self.buffered += size
        self.budget.used += size

    def _drain(self) -> None:
        """Deliver what has become contiguous."""
        done = 0
        for start in self.starts:
            if start != self.next:
                break
            piece = self.buffer.pop(start)
            done += 1
            if piece.data is None:
                self._gap(piece.end - start, "snaplen", piece.at.frame)
                continue
            self._account(-len(piece.data))
            self.direction.segments.append(
                start, piece.file_offset, len(piece.data), piece.at.frame, piece.at.time_ns
            )
            self.output.append(piece.data)
            self.next = piece.end
        del self.starts[:done]
        if not self.starts:
            self.complaints = 0
            self.losses.clear()

    def _bound(self, low: int, high: int) -> None:
        """Give up on holes when too much is buffered, or a segment [low, high) met too much."""
        starts = self.starts
        while starts and (
            self.buffered > limits.MAX_BUFFERED
            or len(starts) > limits.MAX_BUFFERED_SEGMENTS
            or self.budget.used > limits.MAX_BUFFERED_TOTAL
        ):
            self.budget.overflows += 1
            self._give_up("unknown")
        if bisect_right(starts, high) - bisect_right(starts, low) > limits.MAX_OVERLAPPED:
            self.budget.overflows += 1
            while starts and starts[0] < high:
                self._give_up("unknown")

    # -- acknowledgements

    def acknowledge(self, ack: int, at: Arrival) -> int:
        """Take an acknowledgement by the receiver; return its stream offset (-1: not known)."""
        if self.base is None:
            self.last_ack = (ack, at)
            return -1
        offset = self.offset_of(ack)
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

    def complain(self, window: int, mark: Mark, selective: bool, at: Arrival) -> None:
        """Take an acknowledgement of `acked` that brings nothing new, while bytes are buffered.

        RFC 5681 §2 (duplicate acknowledgement); `selective`: with a SACK block (RFC 2018 §3).
        """
        time_ns, last_window, last_mark = self.complaint
        copy = mark == last_mark and abs(at.time_ns - time_ns) <= limits.DUPLICATE_NS
        self.complaint = (at.time_ns, window, mark)
        if self.complaints and (copy or window != last_window) and not selective:
            return
        self.complaints = limits.DUPLICATE_ACKS if selective else self.complaints + 1
        index = bisect_right(self.starts, self.acked)
        if (
            self.complaints < limits.DUPLICATE_ACKS
            or self.acked < self.next
            or index == len(self.starts)
            or (index and self.buffer[self.starts[index - 1]].end > self.acked)
        ):
            return
        hole = (self.acked, self.starts[index])
        if hole not in self.losses[-1:]:
            self.losses = [*self.losses[1 - limits.MAX_LOSSES :], hole]

    # -- giving up

    def finish_at(self, seq: int, length: int, at: Arrival) -> None:
        """Take a FIN behind `length` bytes at `seq`."""
        if self.base is None:
            self.start(None if self.held else seq)
        offset = self.offset_of(seq) + length
        if self.end is not None:
            return
        if not self.top <= offset <= self.next + limits.MAX_DISTANCE:
            self.direction.stats.implausible += 1
            self._event("implausible", length, at, offset - length)
            return
        self.end = self.direction.fin_offset = offset
        self.direction.fin_frame = at.frame
        if self.acked >= offset:
            self.end_acked = at

    def expire(self, at: Arrival) -> None:
        """Give up on holes whose time is over (acknowledged, and a grace passed)."""
        if self.held and at.time_ns - self.held[0].at.time_ns >= limits.HOLD_NS:
            self.start()
        while self.starts or (self.end is not None and self.next < self.end):
            first = self.buffer[self.starts[0]] if self.starts else None
            acked = first.acked if first else self.end_acked
            if acked is not None:
                waited = at.time_ns - acked.time_ns
                if at.tick - acked.tick < limits.GRACE_SEGMENTS and waited < limits.GRACE_NS:
                    return
            elif (
                first is None
                or self.acked >= 0
                or at.time_ns - first.at.time_ns < limits.ONE_SIDED_NS
            ):
                return
            self._give_up("unknown", at.frame)

    def stop(self, frame: int) -> None:
        """No more segments: give up on every hole and end the stream here."""
        if self.held:
            self.start()
        while self.starts:
            self._give_up("never_delivered", frame)
        if self.end is not None and self.next < self.end:
            self._give_up("never_delivered", frame)
        elif self.end is None and self.acked > self.next + 1:
            # One byte more may be a FIN that was not captured.
            self._give_up_to(self.acked, "never_delivered", frame)
        self.end = self.next
        self.recent.clear()

    def _give_up(self, unacknowledged: GapReason, frame: int = 0) -> None:
        if self.starts:
            first = self.buffer[self.starts[0]]
            self._give_up_to(first.offset, unacknowledged, first.at.frame)
            self._drain()
        elif self.end is not None:
            self._give_up_to(self.end, unacknowledged, frame)

    def _give_up_to(self, high: int, unacknowledged: GapReason, frame: int) -> None:
        """Declare [next, high) missing; the reason may change at the acknowledged offset."""
        if self.acked < 0:
            self._gap(high - self.next, "unknown", frame)
            return
        acked = min(max(self.acked, self.next), high)
        if acked > self.next:
            lost = any(low < acked and self.next < top for low, top in self.losses)
            self._gap(acked - self.next, "lost" if lost else "not_captured", frame)
        if high > acked:
            self._gap(high - acked, unacknowledged, frame)

    def _gap(self, length: int, reason: GapReason, frame: int) -> None:
        gap = Gap(self.next, length, reason, frame)
        self.direction.gaps.append(gap)
        self.output.append(gap)
        self.holed = True
        self.next += length
        self.top = max(self.top, self.next)

    def forget(self) -> None:
        """Drop everything stored: the consumer does not want this stream."""
        self.budget.used -= self.buffered + sum(len(item.payload) for item in self.held)
        self.held, self.starts, self.buffer, self.buffered = [], [], {}, 0
        self.output.clear()
        self.recent.clear()
