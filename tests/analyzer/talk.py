"""A small RTMP conversation as a capture file, and the session that read it."""

import io
import random
import struct
from pathlib import Path

from analyzer.options import Options
from analyzer.session import Session
from tests.analyzer import wire
from tests.dissectors.bodies import NULL, num, obj, string
from tests.dissectors.chunk_builder import Message, build

CAPTURES = Path(__file__).parents[2] / "captures"
NAME = "cam7?token=s3cr3t"
CONFIG = bytes.fromhex("17000000000142c01effe1001967")
CLIENT, SERVER = (wire.A4, 50000), (wire.B4, 1935)


def command(name: str, transaction: float, *values: bytes, msid: int = 0) -> Message:
    return Message(3, 20, msid, 0, string(name) + num(transaction) + b"".join(values))


def publish(name: str = NAME, app: str = "live", url: str = "rtmp://h/live") -> list[Message]:
    """What a client sends: connect, releaseStream, publish, metadata, some media."""
    connect = obj(("app", string(app)), ("tcUrl", string(url)))
    body = string("@setDataFrame") + string("onMetaData") + obj(("width", num(320)))
    return [
        command("connect", 1, connect),
        command("releaseStream", 2, NULL, string(name)),
        command("createStream", 3, NULL),
        command("publish", 4, NULL, string(name), string("live"), msid=1),
        Message(4, 18, 1, 0, body),
        Message(6, 9, 1, 0, CONFIG),
        Message(4, 8, 1, 0, bytes.fromhex("af001208")),
        *(Message(6, 9, 1, 40 * n, b"\x27\x01\0\0\x50" + bytes(200)) for n in range(1, 6)),
        *(Message(4, 8, 1, 23 * n, b"\xaf\x01" + bytes(90)) for n in range(1, 6)),
    ]


def answer(description: str = "Start publishing") -> list[Message]:
    """What the server sends."""
    status = obj(
        ("level", string("status")),
        ("code", string("NetStream.Publish.Start")),
        ("description", string(description)),
    )
    return [
        Message(2, 5, 0, 0, struct.pack(">I", 2_500_000)),
        command("_result", 1, NULL, obj(("code", string("NetConnection.Connect.Success")))),
        command("_result", 3, NULL, num(1)),
        command("onStatus", 0, NULL, status, msid=1),
    ]


def refusal(description: str, code: str = "NetConnection.Connect.Rejected") -> Message:
    """The server refuses connect."""
    status = obj(
        ("level", string("error")), ("code", string(code)), ("description", string(description))
    )
    return command("_error", 1, NULL, status)


def pcap(client: list[Message], server: list[Message], segment: int = 500) -> bytes:
    """Handshake and both directions, one millisecond between frames."""
    greeting = b"\x03" + random.Random(5).randbytes(1536) * 2
    first, second = (greeting + bytes(build(messages).data) for messages in (client, server))
    return streams(first, second, segment)


def streams(client: bytes, server: bytes, segment: int = 500) -> bytes:
    """A capture of two byte streams in segments, the sides in turns."""
    streams = {True: client, False: server}
    frames: list[wire.Frame] = []
    sent = {True: 0, False: 0}

    def add(from_client: bool, payload: bytes, flags: int = 0x18) -> None:
        first, second = (CLIENT, SERVER) if from_client else (SERVER, CLIENT)
        seq = 1000 + sent[from_client] + (0 if flags & 2 else 1)
        ports = struct.pack(">HH", first[1], second[1])
        head = struct.pack(">IIBBHHH", seq, 0, 5 << 4, flags, 512, 0, 0)
        body = wire.ip4(ports + head + payload, source=first[0], target=second[0])
        frames.append((1_000_000_000 + 1_000_000 * len(frames), wire.ethernet(body)))
        sent[from_client] += len(payload)

    add(True, b"", 2)
    add(False, b"", 0x12)
    while any(sent[side] < len(stream) for side, stream in streams.items()):
        for side, stream in streams.items():
            if sent[side] < len(stream):
                add(side, stream[sent[side] : sent[side] + segment])
    return wire.pcap(frames)


def opened(capture: Path | str, options: Options | None = None) -> Session:
    """Return a session that has read a capture; a name is that of one in `captures/`."""
    found = Session([str(CAPTURES / capture)], options)
    found.run()
    return found


def session(client: list[Message] | None = None, server: list[Message] | None = None) -> Session:
    """Return a session that has read the conversation."""
    data = pcap(publish() if client is None else client, answer() if server is None else server)
    found = Session([io.BytesIO(data)])
    found.run()
    return found
