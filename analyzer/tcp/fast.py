"""The fast paths, for what is not irregular in any way: many frames at once, or one.

They give exactly what `Track.packet` gives, and refuse whatever they cannot prove to be plain.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from . import limits
from .batch import ACK, FIN, RST, SYN, SegmentBatch
from .items import Arrival, Mark
from .segments import Integers
from .timing import is_probe, probes
from .track import Track

_HALF, _MASK = 1 << 31, (1 << 32) - 1
_CONTROL = FIN | SYN | RST | ACK
_OPEN: list[int | None] = [None, None]


class _Plan(NamedTuple):
    """What one side's frames will do, found before anything is changed."""

    side: int
    rows: Integers  # frames with payload
    offsets: Integers
    lengths: Integers
    all: Integers
    acks: tuple[Integers, Integers] | None  # rows, and the peer's offset each acknowledges


def plain_frame(
    track: Track,
    side: int,
    frame: int,
    time_ns: int,
    seq: int,
    ack: int,
    flags: int,
    window: int,
    payload: memoryview,
    length: int,
    file_offset: int,
    mark: Mark,
) -> bool:
    """Take one frame and return True, or do nothing."""
    own, peer = track.sides[side], track.sides[1 - side]
    if (
        own.base is None
        or peer.base is None
        or seq != (own.base + own.next) & _MASK
        or flags & _CONTROL != ACK
        or own.starts
        or peer.starts
        or own.end is not None
        or peer.end is not None
        or len(payload) != length
        or not window
        or track.shut_windows != _OPEN
        or track.closing.watched
        or track.connection.discard
    ):
        return False
    track.tick += 1
    track.last_frame = frame
    track.connection.end_ns = time_ns
    ahead = ((ack - peer.base - peer.next + _HALF) & _MASK) - _HALF
    peer.latest = peer.next + ahead
    if ahead <= limits.MAX_DISTANCE and peer.latest > peer.acked:
        peer.acked = peer.latest
        if peer.direction.round_trips.pending:
            peer.direction.round_trips.acknowledged(peer.acked, time_ns)
    direction = own.direction
    direction.window.note(window, time_ns)
    if length:
        end = own.next + length
        direction.stats.segments += 1
        if end > own.acked and is_probe(own.next, end, direction.stats.segments):
            direction.round_trips.sent(end, time_ns)
        direction.stats.bytes += length
        direction.segments.append(own.next, file_offset, length, frame, time_ns)
        own.recent.add(time_ns, length, mark)
        own.output.append(payload)
        own.next += length
        own.top = own.next
    return True


def plain_batch(track: Track, batch: SegmentBatch, view: memoryview, rows: Integers) -> bool:
    """Take the frames at `rows` (in capture order) and return True, or do nothing."""
    if not (track.sides[0].plain and track.sides[1].plain) or track.shut_windows != _OPEN:
        return False
    if track.closing.watched:
        return False
    flags = batch.flags[rows]
    length = batch.length[rows]
    if (
        (flags & (FIN | SYN | RST)).any()
        or not batch.window[rows].all()
        or (batch.captured[rows] != length).any()
        or int(length.sum()) > limits.MAX_DISTANCE
    ):
        return False
    side_one = batch.reverse[rows] != track.client_reverse
    plans = []
    for side, mine in ((0, rows[~side_one]), (1, rows[side_one])):
        if len(mine):
            plan = _plan(track, side, batch, mine)
            if plan is None:
                return False
            plans.append(plan)
    tick = track.tick
    _measure(track, plans, batch)
    for plan in plans:
        _apply(track, plan, batch, view)
    _remember_acks(track, batch, rows, flags, side_one)
    track.tick = tick + len(rows)
    track.last_frame = int(batch.frame[rows[-1]])
    track.connection.end_ns = int(batch.time_ns[rows[-1]])
    return True


def _wrap(values: Integers) -> Integers:
    """Fold differences of sequence numbers into ±2^31."""
    return ((values + _HALF) & _MASK) - _HALF


def _plan(track: Track, side: int, batch: SegmentBatch, rows: Integers) -> _Plan | None:
    own, peer = track.sides[side], track.sides[1 - side]
    length = batch.length[rows]
    filled = length > 0
    if own.base is None:
        if filled.any():
            return None
        offsets = length
    else:
        offsets = own.next + np.cumsum(length) - length
        error = _wrap(batch.seq[rows] - own.base - offsets)
        if ((error != 0) & filled).any() or ((error == -1) & ~filled).any():
            return None  # not the next byte, or a keep-alive
    acks = None
    if peer.base is not None:
        acking = rows[(batch.flags[rows] & ACK) != 0]
        if len(acking):
            ahead = _wrap(batch.ack[acking] - peer.base - peer.next)
            if int(np.abs(ahead).max()) > limits.MAX_DISTANCE:
                return None
            acks = acking, peer.next + ahead
    return _Plan(side, rows[filled], offsets[filled], length[filled], rows, acks)


def _measure(track: Track, plans: list[_Plan], batch: SegmentBatch) -> None:
    """Note windows and round trips, before the plans are carried out."""
    none = np.empty(0, dtype=np.int64)
    by_side = {plan.side: plan for plan in plans}
    for side, own in enumerate(track.sides):
        direction, plan, answer = own.direction, by_side.get(side), by_side.get(1 - side)
        sent = acknowledged = (none, none, none)
        if plan is not None:
            window = batch.window[plan.all]
            direction.window.note_all(window, batch.time_ns[plan.all])
            ends = plan.offsets + plan.lengths
            timed = probes(plan.offsets, ends, direction.stats.segments)
            rows = plan.rows[timed]
            sent = rows, ends[timed], batch.time_ns[rows]
        if answer is not None and answer.acks is not None:
            rows, offsets = answer.acks
            acknowledged = rows, offsets, batch.time_ns[rows]
        if len(sent[0]) or (direction.round_trips.pending and len(acknowledged[0])):
            direction.round_trips.exchange(sent, acknowledged, own.acked)


def _apply(track: Track, plan: _Plan, batch: SegmentBatch, view: memoryview) -> None:
    own, peer = track.sides[plan.side], track.sides[1 - plan.side]
    if plan.acks is not None:
        peer.acked = max(peer.acked, int(plan.acks[1].max()))
        peer.latest = int(plan.acks[1][-1])
    rows, lengths = plan.rows, plan.lengths
    if not len(rows):
        return
    payload = batch.payload[rows]
    own.direction.segments.extend(
        plan.offsets, batch.position[rows], lengths, batch.frame[rows], batch.time_ns[rows]
    )
    ends = (payload + lengths).tolist()
    # Views, not slices: one copy by the consumer's join instead of two.
    own.output.extend(map(view.__getitem__, map(slice, payload.tolist(), ends)))
    total = int(lengths.sum())
    own.next += total
    own.top = own.next
    own.direction.stats.segments += len(rows)
    own.direction.stats.bytes += total
    headers = np.minimum(payload - batch.header[rows], limits.MOST_HEADER)
    own.direction.stats.header_bytes += int(headers.sum())
    own.recent.add_rows(batch, rows)


def _remember_acks(
    track: Track,
    batch: SegmentBatch,
    rows: Integers,
    flags: npt.NDArray[np.uint8],
    side_one: npt.NDArray[np.bool_],
) -> None:
    """Keep the last acknowledgement of a direction whose stream start is not known yet."""
    for side, mine in ((0, ~side_one), (1, side_one)):
        peer = track.sides[1 - side]
        if peer.base is None:
            found = np.flatnonzero(mine & ((flags & ACK) != 0))
            if len(found):
                last = int(found[-1])
                row = rows[last]
                at = Arrival(int(batch.frame[row]), int(batch.time_ns[row]), track.tick + last + 1)
                peer.last_ack = (int(batch.ack[row]), at)
