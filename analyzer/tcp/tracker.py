"""Follows every TCP connection of a capture and hands out its two byte streams."""

from collections import Counter
from collections.abc import Sequence
from heapq import nsmallest

import numpy as np
import numpy.typing as npt

from . import limits
from .batch import ACK, FIN, RST, SYN, Flow, Rejected, SegmentBatch
from .closing import Opening
from .connection import StreamConsumer, TcpConnection
from .fast import plain_batch, plain_frame
from .half_open import Fate, HalfOpenFlows, Syn
from .items import Arrival, Budget, Held, Read
from .options import sack_edges, syn_options
from .segments import Integers
from .track import Track

RTMP_PORT = 1935
_NONE, _LIVE, _DISCARDED, _OPENING = range(4)  # what is known of a flow
_MASK = (1 << 32) - 1


class TcpTracker:
    """Feed batches in capture order, then `finish`. How frames are batched changes no result."""

    def __init__(
        self, flows: Sequence[Flow], consumer: StreamConsumer, read: Read = lambda *_: b""
    ) -> None:
        """`read` gives bytes of the capture again, to compare what is sent twice."""
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
        self._read = read

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

    def fates(self) -> Counter[tuple[int, Fate]]:
        """Count what became of connections without payload, by the server's port."""
        found: Counter[tuple[int, Fate]] = Counter()
        for flow, client_reverse, fate in self._half_open.fates():
            ends = self.flows[flow]
            found[ends.a_port if client_reverse else ends.b_port, fate] += 1
        return found

    def feed(self, batch: SegmentBatch) -> None:
        """Take the next frames."""
        if len(batch.flow):
            top = int(batch.flow.max())
            if top >= len(self._states):
                grown = np.zeros(max(top + 1, 2 * len(self._states)), dtype=np.int8)
                grown[: len(self._states)] = self._states
                self._states = grown
            self._feed(batch, memoryview(batch.data), np.arange(len(batch.flow)))
        if batch.rejected is not None:
            self._reject(batch.rejected)

    def _reject(self, rejected: Rejected) -> None:
        """Count segments with a wrong checksum where they would have belonged."""
        columns = (rejected.frame, rejected.time_ns, rejected.flow)
        more = (rejected.reverse, rejected.seq, rejected.length)
        for frame, time_ns, flow, reverse, seq, length in zip(
            *(column.tolist() for column in (*columns, *more)), strict=True
        ):
            track = self._live.get(flow)
            if track is not None and not track.connection.discard:
                track.sides[int(reverse != track.client_reverse)].reject(
                    seq, length, frame, time_ns
                )

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
        new = np.count_nonzero(slow & ((states == _NONE) | (states == _OPENING)))
        if len(self._live) + new <= limits.MAX_LIVE:  # else the exact order of idling matters
            slow &= ~self._count_discarded(batch, rows, ids, inverse, states)
            busy = (states == _LIVE) & (counts >= limits.FAST_SEGMENTS)
            if busy.any():
                slow &= ~self._feed_plain(batch, view, rows, ids, inverse, counts, busy)
        busy = slow & (counts >= limits.FAST_SEGMENTS)  # or new ones, plain once they have begun
        rows = rows[slow[inverse]]
        if len(rows) >= 2 * limits.SPLIT_FRAMES and busy.any():
            # Batches may be cut anywhere: confine the irregular frames to a short one.
            middle = len(rows) // 2
            self._feed(batch, view, rows[:middle])
            self._feed(batch, view, rows[middle:])
        else:
            for at in range(0, len(rows), limits.SLOW_FRAMES):
                self._feed_slow(batch, view, rows[at : at + limits.SLOW_FRAMES])

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
                syn = Syn(reverse, seq, reply, time_ns, frame, syn_options(data, header))
                if not self._syn(flow, syn):
                    at = Arrival(frame, time_ns, 0)
                    kept = bytes(view[payload : payload + captured])
                    mark = (ident, seq, data[header + 8 : header + 18])
                    self._suspect(flow, syn, Held(seq, kept, length, position, at, mark))
                    continue
                track = live.get(flow)
            elif (
                track is not None
                and (track.closing.opening is not None or track.sides[0].end is not None)
                and self._starts_anew(flow, track, reverse, seq, ack, flags, length, frame, time_ns)
            ):
                track = live.get(flow)
            if track is None:
                if flags & RST:
                    self._half_open.reset(flow, reverse)
                elif flags & ACK and not flags & SYN:
                    self._half_open.answered(flow, reverse, time_ns, seq, ack)
                if not length or flags & RST:
                    continue
                self._offered += length
                if self._opened >= limits.FREE_OPENINGS + self._offered // limits.OPENING_BYTES:
                    self.shed += 1
                    continue
                track = self._open(flow, reverse, time_ns, frame)
            touched[flow] = track
            side = 0 if reverse == track.client_reverse else 1
            if length and not flags & RST:
                own = track.connection.directions[side].stats
                own.header_bytes += min(payload - header, limits.MOST_HEADER)
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

    def _syn(self, flow: int, syn: Syn) -> bool:
        """Take a SYN of the live connection, or the sign that the 4-tuple is used again.

        False: the connection may go on, and the SYN must be confirmed.
        """
        track = self._live.get(flow)
        if track is None:
            self._half_open.note(flow, syn)
            self._states[flow] = _OPENING
            return True
        side = int(syn.reverse != track.client_reverse)
        ended = track.closing.over or track.closing.reset  # nobody sends a SYN again after that
        if not ended and track.belongs(side, syn.first, syn.ack, syn.time_ns):
            handshake = track.connection.handshake
            handshake.isn[side] = (syn.first - 1) & _MASK
            handshake.options[side] = syn.options
            return True
        known = track.closing.opening
        answered = known is not None and known.side != side and known.answered(syn.ack)
        if track.closing.open and not answered:
            return False
        if known is not None and not answered and known.syn.first != syn.first:
            track.closing.drop_opening(None)
        self._reuse(flow, track, syn.frame)
        return self._syn(flow, syn)

    def _suspect(self, flow: int, syn: Syn, item: Held) -> None:
        """Let a SYN wait for what confirms or refutes it."""
        track = self._live[flow]
        side = int(syn.reverse != track.client_reverse)
        track.closing.suspect(Opening(side, syn, item if item.length else None), item.at)

    def _starts_anew(
        self,
        flow: int,
        track: Track,
        reverse: bool,
        seq: int,
        ack: int,
        flags: int,
        length: int,
        frame: int,
        time_ns: int,
    ) -> bool:
        """End the connection where a frame is of another one with the same 4-tuple."""
        side, closing = int(reverse != track.client_reverse), track.closing
        if closing.opening is not None:
            at = Arrival(frame, time_ns, 0)
            if not closing.opens(side, seq, ack, flags, at):
                return False
        elif not length or flags & RST or track.connection.discard or not closing.over:
            return False
        else:
            own = track.sides[side]
            if own.base is None or own.fits(own.offset_of(seq)):
                return False
        self._reuse(flow, track, frame)
        return True

    def _reuse(self, flow: int, track: Track, frame: int) -> None:
        """End a connection; a SYN that waits opens the next one."""
        opening, track.closing.opening = track.closing.opening, None
        self._end(flow, track, frame)
        self._states[flow] = _OPENING
        if opening is None:
            return
        _, syn, data = opening
        self._half_open.note(flow, syn)
        if data is not None:
            fresh = self._open(flow, syn.reverse, syn.time_ns, syn.frame)
            side = int(syn.reverse != fresh.client_reverse)
            fresh.packet(side, data._replace(at=data.at._replace(tick=1)), 0, SYN, 1, ())

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
        track = Track(connection, client, self._budget, self._read, self.consumer)
        track.last_frame = frame
        if half:
            connection.handshake = half.handshake(reverse, time_ns)
            connection.saw_syn = [each is not None for each in connection.handshake.options]
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
