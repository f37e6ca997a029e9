"""Write a large capture of one publish session: make_capture.py out.pcap --mb 200

An H.264 and AAC publisher of about 6 Mbit/s as an encoder sends it, payload random, TCP intact with
correct checksums and an acknowledgement for every second segment. Same options, same bytes.
"""

from __future__ import annotations

import argparse
import json
import random
import struct
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

CLIENT, SERVER = bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2])
FRAME_RATE, GOP, KEYFRAME, FRAME, AUDIO = 30, 60, 120_000, 22_500, 340
"""Frames per second, frames per keyframe, and bytes: together about 6 Mbit/s."""
WINDOW = 2_500_000
SPS = bytes.fromhex("6764001facd9405005bb0110000003001000000303c0f1831960")
PPS = bytes.fromhex("68ebe3cb22c0")
AVC_CONFIG = b"\x01" + SPS[1:4] + b"\xff\xe1" + b"\0\x1a" + SPS + b"\x01\0\x06" + PPS
Timed = tuple[int, bytes]


class Made(NamedTuple):
    """What was written; `by_type` counts messages by direction and type id."""

    bytes: int
    frames: int
    messages: int
    by_type: dict[str, dict[int, int]]


def amf(*values: object) -> bytes:
    """AMF0 of the few types a publisher writes."""
    out = b""
    for value in values:
        if value is None:
            out += b"\x05"
        elif isinstance(value, str):
            out += b"\x02" + struct.pack(">H", len(value)) + value.encode()
        elif isinstance(value, dict):
            pairs = (amf(name)[1:] + amf(item) for name, item in value.items())
            out += b"\x03" + b"".join(pairs) + b"\0\0\x09"
        else:
            out += b"\x00" + struct.pack(">d", value)
    return out


class Writer:
    """Chunks of one direction: fmt 0 opens a chunk stream, fmt 1 follows."""

    def __init__(self) -> None:
        self.size, self.count = 128, Counter[int]()
        self._last: dict[int, int] = {}

    def message(self, csid: int, type_id: int, body: bytes, time: int = 0, msid: int = 0) -> bytes:
        self.count[type_id] += 1
        before = self._last.get(csid)
        self._last[csid] = time
        kind = struct.pack(">HBB", len(body) >> 8, len(body) & 255, type_id)
        if before is None or not msid:
            head = bytes([csid]) + time.to_bytes(3) + kind + struct.pack("<I", msid)
        else:
            head = bytes([0x40 | csid]) + (time - before).to_bytes(3) + kind
        if len(body) <= self.size:
            return head + body
        pieces = (body[at : at + self.size] for at in range(0, len(body), self.size))
        return head + bytes([0xC0 | csid]).join(pieces)


def opening(chunk_size: int, up: Writer, down: Writer, dice: random.Random) -> list[list[bytes]]:
    """What is said before the media, in turns: client, server, client, …"""
    c1 = bytes(8) + dice.randbytes(1528)
    s1 = bytes(8) + dice.randbytes(1528)
    size = struct.pack(">I", chunk_size)
    connect = amf("connect", 1, {"app": "live", "flashVer": "FMLE/3.0", "tcUrl": "rtmp://x/live"})
    accepted = [
        down.message(2, 5, struct.pack(">I", WINDOW)),
        down.message(2, 6, struct.pack(">IB", WINDOW, 2)),
        down.message(2, 1, size),
    ]
    down.size = chunk_size
    code = {"level": "status", "code": "NetConnection.Connect.Success"}
    accepted.append(down.message(3, 20, amf("_result", 1, {"fmsVer": "FMS/3,0,1,123"}, code)))
    client = [up.message(3, 20, connect)]
    client.append(up.message(2, 1, size))
    up.size = chunk_size
    calls = [amf("releaseStream", 2, None, "cam"), amf("FCPublish", 3, None, "cam")]
    calls.append(amf("createStream", 4, None))
    begin = {"level": "status", "code": "NetStream.Publish.Start", "description": "started"}
    return [
        [b"\x03" + c1],
        [b"\x03" + s1, c1],
        [s1, *client],
        accepted,
        [up.message(3, 20, call) for call in calls],
        [down.message(3, 20, amf("_result", 4, None, 1))],
        [up.message(8, 20, amf("publish", 5, None, "cam", "live"), 0, 1)],
        [
            down.message(2, 4, struct.pack(">HI", 0, 1)),
            down.message(5, 20, amf("onStatus", 0, None, begin), 0, 1),
        ],
    ]


def media(up: Writer, dice: random.Random) -> Iterator[Timed]:
    """Endless (ms, chunks): metadata, sequence headers, then audio and video as time passes."""
    about = {"width": 1280, "height": 720, "framerate": FRAME_RATE, "videocodecid": 7}
    yield 0, up.message(4, 18, amf("@setDataFrame", "onMetaData", about), 0, 1)
    yield 0, up.message(6, 9, b"\x17\0\0\0\0" + AVC_CONFIG, 0, 1)
    yield 0, up.message(4, 8, bytes.fromhex("af001210"), 0, 1)
    noise = dice.randbytes(4 << 20)
    number = sound = 0
    while True:
        now = number * 1000 // FRAME_RATE
        while sound * 1024 * 1000 // 44100 <= now:
            time = sound * 1024 * 1000 // 44100
            at = dice.randrange(len(noise) - AUDIO)
            yield time, up.message(4, 8, b"\xaf\x01" + noise[at : at + AUDIO], time, 1)
            sound += 1
        key = number % GOP == 0
        size = int((KEYFRAME if key else FRAME) * dice.uniform(0.7, 1.3))
        at = dice.randrange(len(noise) - size)
        head = bytes([0x17 if key else 0x27, 1, 0, 0, 0]) + struct.pack(">I", size)
        yield now, up.message(6, 9, head + noise[at : at + size], now, 1)
        number += 1


class Tcp:
    """Two hosts, and the file their segments are written to."""

    def __init__(self, out: BinaryIO, mtu: int) -> None:
        self.out, self.mss, self.frames, self.clock = out, min(mtu, 65535) - 52, 0, 0
        self.seq = [0xFFF00000, 1000]  # the client's wraps soon
        self._unacked = 0
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))

    def segment(self, side: int, flags: int, payload: bytes = b"") -> None:
        """Write one frame from `side` (0 client, 1 server); time moves on 12 µs."""
        ends = (CLIENT + SERVER, SERVER + CLIENT)[side]
        ports = ((50000, 1935), (1935, 50000))[side]
        length = 52 + len(payload)
        ip = bytearray(
            struct.pack(">BBHHHBBH", 0x45, 0, length, self.frames & 0xFFFF, 0x4000, 64, 6, 0)
        )
        ip += ends
        ip[10:12] = checksum(bytes(ip))
        tick = self.clock // 1000 & 0xFFFFFFFF
        tcp = bytearray(
            struct.pack(
                ">HHIIBBHHHHHII", *ports, self.seq[side], self.seq[1 - side] if flags & 16 else 0,
                0x80, flags, 65535, 0, 0, 0x0101, 0x080A, tick, tick,
            )
        )  # fmt: skip
        pseudo = ends + struct.pack(">HH", 6, length - 20)
        tcp[16:18] = checksum(pseudo + tcp + payload)
        record = struct.pack("<IIII", *divmod(self.clock, 1_000_000), length + 14, length + 14)
        ether = bytes([2, 0, 0, 0, 0, 2 - side, 2, 0, 0, 0, 0, 1 + side, 8, 0])
        self.out.write(b"".join((record, ether, ip, tcp, payload)))
        self.seq[side] = self.seq[side] + len(payload) + (1 if flags & 3 else 0) & 0xFFFFFFFF
        self.frames += 1
        self.clock += 12

    def send(self, side: int, data: bytes) -> None:
        """Write `data` in segments; the other side acknowledges every second one."""
        for at in range(0, len(data), self.mss):
            piece = data[at : at + self.mss]
            last = at + self.mss >= len(data)
            self.segment(side, 0x18 if last else 0x10, piece)
            self._unacked += 1
            if self._unacked == 2:
                self.segment(1 - side, 0x10)
                self._unacked = 0


def checksum(data: bytes) -> bytes:
    """RFC 1071, as one big division."""
    rest = int.from_bytes(data + b"\0" * (len(data) % 2)) % 65535
    return (-rest % 65535).to_bytes(2)


def make(path: Path, size: int, mtu: int = 1500, chunk_size: int = 4096, seed: int = 1) -> Made:
    """Write at least `size` bytes; return the numbers of frames and messages (by type)."""
    dice = random.Random(seed)
    up, down = Writer(), Writer()
    with path.open("wb", buffering=1 << 20) as out:
        tcp = Tcp(out, mtu)
        for side, flags in ((0, 2), (1, 18), (0, 16)):
            tcp.segment(side, flags)
        for turn, said in enumerate(opening(chunk_size, up, down, dice)):
            tcp.send(turn % 2, b"".join(said))
        sent = reported = 0
        start = tcp.clock
        for time, chunks in media(up, dice):
            tcp.clock = max(tcp.clock, start + time * 1000)
            tcp.send(0, chunks)
            sent += len(chunks)
            if sent - reported >= WINDOW:
                reported = sent
                tcp.send(1, down.message(2, 3, struct.pack(">I", sent & 0xFFFFFFFF)))
            if out.tell() >= size:
                break
        for side, flags in ((0, 17), (1, 17), (0, 16)):
            tcp.segment(side, flags)
        total = out.tell()
    counts = {"c2s": dict(sorted(up.count.items())), "s2c": dict(sorted(down.count.items()))}
    return Made(total, tcp.frames, up.count.total() + down.count.total(), counts)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--mb", type=float, default=200, help="size in 10^6 bytes")
    parser.add_argument("--mtu", type=int, default=1500, help="1500, 9000, 65536 …")
    parser.add_argument("--chunk-size", type=int, default=4096, help="128, 4096, 60000 …")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    made = make(options.file, int(options.mb * 1e6), options.mtu, options.chunk_size, options.seed)
    print(json.dumps(made._asdict()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
