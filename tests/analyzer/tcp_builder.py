"""Builds segment batches for the TCP tests, and a consumer that writes down what it is given."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from analyzer.tcp import TcpConnection, TcpTracker

FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10
MASK = (1 << 32) - 1
_IP = 20  # bytes of (empty) IP header before each TCP header


class Ends(NamedTuple):
    a_ip: str = "10.0.0.1"
    a_port: int = 40000
    b_ip: str = "10.0.0.2"
    b_port: int = 1935


@dataclass
class Packet:
    """One frame; `reverse` when the server (endpoint b) sends it."""

    seq: int
    payload: bytes = b""
    flags: int = ACK
    ack: int = 0
    reverse: bool = False
    time_ms: float | None = None
    """Default: 0.01 ms per frame."""
    window: int = 1000
    cut: int = 0
    """Payload bytes the capture did not keep."""
    flow: int = 0
    ident: int | None = None
    """IPv4 identification; default: the frame number."""
    options: bytes = b""


@dataclass(slots=True)
class Batch:
    data: bytes
    frame: npt.NDArray[np.int64]
    time_ns: npt.NDArray[np.int64]
    flow: npt.NDArray[np.int32]
    reverse: npt.NDArray[np.bool_]
    seq: npt.NDArray[np.int64]
    ack: npt.NDArray[np.int64]
    flags: npt.NDArray[np.uint8]
    window: npt.NDArray[np.int64]
    payload: npt.NDArray[np.int64]
    captured: npt.NDArray[np.int64]
    length: npt.NDArray[np.int64]
    header: npt.NDArray[np.int64]
    ident: npt.NDArray[np.int32]
    position: npt.NDArray[np.int64]
    rejected: None = None


def build(packets: Sequence[Packet], first_frame: int = 1, base: int = 24) -> Batch:
    """Return a batch of frames numbered from `first_frame`; its block starts at `base`."""
    data = bytearray()
    rows = []
    for frame, packet in enumerate(packets, first_frame):
        kept = packet.payload[: len(packet.payload) - packet.cut]
        ident = frame & 0xFFFF if packet.ident is None else packet.ident
        data += struct.pack(">4xH14x", ident)
        header = len(data)
        words = 5 + len(packet.options) // 4
        offset_flags = words << 12 | packet.flags
        seq, ack = packet.seq & MASK, packet.ack & MASK
        data += struct.pack(">HHIIHHHH", 0, 0, seq, ack, offset_flags, packet.window, 0, 0)
        data += packet.options
        time = frame * 0.01 if packet.time_ms is None else packet.time_ms
        origin = (frame, round(time * 1e6), packet.flow, packet.reverse)
        more = (ident, base + len(data))
        fields = (seq, ack, packet.flags, packet.window)
        rows.append((*origin, *fields, len(data), len(kept), len(packet.payload), header, *more))
        data += kept
    kinds = (
        "int64 int64 int32 bool int64 int64 uint8 int64 int64 int64 int64 int64 int32 int64".split()
    )
    columns = list(zip(*rows, strict=True)) or [()] * len(kinds)
    arrays = [np.array(values, dtype=kind) for values, kind in zip(columns, kinds, strict=True)]
    return Batch(bytes(data), *arrays)


@dataclass
class Stream:
    """What one direction delivered: bytes, with None for each missing byte run."""

    parts: list[bytes | tuple[int, str]] = field(default_factory=list)

    def data(self, payload: bytes) -> None:
        if self.parts and isinstance(self.parts[-1], bytes):
            self.parts[-1] += payload
        else:
            self.parts.append(payload)


class Recorder:
    """A consumer; `streams[index, side].parts` is what came."""

    def __init__(self, discard: bool = False) -> None:
        self.discard = discard
        self.streams: dict[tuple[int, int], Stream] = {}
        self.opens: list[int] = []
        self.closes: list[int] = []

    def opened(self, connection: TcpConnection) -> None:
        self.opens.append(connection.index)
        self.streams[connection.index, 0] = Stream()
        self.streams[connection.index, 1] = Stream()

    def data(self, connection: TcpConnection, side: int, payload: bytes) -> None:
        assert payload
        assert connection.index not in self.closes
        self.streams[connection.index, side].data(payload)
        connection.discard = self.discard

    def gap(self, connection: TcpConnection, side: int, length: int, reason: str) -> None:
        assert length > 0
        assert connection.index not in self.closes
        self.streams[connection.index, side].parts.append((length, reason))

    def closed(self, connection: TcpConnection) -> None:
        assert connection.index not in self.closes
        self.closes.append(connection.index)


class Result(NamedTuple):
    tracker: TcpTracker
    recorder: Recorder

    def parts(self, side: int = 0, index: int = 0) -> list[bytes | tuple[int, str]]:
        return self.recorder.streams[index, side].parts


def run(
    packets: Sequence[Packet],
    cuts: Sequence[int] = (),
    flows: Sequence[Ends] = (Ends(),),
    discard: bool = False,
    finish: bool = True,
) -> Result:
    """Feed the packets in batches that end before each index of `cuts`."""
    recorder, capture = Recorder(discard), bytearray(24)
    tracker = TcpTracker(list(flows), recorder, lambda at, size: bytes(capture[at : at + size]))
    start = 0
    for stop in [*sorted(cuts), len(packets)]:
        batch = build(packets[start:stop], start + 1, len(capture))
        capture += batch.data
        tracker.feed(batch)
        start = stop
    if finish:
        tracker.finish()
    return Result(tracker, recorder)


def handshake(client: int = 99, server: int = 499, flow: int = 0) -> list[Packet]:
    """Return SYN, SYN/ACK, ACK; the streams start at `client` + 1 and `server` + 1."""
    return [
        Packet(client, flags=SYN, flow=flow),
        Packet(server, flags=SYN | ACK, ack=client + 1, reverse=True, flow=flow),
        Packet(client + 1, ack=server + 1, flow=flow),
    ]


def snapshot(result: Result) -> list[object]:
    """Return everything a run found out, to compare runs."""
    found: list[object] = [result.tracker.evicted, result.tracker.discarded]
    for connection in result.tracker.connections:
        for side, direction in enumerate(connection.directions):
            segments = direction.segments
            found += [
                result.parts(side, connection.index),
                direction.stats,
                direction.round_trips,
                direction.window,
                direction.stalls(),
                list(direction.gaps),
                list(direction.events),
                direction.length,
                direction.fin_offset,
                segments.stream_offset.tolist(),
                segments.file_offset.tolist(),
                segments.length.tolist(),
                segments.frame.tolist(),
                segments.time_ns.tolist(),
            ]
        found += [connection.endpoints, connection.first_close, connection.first_reset]
        found += [connection.false_closes]
        found += [
            connection.start_ns,
            connection.end_ns,
            connection.saw_syn,
            connection.initiator_known,
            connection.handshake,
        ]
    return found
