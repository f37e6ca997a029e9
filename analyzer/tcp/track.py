"""The live state of one connection, and the frame-by-frame path."""

from typing import cast

from . import limits
from .batch import ACK, FIN, RST, SYN
from .connection import DirectionStatistics, StreamConsumer, TcpConnection, TcpDirection
from .items import Arrival, Budget, Held, Payload
from .reassembly import Reassembler
from .segments import Gap
from .timing import is_probe

_HALF, _MASK = 1 << 31, (1 << 32) - 1


class Track:
    """Feeds the two reassemblers of a connection and hands their output to the consumer."""

    __slots__ = (
        "client_reverse",
        "closed",
        "connection",
        "consumer",
        "fins",
        "forgotten",
        "last_frame",
        "reset",
        "reset_at",
        "shut_windows",
        "sides",
        "stopped",
        "tick",
    )

    def __init__(
        self,
        connection: TcpConnection,
        client_reverse: bool,
        budget: Budget,
        consumer: StreamConsumer,
    ) -> None:
        self.connection = connection
        self.client_reverse = client_reverse  # the flow's `reverse` for segments of side 0
        self.consumer = consumer
        first, second = connection.directions
        self.sides = (Reassembler(first, budget), Reassembler(second, budget))
        self.shut_windows: list[int | None] = [None, None]  # since when side's window is 0, ns
        self.tick = 0  # frames so far
        self.last_frame = connection.start_frame
        self.fins = [False, False]
        self.reset = False
        self.reset_at: tuple[int, int] | None = None  # tick and time of the RST
        self.stopped = False
        self.closed = False
        self.forgotten = False

    # -- frame by frame

    def packet(
        self,
        side: int,
        item: Held,
        ack: int,
        flags: int,
        window: int,
        selective: tuple[int, ...],
    ) -> None:
        """Take one frame; `selective` are the left edges of its SACK blocks."""
        at = item.at
        length = item.length
        self.tick += 1
        self.last_frame = at.frame
        connection = self.connection
        connection.end_ns = at.time_ns
        own, peer = self.sides[side], self.sides[1 - side]
        if length and not flags & RST:
            stats = own.direction.stats
            stats.segments += 1
            stats.bytes += length
        if (flags & (FIN | RST) and self._ending(side, item, flags)) or connection.discard:
            return
        if flags & ACK:
            offset = peer.acknowledge(ack, at)
            if peer.starts and not length and offset == peer.acked and not flags & (FIN | RST):
                self._duplicate_ack(peer, ack, window, selective, item)
        if flags & RST:
            self.reset_at = (self.tick, at.time_ns)
            return
        if self.reset_at is not None:
            self._expire_reset(at)
        if not flags & SYN:
            own.direction.window.note(window, window)
        if length:
            self._payload(own, item)
        elif own.base is not None and not flags & FIN and own.offset_of(item.seq) == own.top - 1:
            own.keep_alive(0, at)
        if flags & FIN:
            own.finish_at(item.seq, length, at)
        if (window == 0) != (self.shut_windows[side] is not None):
            self._window(side, window, at)
        for half in self.sides:
            if half.starts or half.held or half.end is not None:
                half.expire(at)

    def _payload(self, own: Reassembler, item: Held) -> None:
        """Take a segment; it is timed where it is new and in order, as the fast paths' are."""
        offset = own.next
        plain = own.base is not None and offset == own.top == own.offset_of(item.seq)
        own.segment(item)
        end, direction = offset + item.length, own.direction
        plain = plain and own.next == end > own.acked and len(item.payload) == item.length
        if plain and is_probe(offset, end, direction.stats.segments):
            direction.round_trips.sent(end, item.at.time_ns)

    def _expire_reset(self, at: Arrival) -> None:
        """End the streams once a reset is old: segments that crossed it on the way still count."""
        assert self.reset_at is not None
        tick, time_ns = self.reset_at
        late = at.time_ns - time_ns > limits.GRACE_NS or self.tick - tick > limits.GRACE_SEGMENTS
        if late and not self.stopped:
            self.stopped = True
            self.stop(at.frame)

    def _ending(self, side: int, item: Held, flags: int) -> bool:
        """Note a FIN or RST; return True when the frame is to be ignored."""
        connection = self.connection
        if flags & RST:
            own = self.sides[side]
            if own.base is not None and not connection.discard:
                far = abs(own.offset_of(item.seq) - own.next) > limits.MAX_DISTANCE
                if far:  # RFC 5961 §3: such a RST is not of this connection
                    own.direction.stats.implausible += 1
                    return True
            if self.reset:
                return True
            self.reset = True
            connection.first_reset = (side, item.at.frame)
        if flags & FIN:
            self.fins[side] = True
        if connection.first_close is None:
            connection.first_close = (side, "rst" if flags & RST else "fin", item.at.frame)
        return False

    def _duplicate_ack(
        self, peer: Reassembler, ack: int, window: int, selective: tuple[int, ...], item: Held
    ) -> None:
        ahead = any(0 < (left - ack) & _MASK < _HALF for left in selective)
        peer.complain(window, item.mark, ahead, item.at)

    def _window(self, side: int, window: int, at: Arrival) -> None:
        direction = self.connection.directions[side]
        shut = self.shut_windows[side]
        if shut is None:
            direction.stats.zero_windows += 1
            direction.events.append(at.frame, at.time_ns, "zero_window", 0)
            self.shut_windows[side] = at.time_ns
        else:
            direction.stats.zero_window_ns += max(at.time_ns - shut, 0)
            direction.events.append(at.frame, at.time_ns, "window_open", window)
            self.shut_windows[side] = None

    def belongs(self, side: int, first: int, ack: int | None, time_ns: int) -> bool:
        """Return True when a SYN whose stream starts at `first` is of this connection.

        `ack` is given for a SYN/ACK. A late SYN fixes the start of a stream not begun yet.
        """
        own, peer = self.sides[side], self.sides[1 - side]
        if own.base is None:
            if ack is not None and peer.base is not None and self.connection.saw_syn[1 - side]:
                fits = 0 <= peer.offset_of(ack) <= peer.top  # data stood in the SYN (RFC 7413)
            else:
                fits = time_ns - self.connection.start_ns < limits.HOLD_NS and not (
                    self.reset or any(self.fins) or self.connection.discard
                )
                for item in own.held:
                    fits = fits and (item.seq - first) & _MASK < limits.HOLD_SPREAD
            if fits:
                own.start(first)
        if own.base != first:
            return False
        self.connection.saw_syn[side] = True
        self.connection.initiator_known = True
        return True

    def stop(self, frame: int) -> None:
        """End both streams: reset, 4-tuple reused, evicted, or end of the capture."""
        if self.connection.discard:
            return
        for side, half in enumerate(self.sides):
            half.stop(frame)
            shut, self.shut_windows[side] = self.shut_windows[side], None
            if shut is not None:
                late = max(self.connection.end_ns - shut, 0)
                half.direction.stats.zero_window_ns += late

    # -- delivery

    def flush(self, ended: bool = False) -> None:
        """Hand the output to the consumer; close when both streams are over or `ended`."""
        # The quieter side first: its greeting tells what the other side's flood is.
        busier = len(self.sides[0].output) > len(self.sides[1].output)
        for side in (1, 0) if busier else (0, 1):
            half = self.sides[side]
            output, half.output = half.output, []
            holed, half.holed = half.holed, False
            half.direction.length = half.next
            if output:
                self._deliver(side, output, holed)
        if self.connection.discard and not self.forgotten:
            self.forget()
        if not self.closed and (ended or self._over()):
            self.closed = True
            self.consumer.closed(self.connection)

    def _over(self) -> bool:
        if self.connection.discard:
            return self.reset or all(self.fins)
        return self.stopped or (self.sides[0].complete and self.sides[1].complete)

    def _deliver(self, side: int, output: list[Payload | Gap], holed: bool) -> None:
        connection = self.connection
        if not holed:
            if not connection.discard:
                self.consumer.data(connection, side, b"".join(cast(list[Payload], output)))
            return
        waiting: list[Payload] = []
        for item in output:
            if not isinstance(item, Gap):
                waiting.append(item)
                continue
            if waiting and not connection.discard:
                self.consumer.data(connection, side, b"".join(waiting))
                waiting = []
            if not connection.discard:
                self.consumer.gap(connection, side, item.length, item.reason)
        if waiting and not connection.discard:
            self.consumer.data(connection, side, b"".join(waiting))

    def forget(self) -> None:
        """Keep counts only, so that they do not depend on when the consumer decided."""
        self.forgotten = True
        fresh = []
        for half in self.sides:
            half.forget()
            old = half.direction
            half.direction = TcpDirection()
            half.direction.stats = DirectionStatistics(old.stats.segments, old.stats.bytes)
            fresh.append(half.direction)
        self.connection.directions = (fresh[0], fresh[1])
