"""RTMP 1.0 §5.4: protocol control messages."""

import pytest

from tests.dissectors.bodies import codes, dissect, lines


@pytest.mark.parametrize(
    ("type_id", "body", "title", "summary"),
    [
        (1, "00001000", "Set Chunk Size 4096", {"chunk_size": 4096}),
        (2, "00000006", "Abort Message 6", {"csid": 6}),
        (3, "0000007b", "Acknowledgement 123", {"sequence_number": 123}),
        (3, "fffffff0", "Acknowledgement 4294967280", {"sequence_number": 0xFFFFFFF0}),
        (5, "002625a0", "Window Acknowledgement Size 2500000", {"window_size": 2500000}),
        (
            6,
            "002625a002",
            "Set Peer Bandwidth 2500000,Dynamic",
            {"window_size": 2500000, "limit_type": "dynamic"},
        ),
    ],
)
def test_titles_and_summaries(type_id, body, title, summary):
    found = dissect(type_id, bytes.fromhex(body))
    assert (found.title, found.info) == (title, title)
    assert (found.body.name, found.body.value) == ("control", summary)
    assert codes(found.body) == []


def test_chunk_size_is_a_field():
    assert lines(dissect(1, bytes.fromhex("00001000")).body) == [
        "RTMP Body",
        "    Chunk size: 4096",
    ]


def test_reserved_bit_is_not_part_of_the_size():
    found = dissect(1, bytes.fromhex("80001000"))
    assert found.body.value == {"chunk_size": 4096}
    assert codes(found.body) == ["reserved_bit"]


def test_chunk_size_zero_is_an_error():
    assert codes(dissect(1, bytes(4)).body) == ["chunk_size_zero"]


def test_peer_bandwidth_without_limit_type():
    found = dissect(6, bytes.fromhex("002625a0"))
    assert found.title == "Set Peer Bandwidth 2500000"
    assert found.body.value == {"window_size": 2500000, "limit_type": None}
    assert codes(found.body) == ["limit_type_missing"]


def test_unknown_limit_type():
    found = dissect(6, bytes.fromhex("002625a007"))
    assert found.title == "Set Peer Bandwidth 2500000,7"
    assert codes(found.body) == ["limit_type_unknown"]


@pytest.mark.parametrize("type_id", [1, 2, 3, 5, 6])
def test_short_and_long_bodies(type_id):
    short = dissect(type_id, b"\0\0")
    assert codes(short.body) == ["malformed"]
    assert short.title in {
        *("Set Chunk Size", "Abort Message", "Acknowledgement"),
        *("Window Acknowledgement Size", "Set Peer Bandwidth"),
    }
    long = dissect(type_id, b"\0\0\1\0\2\xaa\xbb")
    assert long.body.children[-1].name == "undecoded"
