"""Evidence in bits: RTMP 1.0 §5.3.1, §5.4, FLV 10.1 §E.4, E-RTMP v2."""

import random
import struct

import pytest

from dissectors.resync.evidence import IMPOSSIBLE, Noise, header_bits, same_stream_bits
from dissectors.resync.header import Header, continuation_header, read_header
from dissectors.resync.payload import payload_bits


def head(text: str) -> Header:
    header = read_header(bytes.fromhex(text), 0)
    assert header is not None
    return header


def body(type_: int, data: bytes, length: int | None = None) -> float:
    return payload_bits(type_, data, 0, len(data), length or len(data), 8.0)


def test_header_forms() -> None:
    """§5.3.1.1: ids from 64 on take two or three bytes, the pair little-endian."""
    full = head("04 000010 000020 09 01000000")
    assert full == Header(0, 4, 1, 16, 32, 9, 1, b"", 12)
    assert head("01 2d01 000010 000020 08 05000000").csid == 365
    assert head("40 05 000010 000020 08")[:3] == (1, 69, 2)
    assert head("c4") == Header(3, 4, 1, 0, -1, -1, -1, b"", 1)
    extended = head("44 ffffff 000020 09 01312ce9")
    assert (extended.extended, extended.end) == (bytes.fromhex("01312ce9"), 12)


@pytest.mark.parametrize(
    "text", ["", "01 2d", "04 000010 000020 09 0100", "44 ffffff 000020 09 01"]
)
def test_cut_header(text: str) -> None:
    assert read_header(bytes.fromhex(text), 0) is None


@pytest.mark.parametrize(
    ("csid", "mark"), [(4, "c4"), (64, "c000"), (319, "c0ff"), (365, "c12d01")]
)
def test_continuation_header(csid: int, mark: str) -> None:
    assert continuation_header(csid).hex() == mark


def test_usual_headers_weigh_more() -> None:
    usual = header_bits(head("04 000010 000020 09 01000000"), 8.0)
    assert usual > 40
    assert header_bits(head("3f 000010 000020 09 01000000"), 8.0) < usual
    assert header_bits(head("04 000010 900020 09 01000000"), 8.0) < usual
    assert header_bits(head("04 000010 000020 09 01020304"), 8.0) < usual - 20
    assert header_bits(head("44 000014 000020 08"), 8.0) > 25
    assert header_bits(head("44 7f0014 000020 08"), 8.0) < 10


@pytest.mark.parametrize(
    "text",
    [
        "02 000000 000005 01 00000000",  # Set Chunk Size is 4 bytes
        "02 000000 000004 06 00000000",  # Set Peer Bandwidth is 5
        "02 000000 000200 04 00000000",  # no such event
        "04 000000 000020 07 01000000",  # no such type
        "04 000000 000000 14 01000000",  # a command without a name
    ],
)
def test_impossible_headers(text: str) -> None:
    assert header_bits(head(text), 8.0) == IMPOSSIBLE


def test_zeros_prove_nothing_among_zeros() -> None:
    rng = random.Random(1)
    assert Noise(rng.randbytes(4096)).bits(0, 2048) > 7
    assert Noise(bytes(4096)).bits(0, 2048) < 0.1
    assert header_bits(head("04 000000 000000 08 00000000"), 0.0) < 15


def test_same_stream() -> None:
    full = head("04 000010 000020 09 01000000")
    assert same_stream_bits(full, 9, 1) > same_stream_bits(full, 9, 2) > 0
    assert same_stream_bits(full, 8, 1) == 0


@pytest.mark.parametrize(
    ("type_", "data", "least"),
    [
        (9, b"\x27\x01\0\0\x28" + struct.pack(">I", 20) + b"\x41" + bytes(19), 40),
        (9, bytes.fromhex("1700000000 0164001fffe1001967"), 30),
        (9, b"\x91hvc1\0\0\0", 30),
        (8, b"\xaf\x01\x21", 18),
        (8, b"\x91Opus\x01", 30),
        (20, b"\x02\0\x07connect\0", 25),
        (17, b"\x00\x02\0\x07connect\0", 25),
        (17, b"\x02\0\x07connect\0", 25),  # selector left out
        (18, b"\x02\0\x0d@setDataFrame\x02", 30),
        (19, b"\0\x04list" + bytes(8), 5),
        (22, b"\x08" + b"\0\0\x02" + bytes(7) + b"\xaf\x01" + b"\0\0\0\x0d", 50),
        (4, b"\0\x06\0\0\0\x01", 10),
        (6, b"\0\x4c\x4b\x40\x02", 5),
    ],
)
def test_bodies_that_prove(type_: int, data: bytes, least: float) -> None:
    assert body(type_, data) >= least


@pytest.mark.parametrize(
    ("type_", "data"),
    [
        (9, b"\x77\x01\0\0\0\0\0\0\1"),  # frame type 7
        (9, b"\x17\x05\0\0\0\0\0\0\1"),  # AVCPacketType 5
        (9, b"\x27\x01\0\0\0" + struct.pack(">I", 5000) + b"\x41"),  # unit longer than the body
        (9, b"\x91abcd\0\0\0"),
        (8, b"\xaf\x07"),
        (8, b"\x91abcd"),
        (20, b"\x03\0\0\x09"),
        (20, b"\x02\0\x07\xff\xfe\x01\x02\x03\x04\x05"),
        (22, b"\x08" + b"\xff\xff\xff" + bytes(7)),
        (1, b"\0\0\0\0"),
    ],
)
def test_bodies_that_contradict(type_: int, data: bytes) -> None:
    assert body(type_, data, max(len(data), 20)) < 0
