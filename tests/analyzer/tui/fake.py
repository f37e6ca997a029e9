"""A session without a capture: a few messages, or a million, with any text in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from analyzer.capture_info import CaptureInfo
from analyzer.index import COLUMNS, MessageTable
from analyzer.message_bytes import Body, ChunkSpan, FileSpan
from analyzer.model import Diagnostic, Endpoint
from analyzer.options import Options
from dissectors.fields import Dissection, Field

HOSTILE = (
    "[red]",
    "[/b]",
    "\x1b[31mX",
    "\x1b]0;owned\x07",
    "\u202eevil",
    "日本語",
    "[@click=app.quit]",
)
HEADER = bytes.fromhex("0300000000001614 00000000".replace(" ", ""))
CHUNK = 16


def connection(number: int, text: str) -> SimpleNamespace:
    """Return a connection whose every string is `text`."""
    side = SimpleNamespace(bytes=5000, segments=9, retransmitted=0, out_of_order=0, gaps=[])
    return SimpleNamespace(
        index=number,
        id=f"c{number}",
        variant="rtmp",
        client=Endpoint("192.0.2.1", 40000 + number),
        server=Endpoint("2001:db8::2", 1935),
        start_ns=0,
        end_ns=2_000_000_000,
        closed_by="client.fin",
        app=text,
        role="publish",
        streams=[SimpleNamespace(msid=1, name=text, role="publish")],
        tcp=(side, side),
        sides=(0, 1),
        rtmp=SimpleNamespace(
            halves=[
                SimpleNamespace(
                    first=b"", skip=0, handshake_complete=False, config_offsets={"video": []}
                )
            ]
            * 2
        ),
        tcp_connection=SimpleNamespace(directions=[SimpleNamespace(gaps=[])] * 2),
    )


class FakeSession:
    """Rows alternate command, audio, video; every tenth video message is a keyframe."""

    def __init__(self, rows: int = 30, text: str = "live", connections: int = 2) -> None:
        self.text = text
        self.done = self.cancelled = False
        self.tcp_flows = connections
        self.options = Options()
        self.limits_hit: list[str] = []
        self.foreign: Counter[tuple[str, int]] = Counter()
        self.capture = CaptureInfo(f"{text}.pcap", "pcap", None, 1000, packets=rows)
        self.capture.duration_ns = 2_000_000_000
        self.captures = SimpleNamespace(
            frame=lambda at: None, pread=lambda at, length: bytes(length), oldest=0
        )
        self.messages = MessageTable()
        self.connections = [connection(n, text) for n in range(connections)] if rows else []
        self.diagnostics: list[Diagnostic] = []
        self.batches = 1
        self.before_batch: Callable[[], None] = lambda: None
        self._rows = rows

    def run(self, progress: Callable[[Any], Any]) -> None:
        each = -(-self._rows // self.batches)
        for number in range(self.batches):
            self.before_batch()
            count = min(each, self._rows - number * each)
            if count > 0:
                self._append(number * each, count)
            self.capture.bytes_read = 1000 * (number + 1) // self.batches
            if progress(self) is False or self.cancelled:
                self.cancelled = True
                break
        if len(self.messages) > 5:
            self.diagnostics = [
                Diagnostic("fake_rule", "warning", f"odd {self.text}", connection="c0",
                           message="c0.c2s.2", help=self.text)
            ]  # fmt: skip
        self.done = True

    def _append(self, first: int, count: int) -> None:
        number = np.arange(first, first + count)
        sides = max(len(self.connections), 1)
        kind = np.array([20, 8, 9])[number % 3]
        values = {name: np.zeros(count, dtype) for name, dtype in COLUMNS.items()}
        heads = np.zeros((count, 16), np.uint8)
        heads[:, 0] = np.where(kind == 9, np.where(number % 10 == 5, 0x17, 0x27), 0xAF)
        heads[:, 1] = 1
        values |= {
            "connection": number % sides,
            "direction": number // sides % 2,
            "index": number // sides // 2,
            "time_ns": number * 1_000_000,
            "first_frame": number + 1,
            "last_frame": number + 1,
            "stream_offset": 3073 + number * 100,
            "csid": np.array([3, 4, 6])[number % 3],
            "msid": np.minimum(number % 3, 1),
            "type_id": kind,
            "timestamp": number * 33,
            "length": np.full(count, 22),
            "flags": np.ones(count),
            "head": heads.view("V16").ravel(),
        }
        self.messages.extend(values, count)

    def order(self) -> Any:
        return np.arange(len(self.messages))

    def cancel(self) -> None:
        self.cancelled = True

    def value(self, row: int, name: str) -> int:
        return int(self.messages.column(name)[row])

    def message_id(self, row: int) -> str:
        names = ("connection", "direction", "index")
        number, direction, index = (int(self.messages.column(name)[row]) for name in names)
        return f"c{number}.{('c2s', 's2c')[direction]}.{index}"

    def type_name(self, row: int) -> str:
        return {20: "AMF0 Command", 8: "Audio", 9: "Video"}[
            int(self.messages.column("type_id")[row])
        ]

    def info(self, row: int) -> str:
        return f"info {row} {self.text}"

    def summary(self, row: int) -> tuple[str, dict[str, Any]] | None:
        kind = int(self.messages.column("type_id")[row])
        return {8: ("audio", {"codec": "aac"}), 9: ("video", {"codec": "avc"})}.get(kind)

    def frame(self, *_: Any) -> None:
        """Every text is decoded by itself."""

    def body(self, row: int) -> Body:
        return Body(bytes([2, 0, 7]) + b"connect" + b"\0" + bytes(8) + b"end", [])

    def missing(self, row: int) -> list[tuple[int, int]]:
        return []

    def header_bytes(self, row: int) -> bytes:
        return HEADER

    def chunk_spans(self, row: int) -> list[ChunkSpan]:
        start = int(self.messages.column("stream_offset")[row])
        return [ChunkSpan(start, 12, CHUNK), ChunkSpan(start + 12 + CHUNK, 1, 22 - CHUNK)]

    def stream(self, connection: int, direction: int, start: int, length: int) -> bytes:
        body = self.body(0).data
        wire = (HEADER + body[:CHUNK] + b"\xc3" + body[CHUNK:]).ljust(100, b"\0")
        skip = (start - 73) % 100
        return (wire * (length // 100 + 2))[skip : skip + length]

    def locate(self, row: int, space: str, start: int, length: int) -> list[FileSpan]:
        frame = int(self.messages.column("first_frame")[row])
        return [FileSpan(start, 20, start + 900, frame),
                FileSpan(start + 20, length - 20, start + 2000, frame + 1)]  # fmt: skip

    def dissect(self, row: int) -> Dissection:
        return Dissection(self.text, self.info(row), self.tree(row).children[1])

    def tree(self, row: int) -> Field:
        root = Field("message", f"Real Time Messaging Protocol ({self.text})")
        header = Field("header", "RTMP Header", None, 0, 12, space="header")
        header.add("fmt", "00.. .... = Format: 0", 0, 0, 1, mask=0xC0)
        csid = int(self.messages.column("csid")[row])
        header.add("csid", f"..00 0011 = Chunk Stream ID: {csid}", csid, 0, 1, mask=0x3F)
        header.add("timestamp", "Timestamp: 0", 0, 1, 3)
        body = Field("command", "RTMP Body", {"name": "connect"}, 0, 22)
        name = body.add("name", f"String '{self.text}'", self.text, 0, 10)
        name.add("marker", "AMF0 type: String (0x02)", 2, 0, 1, plumbing=True)
        name.add("length", "Length: 7", 7, 1, 2, plumbing=True)
        name.add("string", f"String: {self.text}", self.text, 3, 7, plumbing=True)
        number = body.add("transaction_id", "Number 0", 0, 10, 9)
        number.warn("odd", f"odd {self.text}")
        body.add("end", f"End {self.text}", self.text, 19, 3)
        root.children = [header, body]
        return root
