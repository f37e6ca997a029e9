"""What is known of a TCP connection: endpoints, how it ended, its two directions."""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

from .options import SynOptions
from .segments import EventColumns, GapColumns, Integers, Piece, SegmentColumns, Stall
from .timing import RoundTrips, Window

Endpoint = tuple[str, int]
CloseKind = Literal["fin", "rst"]
FalseKind = Literal["fin", "rst", "syn"]
ClosedBy = Literal["client.fin", "client.rst", "server.fin", "server.rst"]


@dataclass(slots=True)
class DirectionStatistics:
    """Counts over the segments of one direction. "Segment" means one with payload."""

    segments: int = 0
    bytes: int = 0
    """Payload bytes on the wire, those sent again included."""
    retransmitted: int = 0
    """Segments with bytes seen before, or filling a hole the receiver complained about."""
    retransmitted_bytes: int = 0
    out_of_order: int = 0
    duplicates: int = 0
    """Copies of one packet made by the capture (mirror port, `any`), no matter of TCP."""
    header_bytes: int = 0
    """TCP headers of the segments, options included."""
    overlap_conflicts: int = 0
    """Segments that repeat bytes with other values: the first ones were kept."""
    keep_alives: int = 0
    zero_windows: int = 0
    """How often this direction's *sender* closed its receive window: it reads too slowly."""
    zero_window_ns: int = 0
    snaplen_cut: int = 0
    implausible: int = 0
    """Segments more than 1 GiB from the stream position, or alone beyond the receiver's window and
    never acknowledged; ignored."""
    after_close: int = 0
    """Segments with new bytes behind a FIN that was acknowledged, ignored; or late after a RST of
    the other side, which may not have come through: part of the stream."""
    reset_bytes: int = 0
    """Bytes in RST segments: text that says why (RFC 9293 §3.5.3), no part of the stream."""
    false_closes: int = 0
    """FIN, RST and SYN that did not end the stream: forged, stray or refused (`FalseClose`)."""
    bad_checksums: int = 0
    """Segments left out because their checksum is wrong; only where that was asked for."""


class FalseClose(NamedTuple):
    """A FIN, RST or SYN that was no end of the connection, whoever sent it (RFC 5961)."""

    side: int
    kind: FalseKind
    frame: int
    time_ns: int
    by: int | None
    """The frame that goes on in spite of it; None: its sequence number was out of the window."""


class TcpDirection:
    """The byte stream from one side. Stream offset 0 follows the SYN (or is the lowest seen)."""

    __slots__ = (
        "events",
        "fin_offset",
        "gaps",
        "hasty",
        "length",
        "round_trips",
        "segments",
        "stats",
        "window",
    )

    def __init__(self) -> None:
        self.segments = SegmentColumns()
        self.gaps = GapColumns()
        self.events = EventColumns()
        self.stats = DirectionStatistics()
        self.round_trips = RoundTrips()
        """Of this direction's data, until the other side acknowledged it."""
        self.window = Window()
        """What this direction's *sender* is ready to receive."""
        self.length = 0
        """Stream bytes delivered so far, gaps included."""
        self.fin_offset: int | None = None
        self.hasty = False
        """It has more holes than are waited for (`limits.FREE_HOLES`)."""

    def locate(self, start: int, length: int) -> list[Piece]:
        """Return where stream bytes `start` … `start + length` stand in the file."""
        return self.segments.locate(start, length)

    def stalls(self) -> list[Stall]:
        """Return the times during which this direction's sender could not receive."""
        found: list[Stall] = []
        for event in self.events.of("zero_window", "window_open"):
            if event.kind == "zero_window":
                found.append(Stall(event.frame, event.time_ns, None))
            elif found:
                found[-1] = found[-1]._replace(end_ns=event.time_ns)
        return found

    def frames(
        self, starts: Integers, ends: Integers
    ) -> tuple[Integers, Integers, Integers, Integers]:
        """Return first and last frame, first and last time (ns) of each range [start, end)."""
        return self.segments.frames(starts, ends)


@dataclass(slots=True)
class TcpHandshake:
    """What SYN, SYN/ACK and the ACK behind them told; lists are by side."""

    isn: list[int | None] = field(default_factory=lambda: [None, None])
    """Initial sequence numbers (RFC 9293 §3.4.1)."""
    options: list[SynOptions | None] = field(default_factory=lambda: [None, None])
    server_ns: int | None = None
    """From the SYN to the SYN/ACK: the way between capture and server, there and back."""
    client_ns: int | None = None
    """From the SYN/ACK to the client's first frame: between capture and client, and back."""

    @property
    def synthetic(self) -> bool:
        """Whether no TCP made this: MediaMTX's dumps (`dumpPackets`) are written from what its
        sockets read and wrote, with initial sequence numbers 1000 and 2000 and no options.

        There, no FIN, no retransmission and no round trip mean anything.
        """
        first, second = self.options
        return self.isn == [1000, 2000] and first == second == SynOptions()

    def scale(self, side: int) -> int | None:
        """Return the shift of the windows of `side` (RFC 7323 §2.2); None: not captured."""
        first, second = self.options
        if first is None or second is None:
            return None
        if first.scale is None or second.scale is None:
            return 0
        return min((first, second)[side].scale or 0, 14)


@dataclass(slots=True, eq=False)
class TcpConnection:
    """One TCP conversation with payload.

    Side 0 is the presumed client: who sent the SYN, else who does not own port 1935 or the lower
    port. Directions are by side and never change; a consumer that learns better from the bytes
    sets `client_side`.
    """

    index: int
    endpoints: tuple[Endpoint, Endpoint]
    initiator_known: bool
    start_ns: int
    start_frame: int
    end_ns: int
    saw_syn: list[bool] = field(default_factory=lambda: [False, False])
    """By side: SYN of side 0, SYN/ACK of side 1."""
    handshake: TcpHandshake = field(default_factory=TcpHandshake)
    client_side: int = 0
    first_close: tuple[int, CloseKind, int] | None = None
    """The first FIN or RST that was believed: (side, kind, frame)."""
    first_reset: tuple[int, int] | None = None
    """The first such RST, also after a FIN: (side, frame)."""
    false_closes: list[FalseClose] = field(default_factory=list)
    """Those that were not, as far as listed (`limits.MAX_FALSE_CLOSES`)."""
    discard: bool = False
    """Set by the consumer: not of interest, so no more calls of `data`, no storage, only counts."""
    evicted: bool = False
    """Closed by the analyzer because too many connections were live."""
    directions: tuple[TcpDirection, TcpDirection] = field(
        default_factory=lambda: (TcpDirection(), TcpDirection())
    )

    @property
    def client(self) -> Endpoint:
        return self.endpoints[self.client_side]

    @property
    def server(self) -> Endpoint:
        return self.endpoints[1 - self.client_side]

    @property
    def one_sided(self) -> bool:
        """True when payload of only one side was captured."""
        first, second = self.directions
        return not (first.stats.segments and second.stats.segments)

    @property
    def closed_by(self) -> ClosedBy | None:
        if self.first_close is None:
            return None
        side, kind, _ = self.first_close
        if side == self.client_side:
            return "client.fin" if kind == "fin" else "client.rst"
        return "server.fin" if kind == "fin" else "server.rst"


class StreamConsumer(Protocol):
    """Receives the streams. Per direction the calls are in stream order; between the two
    directions only the frames' times tell the order."""

    def opened(self, connection: TcpConnection) -> None: ...

    def data(self, connection: TcpConnection, side: int, payload: bytes) -> None:
        """The next bytes from `side`; how they are cut into calls has no meaning."""

    def gap(self, connection: TcpConnection, side: int, length: int, reason: str) -> None:
        """The next `length` bytes from `side` are missing."""

    def closed(self, connection: TcpConnection) -> None:
        """No more data will come."""
