"""Attacks by what messages hold: AMF, commands, configurations, aggregates."""

import struct
from collections.abc import Iterable

from tests.dissectors.bodies import string
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
