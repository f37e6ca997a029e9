"""Is this the end? A FIN, a RST, a SYN is believed until the traffic shows that it was none.

RFC 5961: a segment that would end a connection may be forged, or stray from an older one. The
receiver believes a RST only with the number it expects, and answers a SYN with an ACK that lets
the true peer object. Who only listens sees more: whether the streams go on.
"""

from typing import NamedTuple

from . import limits
from .batch import ACK, RST
from .connection import CloseKind, FalseClose, FalseKind, TcpConnection
from .half_open import Syn
from .items import Arrival, Held
from .reassembly import Reassembler

_MASK = (1 << 32) - 1
_Late = tuple[int, int, Arrival, int]  # side, length, when, stream offset


class Reset(NamedTuple):
    """A RST that is believed so far."""

    top: int
    """Its sender has nothing behind this stream offset."""
    at: Arrival


class Opening(NamedTuple):
    """A SYN in the middle of a connection: the 4-tuple is used again, or it is not answered."""

    side: int
    syn: Syn
    data: Held | None
    """What stood in the SYN (RFC 7413)."""

    def answered(self, ack: int | None) -> bool:
        """Whether a SYN/ACK acknowledges it, with or without its data."""
        longest = 0 if self.data is None else self.data.length
        return ack is not None and (ack - self.syn.first) & _MASK <= longest


class _Close(NamedTuple):
    side: int
    kind: CloseKind
    at: Arrival
    acknowledged: int = -1
    """Stream offset of the other side; -1: none."""


class Closing:
    """What has claimed to end a connection."""

    __slots__ = (
        "_closes",
        "_far",
        "_late",
        "connection",
        "fins",
        "opening",
        "resets",
        "sides",
        "watched",
    )

    def __init__(self, connection: TcpConnection, sides: tuple[Reassembler, Reassembler]) -> None:
        self.connection = connection
        self.sides = sides
        self.fins = [False, False]
        self.resets: list[Reset | None] = [None, None]
        self.opening: Opening | None = None
        self.watched = False
        """Whether every frame is to be compared with a RST or a SYN."""
        self._closes: list[_Close] = []
        self._far: list[tuple[int, Arrival] | None] = [None, None]
        """FIN beyond the window: believed at the end, if it was acknowledged by then."""
        self._late: list[_Late] = []
        """Data that came late after a RST of the other side."""

    @property
    def reset(self) -> bool:
        """Whether a RST is believed."""
        return self.resets[0] is not None or self.resets[1] is not None

    @property
    def open(self) -> bool:
        """Whether the connection may go on: a new one needs more than a SYN."""
        return not (self.connection.discard or self.reset or self.over)

    @property
    def over(self) -> bool:
        """Whether both sides know that both streams ended; what was not wanted ends at once."""
        if self.connection.discard:
            return self.reset or all(self.fins)
        return all(half.finished and half.complete for half in self.sides)

    # -- RST

    def take_reset(self, side: int, seq: int, at: Arrival) -> bool:
        """Take a RST; return whether it tells something new."""
        own, offset = self.sides[side], 0
        if own.base is not None and not self.connection.discard:
            offset = own.offset_of(seq)
            if offset < min(own.acked, own.next) or not own.fits(offset):
                self._doubt(side, "rst", at, None)
                return False
        if self.resets[side] is not None:
            return False
        self.resets[side] = Reset(max(own.top, offset), at)
        self.watched = True
        self._believe(side, "rst", at)
        return True

    def check_reset(self, side: int, item: Held) -> None:
        """Compare a frame with the RST that is believed: does its sender go on?"""
        own, mine, other = self.sides[side], self.resets[side], self.resets[1 - side]
        offset = own.next if own.base is None else own.offset_of(item.seq)
        new = own.base is not None and offset + item.length > own.top
        if mine is not None and own.fits(offset):
            beyond = item.length > 0 and new and offset + item.length > mine.top
            if beyond or mine.at.is_late(item.at):
                self.resets[side] = None
                self._late = [late for late in self._late if late[0] == side]
                self._watch()
                self._disbelieve(side, "rst", mine.at, item.at)
        elif other is not None and item.length and new and other.at.is_late(item.at):
            self._late = [*self._late, (side, item.length, item.at, offset)][: limits.MAX_LATE]

    # -- FIN

    def take_fin(self, side: int, item: Held, acknowledged: int) -> None:
        """Take a FIN behind a segment; `acknowledged`: offset of the other side, -1: none."""
        seq, length, at = item.seq, item.length, item.at
        own, known = self.sides[side], self.fins[side]
        self.fins[side] = True
        if self.connection.discard:
            if not known:
                self._believe(side, "fin", at)
            return
        if own.base is None:
            own.start(None if own.held else seq)
        offset = own.offset_of(seq) + length
        if offset == own.end:
            return
        if offset < own.top or own.finished or offset - own.next > limits.MAX_DISTANCE:
            self._doubt(side, "fin", at, None)
        elif not own.fits(offset):
            if self._far[side] is not None:
                self._doubt(side, "fin", at, None)
            else:
                self._far[side] = offset, at
        else:
            if own.end is not None:
                self._refute_fin(side, at)
            own.finish_at(offset, at)
            self._believe(side, "fin", at, acknowledged)

    def check_fin(self, side: int, item: Held) -> None:
        """Compare data with the FIN of its side: bytes behind one not acknowledged refute it."""
        own = self.sides[side]
        offset = own.offset_of(item.seq)
        if own.end is None or own.finished or offset + item.length <= own.end:
            return
        if own.fits(offset):
            self._refute_fin(side, item.at)

    def _refute_fin(self, side: int, by: Arrival) -> None:
        self.fins[side] = False
        self.sides[side].go_on()
        for close in self._closes:
            if close[:2] == (side, "fin"):
                self._disbelieve(side, "fin", close.at, by)
                break

    # -- SYN

    def suspect(self, opening: Opening, at: Arrival) -> None:
        """Take a SYN that does not belong to the connection, which may go on."""
        known = self.opening
        if known is not None and known[:1] == opening[:1] and known.syn.first == opening.syn.first:
            return
        self.drop_opening(at)
        self.opening, self.watched = opening, True

    def drop_opening(self, by: Arrival | None) -> None:
        """The SYN that waits opened nothing."""
        if self.opening is not None:
            syn = self.opening.syn
            at = Arrival(syn.frame, syn.time_ns, 0)
            self._doubt(self.opening.side, "syn", at, by and by.frame)
            self.opening = None
            self._watch()

    def opens(self, side: int, seq: int, ack: int, flags: int, at: Arrival) -> bool:
        """Whether a frame shows that the SYN which waits has opened a new connection."""
        assert self.opening is not None
        opened, syn, _ = self.opening
        firsts = [syn.first, syn.ack] if opened == 0 else [syn.ack, syn.first]
        own = self.sides[side]
        begun = own.base is not None
        expected = begun and own.offset_of(seq) == own.next
        fits = begun and own.fits(own.offset_of(seq))
        if flags & RST:
            if side != opened and flags & ACK and ack == syn.first and not expected:
                self.drop_opening(None)  # refused
            return False
        first, other = firsts[side], firsts[1 - side]
        ahead = [(seq - first) & _MASK] if first is not None else []
        if other is not None:
            ahead.append((ack - other) & _MASK if flags & ACK else limits.MAX_DISTANCE)
        if (max(ahead) == 0 and not expected) or (max(ahead) < limits.HOLD_SPREAD and not fits):
            return True
        if side == opened and fits:
            self.drop_opening(at)
        return False

    # -- what is believed

    def _watch(self) -> None:
        self.watched = self.reset or self.opening is not None

    def settle(self, by: Arrival) -> None:
        """Judge what was left open, when no more frames come."""
        for side, own in enumerate(self.sides):
            if own.end is not None and own.end + 1 < own.latest <= own.acked:
                self._refute_fin(side, by)
            far = self._far[side]
            if far is None:
                continue
            if own.end is None and own.next <= far[0] <= own.latest:
                own.finish_at(*far)
                self._believe(side, "fin", far[1])
            else:
                self._doubt(side, "fin", far[1], None)
        for side, length, at, offset in self._late:
            self.sides[side].after_close(length, at, offset)
        self._late = []
        self.drop_opening(None)

    def _believe(self, side: int, kind: CloseKind, at: Arrival, acknowledged: int = -1) -> None:
        self._closes.append(_Close(side, kind, at, acknowledged))
        self._publish()

    def _disbelieve(self, side: int, kind: CloseKind, at: Arrival, by: Arrival) -> None:
        self._closes = [close for close in self._closes if close[:3] != (side, kind, at)]
        self._publish()
        self._doubt(side, kind, at, by.frame)

    def _publish(self) -> None:
        order = sorted(self._closes, key=lambda close: (self._follows(close), close.at.frame))
        first = order[0] if order else None
        reset = next((close for close in order if close.kind == "rst"), None)
        self.connection.first_close = first and (first.side, first.kind, first.at.frame)
        self.connection.first_reset = reset and (reset.side, reset.at.frame)

    def _follows(self, close: _Close) -> bool:
        """Whether a FIN came before, wherever it stands in the capture."""
        for side, own in enumerate(self.sides):
            ended = own.end is not None and self.fins[side]
            if side == close.side and close.kind == "rst" and ended:
                return True
            if side != close.side and ended and close.acknowledged > (own.end or 0):
                return True
        return False

    def _doubt(self, side: int, kind: FalseKind, at: Arrival, by: int | None) -> None:
        direction, listed = self.connection.directions[side], self.connection.false_closes
        direction.stats.false_closes += 1
        direction.events.append(at.frame, at.time_ns, "false_close", 0)
        if len(listed) < limits.MAX_FALSE_CLOSES:
            listed.append(FalseClose(side, kind, at.frame, at.time_ns, by))
