"""When to give up waiting for missing bytes, and why they are missing."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from . import limits
from .items import Arrival, Held, Mark
from .segments import GapReason

if TYPE_CHECKING:
    from .reassembly import Reassembler


def expire(half: Reassembler, at: Arrival) -> None:
    """Give up on holes whose time is over (acknowledged, and a grace passed)."""
    if half.held and half.held[0].at.is_late(at):
        half.start()
    while half.starts or (half.end is not None and half.next < half.end):
        first = half.buffer[half.starts[0]] if half.starts else None
        acked = first.acked if first else half.end_acked
        if acked is not None:
            if not acked.is_late(at):
                return
        elif first is None or half.acked >= 0:
            return
        else:  # one-sided; while the stream goes on, what waits is no proof of a hole
            since = max(first.at.time_ns, half.direction.segments.last_ns or 0)
            if at.time_ns - since < limits.LONGEST_NS:
                return
        _give_up(half, "unknown", at.frame)


def complain(half: Reassembler, window: int, mark: Mark, selective: bool, at: Arrival) -> None:
    """Take an acknowledgement of `acked` that brings nothing new, while bytes are buffered.

    RFC 5681 §2 (duplicate acknowledgement); `selective`: with a SACK block (RFC 2018 §3).
    """
    time_ns, last_window, last_mark = half.complaint
    copy = mark == last_mark and abs(at.time_ns - time_ns) <= limits.DUPLICATE_NS
    half.complaint = (at.time_ns, window, mark)
    if half.complaints and (copy or window != last_window) and not selective:
        return
    half.complaints = limits.DUPLICATE_ACKS if selective else half.complaints + 1
    index = bisect_right(half.starts, half.acked)
    if (
        half.complaints < limits.DUPLICATE_ACKS
        or half.acked < half.next
        or index == len(half.starts)
        or (index and half.buffer[half.starts[index - 1]].end > half.acked)
    ):
        return
    hole = (half.acked, half.starts[index])
    if hole not in half.losses[-1:]:
        half.losses = [*half.losses[1 - limits.MAX_LOSSES :], hole]


def bound(half: Reassembler, low: int, high: int) -> None:
    """Give up on holes when too much is buffered, or a segment [low, high) met too much."""
    starts = half.starts
    while starts and (
        half.buffered > limits.MAX_BUFFERED
        or len(starts) > limits.MAX_BUFFERED_SEGMENTS
        or half.budget.used > limits.MAX_BUFFERED_TOTAL
        or half.budget.segments > limits.MAX_SEGMENTS_TOTAL
    ):
        half.budget.overflows += 1
        _give_up(half, "unknown")
    if bisect_right(starts, high) - bisect_right(starts, low) > limits.MAX_OVERLAPPED:
        half.budget.overflows += 1
        while starts and starts[0] < high:
            _give_up(half, "unknown")


def skip_to(half: Reassembler, offset: int, item: Held) -> bool:
    """Take a segment behind a hole without waiting for the hole; False: it needs more care."""
    end = offset + item.length
    if half.end is not None or offset <= half.next or len(item.payload) != item.length:
        return False
    half.budget.overflows += 1
    while half.starts:
        _give_up(half, "unknown")
    if offset <= half.next:
        return False
    _give_up_to(half, offset, "unknown", item.at.frame)
    at = item.at
    half.direction.segments.append(offset, item.file_offset, item.length, at.frame, at.time_ns)
    half.output.append(item.payload)
    half.next = end
    half.top = max(half.top, end)
    return True


def stop(half: Reassembler, frame: int) -> None:
    """No more segments: give up on every hole and end the stream here."""
    if half.held:
        half.start()
    while half.strays:
        end = half.offset_of(half.strays[0].seq) + half.strays[0].length
        if end <= max(half.next, half.latest):
            half.release(half.strays.popleft())
        else:
            half.drop_stray()
    while half.starts:
        _give_up(half, "never_delivered", frame)
    if half.end is not None and half.next < half.end:
        _give_up(half, "never_delivered", frame)
    elif half.end is None and half.next + 1 < half.latest <= half.acked:
        # One byte more may be a FIN that was not captured.
        _give_up_to(half, half.latest, "never_delivered", frame)
    half.end = half.next
    half.recent.clear()


def _give_up(half: Reassembler, unacknowledged: GapReason, frame: int = 0) -> None:
    if half.starts:
        first = half.buffer[half.starts[0]]
        _give_up_to(half, first.offset, unacknowledged, first.at.frame)
        half.drain()
    elif half.end is not None:
        _give_up_to(half, half.end, unacknowledged, frame)


def _give_up_to(half: Reassembler, high: int, unacknowledged: GapReason, frame: int) -> None:
    """Declare [next, high) missing; the reason may change at the acknowledged offset."""
    _count(half)
    if half.acked < 0:
        half.gap(high - half.next, "unknown", frame)
        return
    acked = min(max(half.acked, half.next), high)
    if acked > half.next:
        lost = any(low < acked and half.next < top for low, top in half.losses)
        half.gap(acked - half.next, "lost" if lost else "not_captured", frame)
    if high > acked:
        half.gap(high - acked, unacknowledged, frame)


def _count(half: Reassembler) -> None:
    """One more hole; where there are too many, no more are waited for."""
    half.holes += 1
    direction, budget = half.direction, half.budget
    unpaid = half.holes - direction.stats.bytes // limits.HOLE_BYTES
    budget.unpaid_holes += unpaid > 0
    few = budget.unpaid_holes > limits.FREE_HOLES_TOTAL
    direction.hasty = unpaid > (limits.LEAST_HOLES if few else limits.FREE_HOLES)
