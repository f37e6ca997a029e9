"""Captures taken apart for the mutations: frames, byte streams, and where messages stand."""

from __future__ import annotations

import io
import random
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from analyzer.captures import CaptureSet
from analyzer.session import Session
from tests.analyzer import wire

MAX_FRAMES = 150
"""Frames taken of a capture: a mutation early in a stream tells as much, sooner."""
MAX_STREAM = 40_000
SET = b"\0SET"
"""Starts an input that is several captures, given together."""


class Frame(NamedTuple):
    """One record of a capture."""

    time_ns: int
    data: bytes
    wirelen: int


class Talk(NamedTuple):
    """The two streams of a connection; `headers` and `bodies` are places in them."""

    streams: tuple[bytes, bytes]
    headers: tuple[list[int], list[int]]
    bodies: list[tuple[int, int, int]]
    """(side, offset, length) of bodies with AMF or media heads."""


class Seed(NamedTuple):
    """A capture to mutate."""

    name: str
    data: bytes
    link: int
    frames: list[Frame]
    talks: list[Talk]


def load(path: Path) -> Seed:
    """Take a capture apart."""
    data = path.read_bytes()
    frames: list[Frame] = []
    link = 1
    captures = CaptureSet([io.BytesIO(data)])
    for batch in captures.batches():
        for at, caplen, wirelen, time_ns, kind in zip(
            *(
                column.tolist()
                for column in (
                    batch.offset,
                    batch.caplen,
                    batch.wirelen,
                    batch.time_ns,
                    batch.link,
                )
            ),
            strict=True,
        ):
            link = kind if not frames else link
            if len(frames) < MAX_FRAMES:
                frames.append(Frame(time_ns, batch.data[at : at + caplen], wirelen))
    captures.close()
    return Seed(path.name, data, link, frames, _talks(data))


def _talks(data: bytes) -> list[Talk]:
    session = Session([io.BytesIO(data)])
    session.run()
    talks = []
    for connection in session.connections:
        if connection.variant != "rtmp":
            continue
        streams = []
        for direction, side in enumerate(connection.sides):
            length = connection.tcp_connection.directions[side].length
            streams.append(session.stream(connection.index, direction, 0, min(length, MAX_STREAM)))
        headers: tuple[list[int], list[int]] = ([], [])
        bodies = []
        for row in range(len(session.messages)):
            if session.value(row, "connection") != connection.index:
                continue
            direction = session.value(row, "direction")
            start = session.value(row, "stream_offset")
            if start >= MAX_STREAM:
                continue
            headers[direction].append(start)
            runs = session.runs(row).runs
            if runs and runs[0].length:
                bodies.append((direction, runs[0].stream_offset, min(runs[0].length, 4096)))
        talks.append(Talk((streams[0], streams[1]), headers, bodies))
    session.close()
    return talks


def joined(files: Sequence[bytes]) -> bytes:
    """Return one input of several captures."""
    return SET + b"".join(struct.pack(">I", len(file)) + file for file in files)


def files_of(data: bytes) -> list[bytes]:
    """Return the captures of an input, whatever was done to it."""
    if not data.startswith(SET):
        return [data]
    files, at = [], len(SET)
    while at + 4 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        files.append(data[at + 4 : at + 4 + length])
        at += 4 + length
    return files or [b""]


def record_file(frames: Sequence[Frame], link: int) -> bytes:
    """Write frames as a pcap with nanoseconds."""
    out = [struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, link & 0xFFFF)]
    for time_ns, data, wirelen in frames:
        seconds, rest = divmod(max(time_ns, 0), 10**9)
        head = (seconds & 0xFFFFFFFF, rest, len(data), wirelen & 0xFFFFFFFF)
        out.append(struct.pack("<IIII", *head) + data)
    return b"".join(out)


def stream_file(
    streams: Sequence[bytes],
    dice: random.Random,
    syn: bool = True,
    lost: tuple[int, int] = (0, 0),
) -> bytes:
    """Write two streams as a TCP conversation with random segment sizes; stream bytes from
    `lost[0]` to `lost[1]` of either side were not captured.
    """
    frames: list[Frame] = []
    bases = [dice.getrandbits(32), dice.getrandbits(32)]
    sent = [0, 0]

    def add(side: int, payload: bytes, flags: int) -> None:
        ports = (50000, 1935) if side == 0 else (1935, 50000)
        ends = (wire.A4, wire.B4) if side == 0 else (wire.B4, wire.A4)
        seq = (bases[side] + sent[side] + (not flags & 2)) & 0xFFFFFFFF
        ack = (bases[1 - side] + sent[1 - side] + 1) & 0xFFFFFFFF
        head = struct.pack(">HHIIBBHHH", *ports, seq, ack, 5 << 4, flags, 512, 0, 0)
        packet = wire.ethernet(wire.ip4(head + payload, source=ends[0], target=ends[1]))
        if not payload or not lost[0] <= sent[side] < lost[1]:
            frames.append(Frame(10**18 + 10**6 * len(frames), packet, len(packet)))
        sent[side] += len(payload)

    if syn:
        add(0, b"", 0x02)
        add(1, b"", 0x12)
    size = dice.choice((1, 7, 100, 536, 1448, 1448, 30000))
    size = max(size, max(map(len, streams)) // 3000)
    while any(sent[side] < len(streams[side]) for side in (0, 1)):
        for side in (0, 1):
            if sent[side] < len(streams[side]):
                add(side, streams[side][sent[side] : sent[side] + size], 0x18)
    if dice.random() < 0.3:
        add(dice.randrange(2), b"", dice.choice((0x11, 0x14)))
    return record_file(frames, 1)
