"""Messages in, chunk stream out (RTMP 1.0 §5.3): test streams whose truth is known."""

import random
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple


class Message(NamedTuple):
    """One message as its sender sees it."""

    csid: int
    type: int
    msid: int
    time: int
    body: bytes


class Row(NamedTuple):
    """Where a built message stands in the stream; `end` is one past its last payload byte."""

    offset: int
    csid: int
    type: int
    length: int
    msid: int
    end: int


@dataclass
class Style:
    """How a sender writes chunks."""

    chunk_size: int = 128
    compress: int = 3
    """Highest fmt used for a header that opens a message; 0: every header in full (SRS)."""
    repeat_extended: bool = True
    """The extended timestamp on fmt 3 chunks; False: old librtmp, OBS before 2024."""
    csid_bytes: int = 1
    """Shortest basic header used; 2 and 3 are legal for ids from 64 on."""
    interleave: bool = False
    """Alternate chunks of neighbouring messages on different chunk streams (FMS)."""


@dataclass
class _Sent:
    time: int
    delta: int
    length: int
    type: int
    msid: int
    extended: bytes = b""


@dataclass
class Builder:
    """Appends chunks to `data` and notes every message in `rows`."""

    style: Style = field(default_factory=Style)
    data: bytearray = field(default_factory=bytearray)
    rows: list[Row] = field(default_factory=list)
    _sent: dict[int, _Sent] = field(default_factory=dict)

    def add(self, messages: Iterable[Message]) -> "Builder":
        """Write the messages in order; pairs on different csids interleave when asked to."""
        pending = list(messages)
        while pending:
            first = pending.pop(0)
            if self.style.interleave and pending and pending[0].csid != first.csid:
                self._pair(first, pending.pop(0))
            else:
                self._pair(first, None)
        return self

    def set_chunk_size(self, size: int) -> None:
        """RTMP 1.0 §5.4.1."""
        self.add([Message(2, 1, 0, 0, struct.pack(">I", size))])
        self.style.chunk_size = size

    def _pair(self, first: Message, second: Message | None) -> None:
        queue = [(message, 0, 0) for message in (first, second) if message is not None]
        while queue:
            message, done, offset = queue.pop(0)
            if done == 0:
                offset = len(self.data)
                self.data += self._open(message)
            else:
                self.data += basic_header(3, message.csid, self.style.csid_bytes)
                if self.style.repeat_extended:
                    self.data += self._sent[message.csid].extended
            part = message.body[done : done + self.style.chunk_size]
            self.data += part
            done += len(part)
            if done < len(message.body):
                queue.append((message, done, offset))
                continue
            length = len(message.body)
            self.rows.append(
                Row(offset, message.csid, message.type, length, message.msid, len(self.data))
            )

    def _open(self, message: Message) -> bytes:
        before = self._sent.get(message.csid)
        length = len(message.body)
        delta = message.time - before.time if before else 0
        fmt = 0
        if before and before.msid == message.msid and delta >= 0:
            fmt = 1
            if (before.length, before.type) == (length, message.type):
                fmt = 3 if before.delta == delta else 2
        fmt = min(fmt, self.style.compress)
        value = message.time if fmt == 0 else delta
        extended = struct.pack(">I", value) if value >= 0xFFFFFF else b""
        field_ = b"\xff\xff\xff" if extended else value.to_bytes(3, "big")
        head = basic_header(fmt, message.csid, self.style.csid_bytes)
        if fmt < 3:
            head += field_
        if fmt < 2:
            head += length.to_bytes(3, "big") + bytes((message.type,))
        if fmt == 0:
            head += struct.pack("<I", message.msid)
        sent_delta = message.time if fmt == 0 else delta
        self._sent[message.csid] = _Sent(
            message.time, sent_delta, length, message.type, message.msid, extended
        )
        return head + extended


def basic_header(fmt: int, csid: int, shortest: int = 1) -> bytes:
    """RTMP 1.0 §5.3.1.1; the three-byte form is little-endian."""
    if csid < 64:
        return bytes((fmt << 6 | csid,))
    if csid < 320 and shortest < 3:
        return bytes((fmt << 6, csid - 64))
    return bytes((fmt << 6 | 1,)) + struct.pack("<H", csid - 64)


def build(messages: Sequence[Message], style: Style | None = None) -> Builder:
    """Return the stream of `messages`."""
    return Builder(style or Style()).add(messages)


@dataclass
class Media:
    """What a generated talk consists of."""

    video: str = "avc"
    """avc, hevc (Enhanced RTMP) or none."""
    audio: str = "aac"
    """aac, opus (Enhanced RTMP), g711 (always 320 bytes) or none."""
    video_csid: int = 6
    audio_csid: int = 4
    msid: int = 1
    start: int = 0
    key_size: int = 9000
    frame_size: int = 1500


def media(rng: random.Random, seconds: float, what: Media) -> list[Message]:
    """Return audio and video messages of `seconds`, 25 pictures and 43 audio frames each."""
    messages: list[Message] = []
    for number in range(int(seconds * 25)):
        if what.video != "none":
            messages.append(_picture(rng, number, what))
    step = 20.0 if what.audio == "g711" else 1024 / 44.1
    for number in range(int(seconds * 1000 / step)):
        if what.audio != "none":
            body = _sound(rng, what)
            time = what.start + int(number * step)
            messages.append(Message(what.audio_csid, 8, what.msid, time, body))
    return sorted(messages, key=lambda message: message.time)


def _picture(rng: random.Random, number: int, what: Media) -> Message:
    key = number % 50 == 0
    size = what.key_size if key else what.frame_size
    size = rng.randint(size // 4, size * 2)
    units = b""
    if key:
        units += struct.pack(">I", 700) + b"\x06" + rng.randbytes(699)
    units += struct.pack(">I", size) + (b"\x65" if key else b"\x41") + rng.randbytes(size - 1)
    shift = rng.choice((0, 40, 80)).to_bytes(3, "big")
    if what.video == "hevc":
        head = (b"\x91" if key else b"\xa1") + b"hvc1" + shift
    else:
        head = (b"\x17" if key else b"\x27") + b"\x01" + shift
    return Message(what.video_csid, 9, what.msid, what.start + number * 40, head + units)


def _sound(rng: random.Random, what: Media) -> bytes:
    if what.audio == "g711":
        return b"\x72" + rng.randbytes(320)
    head = b"\xaf\x01" if what.audio == "aac" else b"\x91Opus"
    return head + rng.randbytes(rng.randint(60, 400))
