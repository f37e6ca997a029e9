"""AV1: av1C, sequence header, OBUs (AV1 §5, AV1-ISOBMFF §2.3)."""

import pytest

from dissectors.codecs.av1 import MAX_OBUS
from tests.dissectors.bodies import codes, lines
from tests.dissectors.media_bodies import video


@pytest.mark.parametrize(
    ("record", "profile", "chroma", "depth"),
    [
        ("81000c000a0b000000043d06d4daf90040", "Main", "4:2:0", 8),  # libaom
        ("812040000a0d200000043d06d4daf960404022", "High", "4:4:4", 10),
        ("81004c000a0b0200000521e836a017c202", "Main", "4:2:0", 10),  # SVT-AV1
    ],
)
def test_configuration(record, profile, chroma, depth):
    found = video(b"\x90av01" + bytes.fromhex(record)).body.value["config"]
    assert (found["width"], found["height"]) == (322, 182)
    assert (found["profile"], found["level"], found["tier"]) == (profile, "2.0", "Main")
    assert (found["chroma_format"], found["bit_depth_luma"]) == (chroma, depth)


def test_record_without_obus():
    found = video(b"\x90av01" + bytes.fromhex("811f0c00"))  # rav1e
    assert found.info == "AV1 keyframe SequenceStart Main Lmax"


def test_descriptor():
    found = video(b"\x95av01" + bytes.fromhex("800481084c00"))
    assert found.body.value["packet_type"] == "mpeg2ts_sequence_start"
    assert found.body.value["config"]["level"] == "4.0"
    assert "    AV1 video descriptor: Main L4.0" in lines(found.body)


def test_obus():
    found = video(b"\xa1av01" + bytes.fromhex("12001a01b8"), timestamp=7)
    assert found.body.value["obus"] == [
        {"type": 2, "name": "temporal delimiter", "length": 0},
        {"type": 3, "name": "frame header", "length": 1},
    ]
    assert found.body.value["composition_time"] is None
    assert (found.body.value["dts"], found.body.value["pts"]) == (7, 7)


def test_keyframe_flag():
    key, inter = bytes.fromhex("32021000"), bytes.fromhex("32023000")
    assert codes(video(b"\x91av01" + key).body) == []
    assert codes(video(b"\x91av01" + inter).body) == ["keyframe_flag_wrong"]
    assert codes(video(b"\xa1av01" + key).body) == ["keyframe_flag_missing"]


def test_damage():
    assert "malformed_leb128" in codes(video(b"\x91av01\x32" + b"\xff" * 12).body)
    assert "obu_cut" in codes(video(b"\x91av01\x32\x7f\x10").body)
    assert "malformed_sequence_header" in codes(video(b"\x91av01\x0a\x01\x00").body)
    capped = video(b"\x91av01" + b"\x12\x00" * (MAX_OBUS + 1))
    assert codes(capped.body) == ["limit_obus"]
