"""Every truncation and every one-byte corruption of golden bodies: no exception, full cover."""

import json
import time
from pathlib import Path

import pytest

from dissectors.context import Context
from dissectors.cursor import Cursor, Malformed
from dissectors.dissect import MESSAGE_TYPES
from dissectors.fields import Field
from tests.dissectors.bodies import NULL, dissect, ecma, num, obj, string, utf8

AMF3 = (
    b"\x11"
    + bytes.fromhex("0a1307466f6f0361")
    + bytes.fromhex("0905036b0401010a01060042766f9a12c0000c07010203")
)
EVERY_AMF0 = (
    obj(("a", num(1)), ("list", b"\x0a\0\0\0\2" + NULL + string("x")))
    + ecma(("date", b"\x0b" + num(1700000000000)[1:] + b"\0\0"), ("", b"\x06"))
    + (b"\x10" + utf8("Foo") + obj(("a", b"\x01\x01"))[1:])
    + b"\x0c\0\0\0\3abc\x0f\0\0\0\4<a/>\x0d\x07\0\0\x07\0\1"
)


def vector_bodies():
    vectors = json.loads((Path(__file__).parents[1] / "vectors.json").read_text())["vectors"]
    for vector in vectors:
        raw = bytes.fromhex(vector["hex"])
        if vector["layer"] == "message":
            yield vector["name"], raw[7], raw[12 if raw[0] < 64 else 8 :]
        elif vector["layer"] == "amf3":
            yield vector["name"], 17, b"\0" + string("call") + num(1) + NULL + b"\x11" + raw


BODIES = [
    *vector_bodies(),
    ("every_amf0", 20, string("call") + num(1) + EVERY_AMF0),
    ("amf3_in_data", 15, b"\0" + string("f") + AMF3 + b"\x11\x0a\x02"),
]


@pytest.mark.parametrize(("type_id", "body"), [pytest.param(*b[1:], id=b[0]) for b in BODIES])
def test_truncations(type_id, body):
    for size in range(len(body)):
        dissect(type_id, body[:size], truncated=bool(size % 2))


@pytest.mark.parametrize(("type_id", "body"), [pytest.param(*b[1:], id=b[0]) for b in BODIES])
def test_corruptions(type_id, body):
    for place in range(len(body)):
        for value in {0, 0xFF, body[place] ^ 1, body[place] ^ 0x80}:
            dissect(type_id, body[:place] + bytes([value]) + body[place + 1 :])


@pytest.mark.parametrize("type_id", [1, 2, 3, 4, 5, 6, 15, 16, 17, 18, 19, 20, 22])
def test_every_first_bytes(type_id):
    for first in range(256):
        dissect(type_id, bytes([first, 2, 0, 1]) * 8)


@pytest.mark.parametrize(("type_id", "body"), [pytest.param(*b[1:], id=b[0]) for b in BODIES])
def test_read_raises_malformed_only_and_describe_takes_any_tree(type_id, body):
    entry = MESSAGE_TYPES[type_id]
    ctx = Context(type_id=type_id)
    for size in range(len(body) + 1):
        root = Field(entry.key, "RTMP Body", None, 0, size)
        try:
            entry.read(Cursor(body[:size]), root, ctx)
        except Malformed as fault:
            assert 0 <= fault.start <= size
        entry.describe(root, ctx)
        root.children = root.children[1:]
        entry.describe(root, ctx)


HOSTILE = {
    "amf0 deep": (20, b"\x03\0\1a" * 100_000),
    "amf0 arrays": (20, b"\x0a\xff\xff\xff\xff" * 100_000),
    "amf0 nulls": (18, string("x") + NULL * 200_000),
    "amf3 deep": (17, b"\0" + string("x") + b"\x11" + b"\x09\x03\x01" * 100_000),
    "amf3 names": (17, b"\0" + string("x") + b"\x11\x0a\xff\xff\xff\x7f\x01" + b"\x03a" * 300_000),
    "amf3 retries": (18, string("x") + b"\x11\x0a\x0b\x01" + b"\x11\x09\x03\x01\x0a\x40" * 50_000),
    "amf3 long string again and again": (
        18,
        string("x") + b"\x11\x06\x86\x8d\x21" + b"a" * 100_000 + b"\x11\x06\x00" * 100_000,
    ),
    "selector flags": (17, b"\0" + string("x") + b"\x11\x0a\x07\x07DSK" + b"\xff" * 150_000),
    "aggregates": (22, (b"\x12\0\x0f\xff" + bytes(7) + string("x") + NULL * 4091) * 300),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_bodies_are_bounded(name):
    start = time.perf_counter()
    dissect(*HOSTILE[name])
    assert time.perf_counter() - start < 10
