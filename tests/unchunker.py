"""The oracle: a strict RTMP 1.0 un-chunker that shares no code with the program.

It wants an intact capture (every segment there, the connection from its SYN) and raises `Strict`
where the specification is not followed, so that agreement with it means something.
"""

from __future__ import annotations

import gzip
import hmac
import io
import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path

import dpkt

HANDSHAKE = 1 + 1536 + 1536


class Strict(Exception):  # noqa: N818
    """The capture or the stream is not what the strict reading allows."""


@dataclass
class Message:
    """One message; `timestamp` in ms, `stream_offset` from the direction's first payload byte."""

    index: int
    stream_offset: int
    fmt: int
    csid: int
    msid: int
    type_id: int
    timestamp: int
    length: int
    chunks: int = 0
    body: bytearray = field(default_factory=bytearray)
    end: int = 0
    """Where the message's last chunk ends in the direction."""

    @property
    def complete(self) -> bool:
        return len(self.body) == self.length

    @property
    def sha256(self) -> str:
        return sha256(self.body).hexdigest()


@dataclass
class ChunkStream:
    """What a later chunk of one csid inherits (§5.3.1.2)."""

    timestamp: int = 0
    delta: int = 0
    length: int = 0
    type_id: int = 0
    msid: int = 0
    extended: int | None = None
    open: Message | None = None


def unchunk(data: bytes, omitted: bool = False) -> Iterator[Message]:
    """Yield the messages of one direction as their first chunks come (§5.3).

    Consume the iterator before looking at the bodies: they fill while it runs. `omitted`: this
    sender leaves the extended timestamp out of fmt 3 chunks that continue a message.
    """
    if data[:1] not in (b"", b"\x03"):
        raise Strict("not plain RTMP")
    at, size, count = HANDSHAKE, 128, 0
    streams: dict[int, ChunkStream] = {}
    while at < len(data):
        start = at
        try:
            fmt, csid, at = basic_header(data, at)
            cs = streams.get(csid)
            if cs is None:
                if fmt > 1:  # librtmp opens csid 2 with fmt 1: no msid yet, so 0
                    raise Strict(f"fmt {fmt} opens chunk stream {csid} at {start}")
                cs = streams[csid] = ChunkStream()
            if fmt < 3 and cs.open is not None:
                raise Strict(f"fmt {fmt} inside a message of chunk stream {csid} at {start}")
            at = message_header(data, at, fmt, cs, omitted)
        except (struct.error, IndexError):
            return  # the capture ends inside a chunk header
        if cs.open is None:
            cs.open = Message(count, start, fmt, csid, cs.msid, cs.type_id, cs.timestamp, cs.length)
            count += 1
            yield cs.open
        message = cs.open
        take = data[at : at + min(size, message.length - len(message.body))]
        message.body += take
        message.chunks += 1
        message.end = at = at + len(take)
        if len(message.body) < message.length:
            continue
        cs.open = None
        value = int.from_bytes(message.body[:4])
        if message.type_id == 1:
            size = value & 0x7FFFFFFF or size
        elif message.type_id == 2 and value in streams:
            streams[value].open = None


def basic_header(data: bytes, at: int) -> tuple[int, int, int]:
    """§5.3.1.1: (fmt, csid, offset after)."""
    fmt, low = data[at] >> 6, data[at] & 0x3F
    if low == 0:
        return fmt, data[at + 1] + 64, at + 2
    if low == 1:
        return fmt, data[at + 1] + data[at + 2] * 256 + 64, at + 3
    return fmt, low, at + 1


def message_header(data: bytes, at: int, fmt: int, cs: ChunkStream, omitted: bool) -> int:
    """§5.3.1.2 and §5.3.1.3: update `cs`, return the offset after."""
    size = (11, 7, 3, 0)[fmt]
    header = data[at : at + size]
    if len(header) < size:
        raise IndexError
    time = int.from_bytes(header[:3])
    if fmt < 2:
        cs.length, cs.type_id = int.from_bytes(header[3:6]), header[6]
    if fmt == 0:
        cs.msid = int.from_bytes(header[7:], "little")
    at += size
    if fmt < 3:
        cs.extended = None
        if time == 0xFFFFFF:
            (time,) = struct.unpack_from(">I", data, at)
            cs.extended = time
            at += 4
        cs.delta = time
        cs.timestamp = time if fmt == 0 else cs.timestamp + time & 0xFFFFFFFF
        return at
    if cs.extended is not None:
        (time,) = struct.unpack_from(">I", data, at)
        present = cs.open is None or time in (cs.extended, cs.timestamp)
        if not present and not omitted:
            raise Strict(f"no extended timestamp on fmt 3 at {at}")
        at += 4 if present else 0
        if cs.open is None:
            cs.delta = time
    if cs.open is None:
        cs.timestamp = cs.timestamp + cs.delta & 0xFFFFFFFF
    return at


# --- from a capture file to the two byte streams ---


@dataclass
class Connection:
    """One TCP connection, from its SYN."""

    client: tuple[str, int]
    server: tuple[str, int]
    c2s: bytes
    s2c: bytes

    @property
    def handshake(self) -> str:
        """`digest` when C1 or S1 carries one that verifies, else `simple`."""
        player, media = b"Genuine Adobe Flash Player 001", b"Genuine Adobe Flash Media Server 001"
        signed = digest(self.c2s[1:1537], player) or digest(self.s2c[1:1537], media)
        return "digest" if signed else "simple"


def digest(packet: bytes, key: bytes) -> bool:
    """Whether C1 or S1 carries a valid HMAC in one of the two known places."""
    for base in (8, 772):
        at = sum(packet[base : base + 4]) % 728 + base + 4
        rest = packet[:at] + packet[at + 32 :]
        if hmac.new(key, rest, sha256).digest() == packet[at : at + 32]:
            return True
    return False


Flow = tuple[bytes, int, bytes, int]
Pieces = list[tuple[int, bytes]]


def segments(path: Path) -> Iterator[tuple[Flow, dpkt.tcp.TCP]]:
    """Yield the TCP segments of a capture: Ethernet, Linux cooked; IPv4, IPv6."""
    data = path.read_bytes()
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    reader = dpkt.pcap.UniversalReader(io.BytesIO(data))
    cooked = {113: dpkt.sll.SLL, 276: dpkt.sll2.SLL2}.get(reader.datalink(), dpkt.ethernet.Ethernet)
    for _, packet in reader:
        ip = cooked(packet).data
        if isinstance(ip, dpkt.ip.IP | dpkt.ip6.IP6) and isinstance(ip.data, dpkt.tcp.TCP):
            yield (ip.src, ip.data.sport, ip.dst, ip.data.dport), ip.data


def directions(path: Path) -> dict[Flow, tuple[int, Pieces]]:
    """Per direction: the sequence number of its first payload byte, and what was captured.

    The number follows the SYN; without one it is the lowest seen (captures here do not wrap).
    """
    opened: dict[Flow, int] = {}
    pieces: dict[Flow, Pieces] = {}
    for flow, tcp in segments(path):
        held = pieces.setdefault(flow, [])
        if tcp.flags & dpkt.tcp.TH_SYN:
            opened[flow] = tcp.seq + 1
        elif tcp.data:
            held.append((tcp.seq, tcp.data))
    return {
        flow: (opened.get(flow, min((seq for seq, _ in held), default=0)), held)
        for flow, held in pieces.items()
    }


def join(first: int, pieces: Pieces) -> bytes:
    """Put segments in order by sequence number; a hole raises."""
    out = bytearray()
    for seq, payload in sorted(((seq - first) & 0xFFFFFFFF, payload) for seq, payload in pieces):
        if seq > len(out):
            raise Strict(f"{seq - len(out)} bytes are missing at {len(out)}")
        out += payload[len(out) - seq :]
    return bytes(out)


def connections(path: Path) -> list[Connection]:
    """The connections of an intact capture, in the order of their SYNs."""
    found: list[Connection] = []
    seen: set[Flow] = set()
    ways = directions(path)
    for flow, (first, pieces) in ways.items():
        back = flow[2:] + flow[:2]
        if back not in ways or back in seen:
            continue  # the client speaks first, so its direction comes first
        seen.add(flow)
        streams = join(first, pieces), join(*ways[back])
        ends = [(str(ip_address(ip)), port) for ip, port in (flow[:2], flow[2:])]
        found.append(Connection(ends[0], ends[1], *streams))
    return found


def complete(path: Path, omitted: bool = False) -> dict[str, dict[int, int]]:
    """Complete messages of an intact capture: direction to type to number."""
    found = {"c2s": Counter[int](), "s2c": Counter[int]()}
    for connection in connections(path):
        for way, stream in (("c2s", connection.c2s), ("s2c", connection.s2c)):
            messages = list(unchunk(stream, omitted))
            found[way].update(m.type_id for m in messages if m.complete)
    return {way: dict(sorted(count.items())) for way, count in found.items()}
