"""The live state of one connection, and the frame-by-frame path."""

from collections import deque
from typing import cast

from . import limits
from .batch import ACK, FIN, RST, SYN
from .closing import Closing
from .connection import DirectionStatistics, StreamConsumer, TcpConnection, TcpDirection
from .holes import complain, expire, stop
from .items import Arrival, Budget, Held, Mark, Payload, Read
from .reassembly import Reassembler
from .segments import Gap
from .timing import is_probe

_HALF, _MASK = 1 << 31, (1 << 32) - 1


class Track:
    """Feeds the two reassemblers of a connection and hands their output to the consumer."""

    __slots__ = (
        "client_reverse",
        "closed",
        "closing",
        "connection",
        "consumer",
        "forgotten",
        "last_frame",
        "shut_marks",
        "shut_windows",
        "sides",
        "tick",
    )

    def __init__(
        self,
        connection: TcpConnection,
        client_reverse: bool,
        budget: Budget,
        read: Read,
        consumer: StreamConsumer,
    ) -> None:
        self.connection = connection
        self.client_reverse = client_reverse  # the flow's `reverse` for segments of side 0
        self.consumer = consumer
        self.sides = (
            Reassembler(connection, 0, budget, read),
            Reassembler(connection, 1, budget, read),
        )
        self.closing = Closing(connection, self.sides)
        self.shut_windows: list[int | None] = [None, None]  # since when side's window is 0, ns
        self.shut_marks: deque[Mark] = deque(maxlen=limits.RECENT_SHUT)  # with a window of 0
        self.tick = 0  # frames so far
        self.last_frame = connection.start_frame
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
        if flags & RST:
            if length:
                own.direction.stats.reset_bytes += length
                own.direction.events.append(at.frame, at.time_ns, "reset_text", length)
            new = self.closing.take_reset(side, item.seq, at)
            if new and flags & ACK and not connection.discard:
                peer.acknowledge(ack, at)
            return
        if length:
            own.direction.stats.segments += 1
            own.direction.stats.bytes += length
        if connection.discard:
            if flags & FIN:
                self.closing.take_fin(side, item, -1)
            return
        offset = -1
        if flags & ACK:
            offset = peer.acknowledge(ack, at)
            if peer.starts and not length and offset == peer.acked and not flags & FIN:
                self._duplicate_ack(peer, ack, window, selective, item)
        if self.closing.reset and not flags & SYN:
            self.closing.check_reset(side, item)
        if not flags & (SYN | FIN):  # a FIN may prove to be forged
            own.direction.window.note(window, at.time_ns)
        if length:
            self._data(side, item)
        elif own.base is not None and not flags & FIN and own.offset_of(item.seq) == own.top - 1:
            own.keep_alive(item)
        if flags & FIN:
            self.closing.take_fin(side, item, offset)
        if (window == 0) != (self.shut_windows[side] is not None):
            self._window(side, window, item)
        for half in self.sides:
            if half.starts or half.held or half.end is not None:
                expire(half, at)

    def _data(self, side: int, item: Held) -> None:
        """Take a segment; it is timed where it is new and in order, as the fast paths' are."""
        own = self.sides[side]
        if own.end is not None:
            self.closing.check_fin(side, item)
        offset = own.next
        plain = own.base is not None and offset == own.top == own.offset_of(item.seq)
        own.segment(item)
        end, direction = offset + item.length, own.direction
        plain = plain and own.next == end > own.acked and len(item.payload) == item.length
        if plain and is_probe(offset, end, direction.stats.segments):
            direction.round_trips.sent(end, item.at.time_ns)

    def _duplicate_ack(
        self, peer: Reassembler, ack: int, window: int, selective: tuple[int, ...], item: Held
    ) -> None:
        ahead = any(0 < (left - ack) & _MASK < _HALF for left in selective)
        complain(peer, window, item.mark, ahead, item.at)

    def _window(self, side: int, window: int, item: Held) -> None:
        """Note that a side shut its receive window, or opened it."""
        at, peer = item.at, self.sides[1 - side]
        if peer.latest < peer.acked or (not window and item.mark in self.shut_marks):
            return  # older than what came before it (RFC 9293 §3.10.7.4), or its copy
        direction = self.connection.directions[side]
        shut = self.shut_windows[side]
        if shut is None:
            self.shut_marks.append(item.mark)
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
                begun = Arrival(0, self.connection.start_ns, 0)
                fits = not begun.is_late(Arrival(0, time_ns, self.tick)) and not (
                    self.closing.reset or any(self.closing.fins) or self.connection.discard
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
        """End both streams: 4-tuple used again, evicted, or end of the capture."""
        if self.connection.discard:
            return
        self.closing.settle(Arrival(frame, self.connection.end_ns, self.tick))
        for side, half in enumerate(self.sides):
            stop(half, frame)
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
        if not self.closed and (ended or self.closing.over):
            self.closed = True
            self.consumer.closed(self.connection)

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
