"""Small conversations whose every byte, time and acknowledgement the test decides.

    talk = Talk().publishing()               # SYN … handshake … connect … NetStream.Publish.Start
    talk.send(C, metadata(), avc_config(), aac_config())
    talk.media(seconds=2)                    # one picture every 40 ms, one AAC frame every 23 ms
    talk.ending()
    assert found(talk, "TS-01") is None

`C` and `S` are the sides. Times are milliseconds: `talk.wait(500)`. Every payload segment is
acknowledged by the other side at once, so that nothing is lost unless the test says so.
"""

from __future__ import annotations

import io
import random
import struct
from collections.abc import Iterable

from analyzer.model import Diagnostic
from analyzer.options import Options, Policy
from analyzer.session import Session
from tests.analyzer import wire
from tests.dissectors.bodies import NULL, ecma, num, obj, string
from tests.dissectors.chunk_builder import Builder, Message, Style
from tests.dissectors.media_bodies import AVCC

C, S = 0, 1
FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10
SEGMENT = 1400
GREETING = b"\x03" + bytes(8) + random.Random(5).randbytes(1528)
"""C0 and C1 of the simple handshake."""


# -- messages ---------------------------------------------------------------------------------


def command(name: str, transaction: float, *values: bytes, msid: int = 0) -> Message:
    """A command message on chunk stream 3."""
    return Message(3, 20, msid, 0, string(name) + num(transaction) + b"".join(values))


def connect(app: str = "live", url: str = "rtmp://10.0.0.2/live", **more: bytes) -> Message:
    items = (("app", string(app)), ("tcUrl", string(url)), *more.items())
    return command("connect", 1, obj(*items))


def status(code: str, level: str = "status", msid: int = 1, description: str = "") -> Message:
    items = [("level", string(level)), ("code", string(code))]
    if description:
        items.append(("description", string(description)))
    return command("onStatus", 0, NULL, obj(*items), msid=msid)


def result(transaction: float, *values: bytes, name: str = "_result") -> Message:
    return command(name, transaction, *(values or (NULL, num(1))))


CONNECTED = result(1, NULL, obj(("code", string("NetConnection.Connect.Success"))))


def control(type_id: int, *values: int, csid: int = 2, msid: int = 0) -> Message:
    """Types 1 to 3 and 5: one 32-bit number; 6: one more byte."""
    body = struct.pack(">I", values[0]) + bytes(values[1:])
    return Message(csid, type_id, msid, 0, body)


def user_control(event: int, value: int = 0) -> Message:
    return Message(2, 4, 0, 0, struct.pack(">HI", event, value))


def metadata(msid: int = 1, **values: float) -> Message:
    """@setDataFrame onMetaData; what is given replaces the defaults."""
    known = {"width": 320.0, "height": 240.0, "framerate": 25.0, "videocodecid": 7.0}
    known |= {"audiocodecid": 10.0, "audiosamplerate": 44100.0} | values
    items = [(name, num(value)) for name, value in known.items()]
    body = string("@setDataFrame") + string("onMetaData") + ecma(*items)
    return Message(4, 18, msid, 0, body)


def avc_config(time: int = 0, record: str = AVCC["baseline"], msid: int = 1) -> Message:
    return Message(6, 9, msid, time, b"\x17\0\0\0\0" + bytes.fromhex(record))


def aac_config(time: int = 0, config: bytes = b"\x12\x10", msid: int = 1) -> Message:
    """AAC LC, 44100 Hz, stereo by default."""
    return Message(4, 8, msid, time, b"\xaf\0" + config)


def picture(time: int, key: bool = False, cts: int = 0, size: int = 300, msid: int = 1) -> Message:
    """An H.264 access unit of one slice."""
    unit = (b"\x65\x88" if key else b"\x41\x9a") + bytes([time & 0x7F | 1]) * (size - 2)
    head = (b"\x17" if key else b"\x27") + b"\x01" + (cts & 0xFFFFFF).to_bytes(3, "big")
    return Message(6, 9, msid, time, head + len(unit).to_bytes(4, "big") + unit)


def sound(time: int, size: int = 90, msid: int = 1) -> Message:
    """A raw AAC frame."""
    return Message(4, 8, msid, time, b"\xaf\x01\x21" + bytes(size))


def frames(seconds: float, start: int = 0, gop: int = 50) -> list[Message]:
    """25 pictures and 43 AAC frames a second, keyframes every `gop` pictures, in order of time."""
    pictures = [picture(start + 40 * n, n % gop == 0) for n in range(int(seconds * 25))]
    sounds = [sound(start + n * 10240 // 441) for n in range(int(seconds * 44100 / 1024))]
    return sorted([*pictures, *sounds], key=lambda message: message.time)


# -- the wire ---------------------------------------------------------------------------------


class Talk:
    """One TCP connection, packet by packet."""

    def __init__(
        self, start_ms: float = 0, client: str = wire.A4, port: int = 50000, server_port: int = 1935
    ) -> None:
        self.ends = ((client, port), (wire.B4, server_port))
        self.now = start_ms
        self.packets: list[tuple[float, bytes, int]] = []
        """(ms, frame, bytes on the wire)"""
        self.sent = [0, 0]
        """Stream bytes of each side."""
        self.chunks = (Builder(), Builder())
        self.window = [65000, 65000]
        self.acking = True

    def wait(self, ms: float) -> Talk:
        self.now += ms
        return self

    # -- packets

    def packet(
        self, side: int, payload: bytes = b"", flags: int = ACK, *, seq: int | None = None,
        ack: int | None = None, kept: int | None = None,
    ) -> None:  # fmt: skip
        """Write one packet; `seq` and `ack` are stream offsets, `kept` cuts its payload."""
        first, second = self.ends[side], self.ends[1 - side]
        number = 1000 * (side + 5) + (self.sent[side] if seq is None else seq)
        number += not flags & SYN
        other = 1000 * (6 - side) + 1 + (self.sent[1 - side] if ack is None else ack)
        ports = struct.pack(">HH", first[1], second[1])
        window = self.window[side]
        head = struct.pack(">IIBBHHH", number, other, 5 << 4, flags, window, 0, 0)
        data = wire.ip4(ports + head + payload, source=first[0], target=second[0])
        whole = wire.ethernet(data)
        size = len(whole)
        if kept is not None:
            whole = whole[: size - len(payload) + kept]
        self.packets.append((self.now, whole, size))

    def raw(self, side: int, data: bytes, *, lost: bool = False, kept: int | None = None) -> Talk:
        """Send stream bytes; `lost`: the capture misses the packets, not the receiver."""
        for at in range(0, len(data), SEGMENT):
            part = data[at : at + SEGMENT]
            self.now += 0.2
            if not lost:
                self.packet(side, part, ACK | PSH, kept=kept)
            self.sent[side] += len(part)
            if self.acking:
                self.now += 0.1
                self.packet(1 - side)
        return self

    def syn(self) -> Talk:
        self.packet(C, flags=SYN)
        self.now += 1
        self.packet(S, flags=SYN | ACK)
        self.now += 1
        self.packet(C)
        return self

    def fin(self, side: int) -> Talk:
        self.now += 1
        self.packet(side, flags=FIN | ACK)
        self.now += 1
        self.packet(1 - side, flags=FIN | ACK, ack=self.sent[side] + 1)
        return self

    def rst(self, side: int) -> Talk:
        self.now += 1
        self.packet(side, flags=RST | ACK)
        return self

    # -- messages

    def send(self, side: int, *messages: Message, lost: bool = False) -> Talk:
        """Send messages, a TCP segment (or more) each."""
        for message in messages:
            self.raw(side, self.encoded(side, message), lost=lost)
        return self

    def encoded(self, side: int, *messages: Message) -> bytes:
        """Return the chunks of messages as `side` sends them next."""
        builder = self.chunks[side]
        before = len(builder.data)
        builder.add(messages)
        return bytes(builder.data[before:])

    def chunk_size(self, side: int, size: int) -> Talk:
        """Set Chunk Size, and keep to it."""
        self.send(side, control(1, size))
        self.chunks[side].style.chunk_size = size
        return self

    def style(self, side: int, style: Style) -> Talk:
        self.chunks[side].style = style
        return self

    def media(self, seconds: float, start: int = 0, side: int = C, gop: int = 50) -> Talk:
        """Send audio and video in real time."""
        origin = self.now
        for message in frames(seconds, start, gop):
            self.now = max(self.now, origin + message.time - start)
            self.send(side, message)
        self.now = max(self.now, origin + 1000 * seconds)
        return self

    # -- stages

    def greeting(self, c1: bytes = GREETING, s1: bytes | None = None) -> Talk:
        """The simple handshake, each side echoing the other's packet."""
        first = c1[1:]
        second = first[::-1] if s1 is None else s1
        return self.raw(C, c1).raw(S, b"\x03" + second + first).raw(C, second)

    def opened(self) -> Talk:
        return self.syn().greeting()

    def connected(self, app: str = "live", url: str = "rtmp://10.0.0.2/live") -> Talk:
        self.opened().send(C, connect(app, url))
        return self.send(S, control(5, 2_500_000), CONNECTED)

    def publishing(self, name: str = "cam7") -> Talk:
        """Up to NetStream.Publish.Start on message stream 1; Set Chunk Size 4096 before."""
        self.connected().chunk_size(C, 4096).send(C, command("createStream", 2, NULL))
        self.send(S, result(2))
        self.send(C, command("publish", 3, NULL, string(name), string("live"), msid=1))
        return self.send(S, status("NetStream.Publish.Start"))

    def playing(self, name: str = "cam7") -> Talk:
        """Up to NetStream.Play.Start on message stream 1."""
        self.connected().send(C, command("createStream", 2, NULL)).send(S, result(2))
        self.send(C, command("play", 3, NULL, string(name), msid=1))
        return self.send(S, user_control(0, 1), status("NetStream.Play.Start"))

    def ending(self) -> Talk:
        """A publisher's proper end."""
        self.send(C, command("FCUnpublish", 5, NULL, string("cam7")))
        self.send(C, command("deleteStream", 6, NULL, num(1)))
        return self.wait(5).fin(C)


def good(seconds: float = 2) -> Talk:
    """A publisher that does everything right."""
    talk = Talk().publishing().send(C, metadata(), avc_config(), aac_config())
    return talk.media(seconds).ending()


# -- what was found ---------------------------------------------------------------------------


def capture(*talks: Talk, until_ms: float | None = None) -> bytes:
    """Return a capture file of conversations; `until_ms` adds a foreign packet at that time."""
    packets = [packet for talk in talks for packet in talk.packets]
    if until_ms is not None:
        foreign = wire.ethernet(wire.ip4(wire.udp(b"x", 9), protocol=17))
        packets.append((until_ms, foreign, len(foreign)))
    packets.sort(key=lambda packet: packet[0])
    out = [struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 1)]
    for time, data, size in packets:
        seconds, rest = divmod(1_000_000_000 + round(time * 1e6), 10**9)
        out.append(struct.pack("<IIII", seconds, rest, len(data), size) + data)
    return b"".join(out)


def session(*talks: Talk, until_ms: float | None = None, policy: Policy | None = None) -> Session:
    """Return the session that read the conversations."""
    options = Options(policy=policy or Policy())
    read = Session([io.BytesIO(capture(*talks, until_ms=until_ms))], options)
    read.run()
    return read


def findings(*talks: Talk, until_ms: float | None = None) -> list[Diagnostic]:
    return session(*talks, until_ms=until_ms).diagnostics


def found(talk: Talk | Iterable[Talk], rule: str, **options: float | None) -> Diagnostic | None:
    """Return the finding of one rule (the worst, of several tracks), None where there is none."""
    talks = [talk] if isinstance(talk, Talk) else list(talk)
    own = [item for item in findings(*talks, **options) if item.rule == rule]
    ranks = ("note", "warning", "error")
    return max(own, key=lambda item: ranks.index(item.severity), default=None)


def rules(*talks: Talk, until_ms: float | None = None) -> set[str]:
    """Return the ids of the rules with findings."""
    return {item.rule for item in findings(*talks, until_ms=until_ms)}
