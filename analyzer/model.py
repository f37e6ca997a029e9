"""What the views see besides message rows: capture, connections, diagnostics, options."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from analyzer.handshakes import handshake
from analyzer.tcp import Gap, TcpConnection
from dissectors.connection import RtmpConnection
from dissectors.facts import Facts, StreamInfo
from dissectors.handshake import Peer

DIRECTIONS = ("c2s", "s2c")
RTMP_PORT = 1935
_NO_KEYS = "encrypted, and there are no keys"
_UNREAD = {
    "rtmpe": _NO_KEYS,
    "rtmps": _NO_KEYS,
    "rtmpt": "RTMP in HTTP (RTMPT), which is not decoded",
}


class Endpoint(NamedTuple):
    """An address and a TCP port."""

    ip: str
    port: int

    def __str__(self) -> str:
        return f"[{self.ip}]:{self.port}" if ":" in self.ip else f"{self.ip}:{self.port}"


class ChunkSize(NamedTuple):
    """From `stream_offset` on, chunks of this direction carry up to `size` bytes."""

    stream_offset: int
    size: int
    source: str
    """`default`, `inferred`, or the id of the Set Chunk Size message."""


@dataclass(slots=True)
class TcpStats:
    """TCP below one direction of a connection."""

    bytes: int
    """Stream bytes captured, each counted once."""
    segments: int
    retransmitted: int
    out_of_order: int
    gaps: Sequence[Gap]


class Connection:
    """A TCP connection that carries RTMP, as the views see it."""

    def __init__(self, index: int, tcp: TcpConnection, rtmp: RtmpConnection, epoch_ns: int) -> None:
        self.index = index
        self.tcp_connection = tcp
        self.rtmp = rtmp
        self.epoch_ns = epoch_ns

    @property
    def id(self) -> str:
        return f"c{self.index}"

    @property
    def variant(self) -> str:
        return self.rtmp.variant or "rtmp"

    @property
    def why_unread(self) -> str:
        """Why no message of it could be read, where none was."""
        return _UNREAD.get(self.variant, "no message could be read")

    @property
    def client(self) -> Endpoint:
        return Endpoint(*self.tcp_connection.client)

    @property
    def server(self) -> Endpoint:
        return Endpoint(*self.tcp_connection.server)

    @property
    def start_ns(self) -> int:
        first = self.tcp_connection  # whose packets may be out of time order
        return min(first.start_ns, first.end_ns) - self.epoch_ns

    @property
    def end_ns(self) -> int:
        return self.tcp_connection.end_ns - self.epoch_ns

    @property
    def closed_by(self) -> str | None:
        return self.tcp_connection.closed_by

    @property
    def from_start(self) -> bool:
        return any(half.from_start for half in self.rtmp.halves)

    @property
    def handshake_seen(self) -> bool:
        return self.rtmp.handshake_seen and any(h.handshake_complete for h in self.rtmp.halves)

    @property
    def handshake_complete(self) -> bool:
        """Whether a handshake was captured, and nothing of it is missing."""
        return self.handshake_seen and not any(half.damaged for half in self.rtmp.halves)

    @property
    def both_directions(self) -> bool:
        return not self.tcp_connection.one_sided

    @property
    def handshake(self) -> dict[str, Any] | None:
        """Version, form, digests, echoes, round trips; None where it was not captured."""
        return handshake(self)

    @property
    def proxied_client(self) -> Peer | None:
        """The real client, where a PROXY header or an SRS prefix names one."""
        return self.rtmp.real_client

    @property
    def sides(self) -> tuple[int, int]:
        """Side of the client and of the server in the TCP layer's count."""
        client = self.tcp_connection.client_side
        return client, 1 - client

    @property
    def facts(self) -> Facts:
        return self.rtmp.facts()

    @property
    def app(self) -> str | None:
        return self.facts.app

    @property
    def tc_url(self) -> str | None:
        return self.facts.tc_url

    @property
    def flash_ver(self) -> str | None:
        return self.facts.flash_ver

    @property
    def object_encoding(self) -> int | None:
        return self.facts.object_encoding

    @property
    def role(self) -> str | None:
        return self.facts.role

    @property
    def streams(self) -> list[StreamInfo]:
        return self.facts.streams

    @property
    def chunk_sizes(self) -> tuple[list[ChunkSize], list[ChunkSize]]:
        """Chunk sizes by direction: client → server, server → client."""
        first, second = (self._chunk_sizes(d, side) for d, side in enumerate(self.sides))
        return first, second

    def _chunk_sizes(self, direction: int, side: int) -> list[ChunkSize]:
        reader = self.rtmp.halves[side].reader
        if reader is None:
            return []
        sizes = []
        for number, change in enumerate(reader.chunk_size_changes):
            offset, source = change.stream_offset, f"{self.id}.{DIRECTIONS[direction]}"
            if change.number is not None:
                source += f".{change.number}"
            elif number == 0 and reader.from_start:
                offset, source = 0, "default"
            else:
                source = "inferred"
            sizes.append(ChunkSize(offset, change.size, source))
        return sizes

    @property
    def tcp(self) -> tuple[TcpStats, TcpStats]:
        """TCP statistics by direction: client → server, server → client."""
        first, second = (self._tcp(side) for side in self.sides)
        return first, second

    def _tcp(self, side: int) -> TcpStats:
        direction = self.tcp_connection.directions[side]
        stats = direction.stats
        return TcpStats(
            direction.length - direction.gaps.missing(),
            stats.segments,
            stats.retransmitted,
            stats.out_of_order,
            list(direction.gaps),
        )


class Place(NamedTuple):
    """Where something was seen; what is not known is None."""

    message: str | None
    frame: int | None
    time_ns: int | None
    """Since the capture's first packet."""
    span: tuple[int, int] | None = None
    """(offset, length) in the direction's stream."""


@dataclass(slots=True)
class Diagnostic:
    """A finding with its evidence: one per rule, connection and track."""

    rule: str
    severity: str
    """`error`, `warning` or `note`."""
    text: str
    confidence: str = "definite"
    connection: str | None = None
    message: str | None = None
    frame: int | None = None
    time_ns: int | None = None
    expected: str | None = None
    actual: str | None = None
    section: str | None = None
    help: str | None = None
    status: str = "finding"
    """`finding` or `inconclusive`."""
    id: str = ""
    fingerprint: str = ""
    title: str = ""
    """The rule's name, the same in every capture."""
    direction: int | None = None
    track: str | None = None
    span: tuple[int, int] | None = None
    """(offset, length) in the direction's stream."""
    count: int = 1
    last: Place | None = None
    examples: list[Place] = field(default_factory=list)
    blame: str | None = None
    """`client`, `server`, `network` or `capture`, where the rule tells."""
    cause: str | None = None
    """Id of the finding that this one follows from."""
    key: str = ""
    """What tells it from others of its rule; part of the fingerprint."""


class Verdict(NamedTuple):
    """What the findings say about one connection."""

    connection: str
    status: str
    """`pass`, `fail` or `inconclusive`."""
    blame: str | None
    """`client`, `server`, `network`, `capture`; None where nobody is."""
    text: str
    """One sentence, with frame and time where something was found."""
    diagnostic: str | None = None
    """Id of the finding it rests on."""
