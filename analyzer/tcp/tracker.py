"""Follows every TCP connection of a capture and hands out its two byte streams."""

from collections.abc import Sequence
from heapq import nsmallest

import numpy as np
import numpy.typing as npt

from . import limits
from .batch import ACK, FIN, RST, SYN, Flow, SegmentBatch
from .connection import StreamConsumer, TcpConnection
from .fast import plain_batch, plain_frame
from .half_open import HalfOpenFlows
from .items import Arrival, Budget, Held
from .segments import Integers
from .track import Track

RTMP_PORT = 1935
_NONE, _LIVE, _DISCARDED = range(3)  # what is known of a flow
_MASK = (1 << 32) - 1


class TcpTracker:
    """Feed batches in capture order, then `finish`. How frames are batched changes no result."""

    def __init__(self, flows: Sequence[Flow], consumer: StreamConsumer) -> None:
        self.flows = flows
        self.consumer = consumer
        self.discarded = 0
        """Connections the consumer did not want and that are over."""
        self.evicted = 0
        """Connections closed because too many were live."""
        self.shed = 0
        """Segments of connections that were not opened: too many brought next to nothing."""
        self._opened = 0
        self._offered = 0
        """Payload bytes of the segments that asked for a connection."""
        self._connections: dict[int, TcpConnection] = {}
        self._live: dict[int, Track] = {}
        self._half_open = HalfOpenFlows()
        self._states = np.zeros(1024, dtype=np.int8)
        self._budget = Budget()

    @property
    def connections(self) -> list[TcpConnection]:
        """The connections in order of their first payload, without the discarded ones."""
        return [item for item in self._connections.values() if not item.discard]

    @property
    def overflows(self) -> int:
        """Holes given up because too much waited behind them."""
        return self._budget.overflows

    @property
    def forgotten_handshakes(self) -> int:
        """Handshakes forgotten because too many flows never carried payload."""
        return self._half_open.forgotten

    def feed(self, batch: SegmentBatch) -> None:
        """Take the next frames."""
        if not len(batch.flow):
            return
        top = int(batch.flow.max())
        if top >= len(self._states):
            grown = np.zeros(max(top + 1, 2 * len(self._states)), dtype=np.int8)
            grown[: len(self._states)] = self._states
            self._states = grown
        self._feed(batch, memoryview(batch.data), np.arange(len(batch.flow)))

    def finish(self) -> None:
        """End every stream: the capture is over."""
        for flow, track in list(self._live.items()):
            self._end(flow, track, track.last_frame)

    # -- many frames at once

    def _feed(self, batch: SegmentBatch, view: memoryview, rows: Integers) -> None:
        """Take the frames at `rows`, in capture order."""
        ids, inverse, counts = _group(batch.flow[rows])
        states = self._states[ids]
        flags = batch.flags[rows]
        opening = ((flags & SYN) != 0) | ((batch.length[rows] > 0) & ((flags & RST) == 0))
        slow = states != _NONE
        slow[inverse[opening]] = True
        new = np.count_nonzero(slow & (states == _NONE))
        busy = np.zeros(len(ids), dtype=np.bool_)
        if len(self._live) + new <= limits.MAX_LIVE:  # else the exact order of idling matters
            slow &= ~self._count_discarded(batch, rows, ids, inverse, states)
            busy = (states == _LIVE) & (counts >= limits.FAST_SEGMENTS)
            if busy.any():
                done = self._feed_plain(batch, view, rows, ids, inverse, counts, busy)
                slow &= ~done
                busy &= ~done
        rows = rows[slow[inverse]]
        if busy.any() and len(rows) >= 2 * limits.SPLIT_FRAMES:
            # Batches may be cut anywhere: confine the irregular frames to a short one.
            middle = len(rows) // 2
            self._feed(batch, view, rows[:middle])
            self._feed(batch, view, rows[middle:])
        elif len(rows):
            self._feed_slow(batch, view, rows)

    def _count_discarded(
        self,
        batch: SegmentBatch,
        rows: Integers,
        ids: Integers,
        inverse: Integers,
        states: npt.NDArray[np.int8],
    ) -> npt.NDArray[np.bool_]:
        """Count the frames of discarded connections; return which flows are done with."""
        quiet: npt.NDArray[np.bool_] = states == _DISCARDED
        if not quiet.any():
            return quiet
        quiet[inverse[(batch.flags[rows] & (SYN | FIN | RST)) != 0]] = False
        side = inverse * 2 + batch.reverse[rows]
        length = batch.length[rows]
        size = 2 * len(ids)
        segments = np.bincount(side[length > 0], minlength=size).tolist()
        lengths = np.bincount(side, weights=length, minlength=size).tolist()
        last = np.zeros(len(ids), dtype=np.int64)
        np.maximum.at(last, inverse, np.arange(len(inverse)))
        for index in np.flatnonzero(quiet).tolist():
            track = self._live[int(ids[index])]
            row = rows[last[index]]
            track.last_frame = int(batch.frame[row])
            track.connection.end_ns = int(batch.time_ns[row])
            for reverse in (0, 1):
                side_index = int(bool(reverse) != track.client_reverse)
                stats = track.connection.directions[side_index].stats
                stats.segments += segments[2 * index + reverse]
                stats.bytes += int(lengths[2 * index + reverse])
        return quiet

    def _feed_plain(
        self,
        batch: SegmentBatch,
        view: memoryview,
        rows: Integers,
        ids: Integers,
        inverse: Integers,
        counts: Integers,
        busy: npt.NDArray[np.bool_],
    ) -> npt.NDArray[np.bool_]:
        """Try the fast path for the `busy` flows; return which ones are done with."""
        done = np.zeros(len(ids), dtype=np.bool_)
        order = np.argsort(inverse, kind="stable")
        ends = np.cumsum(counts)
        for index in np.flatnonzero(busy).tolist():
            mine = rows[order[ends[index] - counts[index] : ends[index]]]
            flow = int(ids[index])
            track = self._live[flow]
            if plain_batch(track, batch, view, mine):
                done[index] = True
                self._settle(flow, track)
        return done

    # -- frame by frame

    def _feed_slow(self, batch: SegmentBatch, view: memoryview, rows: Integers) -> None:
        data, live = batch.data, self._live
        touched: dict[int, Track] = {}
        columns = (
            batch.frame, batch.time_ns, batch.flow, batch.reverse, batch.seq, batch.ack,
            batch.flags, batch.window, batch.ident, batch.header,
            batch.payload, batch.captured, batch.length, batch.position,
        )  # fmt: skip
        for (
            frame, time_ns, flow, reverse, seq, ack, flags, window, ident, header,
            payload, captured, length, position,
        ) in zip(*(column[rows].tolist() for column in columns), strict=True):  # fmt: skip
            track = live.get(flow)
            if flags & SYN and not flags & RST:
                seq = (seq + 1) & _MASK
                reply = ack if flags & ACK else None
                self._syn(flow, reverse, seq, reply, time_ns, frame)
                track = live.get(flow)
            if track is None:
                if not length or flags & RST:
                    continue
                self._offered += length
                if self._opened >= limits.FREE_OPENINGS + self._offered // limits.OPENING_BYTES:
                    self.shed += 1
                    continue
                track = self._open(flow, reverse, time_ns, frame)
            touched[flow] = track
            side = 0 if reverse == track.client_reverse else 1
            mark = (ident, seq, data[header + 8 : header + 18])
            content = view[payload : payload + captured]
            if plain_frame(
                track, side, frame, time_ns, seq, ack,
                flags, window, content, length, position, mark,
            ):  # fmt: skip
                continue
            edges: tuple[int, ...] = ()
            if not length and track.sides[1 - side].starts:
                edges = sack_edges(data, header)
            at = Arrival(frame, time_ns, track.tick + 1)
            item = Held(seq, content, length, position, at, mark)
            track.packet(side, item, ack, flags, window, edges)
        for flow, track in touched.items():
            self._settle(flow, track)

    def _settle(self, flow: int, track: Track) -> None:
        """Hand out what came, and note whether the consumer wants more."""
        track.flush()
        if self._live.get(flow) is track:
            self._states[flow] = _DISCARDED if track.connection.discard else _LIVE

    def _syn(
        self, flow: int, reverse: bool, first: int, ack: int | None, time_ns: int, frame: int
    ) -> None:
        """Take a SYN: of the live connection, or the sign that the 4-tuple is used again."""
        track = self._live.get(flow)
        if track is not None:
            if track.belongs(int(reverse != track.client_reverse), first, ack, time_ns):
                return
            self._end(flow, track, frame)
        self._half_open.note(flow, reverse, first, ack, time_ns, frame)

    def _open(self, flow: int, reverse: bool, time_ns: int, frame: int) -> Track:
        if len(self._live) >= limits.MAX_LIVE:
            self._evict()
        ends = self.flows[flow]
        pair = ((ends.a_ip, ends.a_port), (ends.b_ip, ends.b_port))
        half = self._half_open.pop(flow)
        client = half.client_reverse if half else _guess_client(pair[0][1], pair[1][1], reverse)
        order = (int(client), int(not client))
        connection = TcpConnection(
            index=self._opened,
            endpoints=(pair[order[0]], pair[order[1]]),
            initiator_known=half is not None,
            start_ns=half.start_ns if half else time_ns,
            start_frame=half.start_frame if half else frame,
            end_ns=time_ns,
        )
        self._opened += 1
        track = Track(connection, client, self._budget, self.consumer)
        track.last_frame = frame
        if half:
            connection.saw_syn = [half.syns[order[0]], half.syns[order[1]]]
            for side in (0, 1):
                track.sides[side].base = half.bases[order[side]]
            if connection.saw_syn[1]:  # a SYN/ACK acknowledges stream offset 0
                track.sides[0].acked = 0
        self._connections[connection.index] = connection
        self._live[flow] = track
        self._states[flow] = _LIVE
        self.consumer.opened(connection)
        return track

    def _end(self, flow: int, track: Track, frame: int) -> None:
        track.stop(frame)
        track.flush(ended=True)
        del self._live[flow]
        self._states[flow] = _NONE
        if track.connection.discard:
            del self._connections[track.connection.index]
            self.discarded += 1

    def _evict(self) -> None:
        """Close the connections idle longest."""
        idle = nsmallest(
            limits.EVICTED_AT_ONCE, self._live.items(), key=lambda item: item[1].last_frame
        )
        for flow, track in idle:
            track.connection.evicted = True
            self._end(flow, track, track.last_frame)
        self.evicted += len(idle)


def _group(flow: npt.NDArray[np.int32]) -> tuple[Integers, Integers, Integers]:
    """Return the flows of a batch, each row's index among them, and their numbers of rows."""
    if bool((flow == flow[0]).all()):
        rows = np.zeros(len(flow), dtype=np.int64)
        return flow[:1].astype(np.int64), rows, np.array([len(flow)], dtype=np.int64)
    ids, inverse, counts = np.unique(flow, return_inverse=True, return_counts=True)
    return ids.astype(np.int64), inverse, counts


def _guess_client(a_port: int, b_port: int, reverse: bool) -> bool:
    """Without a SYN: return True when endpoint b is the likelier client."""
    if (a_port == RTMP_PORT) != (b_port == RTMP_PORT):
        return a_port == RTMP_PORT
    return a_port < b_port if a_port != b_port else reverse


def sack_edges(data: bytes, header: int) -> tuple[int, ...]:
    """Return the left edges of the SACK blocks of a TCP header (RFC 2018 §3)."""
    if header + 20 > len(data):
        return ()
    at, end = header + 20, min(header + (data[header + 12] >> 4) * 4, len(data))
    while at < end:
        kind = data[at]
        if kind == 0:
            break
        if kind == 1:
            at += 1
            continue
        size = data[at + 1] if at + 1 < end else 0
        if size < 2 or at + size > end:
            break
        if kind == 5:
            return tuple(
                int.from_bytes(data[edge : edge + 4], "big")
                for edge in range(at + 2, at + size - 7, 8)
            )
        at += size
    return ()
