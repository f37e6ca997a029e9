"""H.265 and H.266 configuration records and NAL units (ISO/IEC 14496-15 §8, H.265 §7)."""

import pytest

from tests.dissectors.bodies import codes, lines
from tests.dissectors.media_bodies import HVCC, unit, video

START = b"\x90hvc1"
FRAME = b"\x91hvc1\x00\x00\x00"


def config(name):
    return video(START + bytes.fromhex(HVCC[name])).body.value["config"]


@pytest.mark.parametrize(
    ("name", "profile", "level", "size", "depth", "rate"),
    [
        ("crop", "Main", "4.0", (1918, 1078), 8, [25, 1]),
        ("main10", "Main 10", "2.0", (322, 182), 10, [30000, 1001]),
        ("422", "Format Range Extensions", "2.0", (322, 182), 10, [50, 1]),
        ("layers", "Main", "2.0", (320, 182), 8, [25, 1]),
    ],
)
def test_configuration(name, profile, level, size, depth, rate):
    found = config(name)
    assert (found["profile"], found["level"], found["tier"]) == (profile, level, "Main")
    assert (found["width"], found["height"]) == size
    assert found["bit_depth_luma"] == depth
    assert found["frame_rate"] == rate
    assert found["interlaced"] is False


def test_arrays():
    tree = lines(video(START + bytes.fromhex(HVCC["crop"])).body)
    assert [line.strip() for line in tree if "Array:" in line] == [
        "Array: VPS (32)",
        "Array: SPS (33)",
        "Array: PPS (34)",
    ]
    assert config("main10")["colour"]["matrix"] == 9
    assert config("422")["chroma_format"] == "4:2:2"


def test_frame():
    found = video(FRAME + unit(b"\x26\x01\xaf"), HVCC["crop"], "hevc")
    assert found.info == "HEVC keyframe CodedFrames cts=0"
    assert found.body.value["nal_units"] == [{"type": 19, "name": "IDR_W_RADL slice", "length": 3}]
    assert codes(found.body) == []
    wrong = video(FRAME + unit(b"\x02\x01\xaf"), HVCC["crop"], "hevc")
    assert codes(wrong.body) == ["keyframe_flag_wrong"]


def test_hostile_counts_are_bounded():
    record = bytes.fromhex(HVCC["crop"])[:22] + b"\xff" + b"\x21\xff\xff" + bytes(200_000)
    found = video(START + record)
    assert "limit_parameter_sets" in codes(found.body)


def test_vvc():
    found = video(b"\x90vvc1\xff\x00\x65\x5f")
    assert found.body.value["config"] == {"nal_length_size": 4}
    frame = video(b"\x91vvc1\x00\x00\x50" + unit(b"\x00\x39\xaf"), b"\xff", "vvc")
    assert frame.info == "VVC keyframe CodedFrames cts=80"
    assert frame.body.value["nal_units"][0]["name"] == "IDR_W_RADL slice"
