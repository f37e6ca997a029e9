"""Attacks by what messages hold: AMF, commands, configurations, aggregates."""

import struct
from collections.abc import Iterable

from tests.dissectors.bodies import NULL, num, obj, string
from tests.dissectors.chunk_builder import Message, build
from tests.hostile.frames import client_sends, header, set_chunk_size


def _messages(bodies: Iterable[bytes], type_id: int = 20) -> bytes:
    return client_sends(bytes(build([Message(3, type_id, 0, 0, body) for body in bodies]).data))


def amf_depth() -> bytes:
    """Objects 100,000 deep, and the same with arrays and AMF3."""
    call = string("x") + b"\0" * 9
    deep = call + b"\x03\0\x01a" * 100_000
    arrays = call + b"\x0a\0\0\0\1" * 100_000
    amf3 = call + b"\x11" + b"\x09\x03\x01" * 100_000
    return _messages([deep, arrays, amf3] * 3)


def amf_counts() -> bytes:
    """Arrays that announce 2^32 values, and ones that have 300,000."""
    call = string("x") + b"\0" * 9
    many = call + b"\x0a\xff\xff\xff\xff" + b"\x05" * 300_000
    ecma = call + b"\x08\xff\xff\xff\xff" + b"\0\0\x05" * 100_000
    amf3 = call + b"\x11\x09\xff\xff\xff\xff\x01" + b"\x04\x01" * 100_000
    return _messages([call + b"\x0a\xff\xff\xff\xff", many, ecma, amf3] * 2)


def amf_references() -> bytes:
    """Each array refers twice to the one before: 2^40 values when expanded."""
    body = string("x") + b"\0" * 9 + b"\x0a" + struct.pack(">I", 40)
    body += b"\x0a\0\0\0\1\x05"
    for number in range(1, 40):
        body += b"\x0a\0\0\0\2" + (b"\x07" + struct.pack(">H", number)) * 2
    return _messages([body] * 20)


def command_flood() -> bytes:
    """30,000 commands."""
    body = string("x") + b"\0" * 9 + b"\x05"
    return client_sends(bytes(build([Message(3, 20, 0, 0, body)] * 30_000).data))


def large_commands() -> bytes:
    """Commands of 64 kB, full of empty objects."""
    body = string("x") + b"\0" * 9 + b"\x0a" + struct.pack(">I", 16000) + b"\x03\0\0\x09" * 16000
    return _messages([body] * 60)


def malformed_commands() -> bytes:
    """15,000 commands that cannot be decoded."""
    return client_sends(bytes(build([Message(3, 20, 0, 0, b"\x02\xff\xff")] * 15_000).data))


def configuration_flood() -> bytes:
    """50,000 codec configurations, a frame behind each."""
    config = bytes.fromhex("17000000000142c01effe1001967")
    pair = [Message(6, 9, 1, 0, config), Message(6, 9, 1, 0, b"\x27\x01\0\0\0" + bytes(4))]
    return client_sends(bytes(build(pair * 50_000).data))


def _data(bodies: Iterable[bytes], type_id: int = 18) -> bytes:
    """One chunk each."""
    parts = (header(3, len(body), type_id) + body for body in bodies)
    return client_sends(set_chunk_size(0x7FFFFFFF) + b"".join(parts), 60000)


def deep_data() -> bytes:
    """500 data messages with arrays 2,000 deep."""
    return _data([string("d") + b"\x0a\0\0\0\1" * 2000] * 500)


def wide_data() -> bytes:
    """An array that announces 2^32 values and has 3,000,000."""
    return _data([string("d") + b"\x0a\xff\xff\xff\xff" + b"\5" * 3_000_000])


def data_references() -> bytes:
    """100,000 arrays that refer to those before them."""
    pair = b"\x0a\0\0\0\2\7\0\0\7\0\1"
    return _data([string("d") + b"\x0a\0\0\xff\xff" + pair * 100_000])


def aggregates() -> bytes:
    """An aggregate of 300,000 empty messages."""
    return _data([(b"\x09\0\0\0" + bytes(7) + b"\0\0\0\x0b") * 300_000], 22)


def wide_commands() -> bytes:
    """50 commands with an object of 20,000 properties."""
    names = b"".join(struct.pack(">HI", 4, n) + b"\x05" for n in range(20_000))
    return _data([string("connect") + num(1) + b"\x03" + names + b"\0\0\x09"] * 50, 20)


def amf3_references() -> bytes:
    """3,000 short commands whose arrays refer to those around them."""
    array = b"\x09\x05\x01\x04\x01\x04\x01"
    for depth in range(30):
        array = b"\x09\x15\x01" + array + b"\x09" + bytes(((30 - depth) << 1,))
    return _data([b"\0" + string("foo") + num(1) + b"\x11" + array] * 3_000, 17)


def wide_aggregates() -> bytes:
    """Aggregates of 60,000 frames of one byte."""
    return _data([b"\x09\0\0\1\0\0\0\0\0\0\0x\0\0\0\x0c" * 60_000] * 8, 22)


def shared_objects() -> bytes:
    """A shared object message of 600,000 events, and 20,000 of eight."""
    start = b"\0\4name" + struct.pack(">II", 1, 0) + bytes(4)
    event = b"\4\0\0\0\x09\0\1a\3\0\0\x09\0\0"
    few = [start + b"\1\0\0\0\0" * 8] * 20_000
    return _data([start + event * 600_000, *few], 19)


def multitracks() -> bytes:
    """Enhanced RTMP: frames of 5,000 tracks."""
    tracks = b"".join(bytes((n & 0xFF, 0, 0, 5, 0, 0, 0, 0)) + b"x" for n in range(5_000))
    return _data([b"\x96\x11avc1" + tracks] * 150, 9)


def track_numbers() -> bytes:
    """Enhanced RTMP: 150,000 frames of 256 tracks on 64 message streams."""
    bodies = (b"\x96\1avc1" + bytes((n & 0xFF,)) + bytes(8) for n in range(150_000))
    parts = (header(6, len(body), 9, n, n % 64 + 1) + body for n, body in enumerate(bodies))
    return client_sends(set_chunk_size(0x7FFFFFFF) + b"".join(parts), 16000)


def modifiers() -> bytes:
    """Enhanced RTMP: chains of 20,000 ModEx entries."""
    return _data([b"\x97" + b"\2\0\0\0\7" * 20_000] * 60, 9)


def parameter_sets() -> bytes:
    """3,000 AVC configurations with 31 SPS and 255 PPS."""
    sps = (b"\0\x20\x67\x64\0\x1f" + bytes(28)) * 31
    body = b"\x17\0\0\0\0\1\x64\0\x1f\xff\xff" + sps + b"\xff" + b"\0\4\x68\0\0\0" * 255
    return _data([body] * 3_000, 9)


def unanswered_calls() -> bytes:
    """100,000 calls without an answer, each of another name."""
    return _data((string(f"cmd{n}") + num(n) + NULL for n in range(100_000)), 20)


def failures() -> bytes:
    """50,000 onStatus that tell of errors nobody knows."""
    told = (obj(("level", string("error")), ("code", string(f"X.{n}"))) for n in range(50_000))
    return _data((string("onStatus") + num(0) + NULL + each for each in told), 20)


def metadata_flood() -> bytes:
    """50 times metadata of 10,000 entries."""
    entries = b"".join(struct.pack(">H", 6) + b"%06d" % n + num(n) for n in range(10_000))
    body = string("@setDataFrame") + string("onMetaData") + b"\x08\0\0\x27\x10" + entries
    return _data([body + b"\0\0\x09"] * 50)
