"""VP8 and VP9: vpcC and frame headers (VP-ISOBMFF, RFC 6386 §9.1, VP9 §6.2)."""

import pytest

from tests.dissectors.bodies import codes
from tests.dissectors.media_bodies import video


@pytest.mark.parametrize("full_box", ["", "01000000"])
def test_configuration(full_box):
    found = video(b"\x90vp09" + bytes.fromhex(full_box + "030ba40202020000"))
    config = found.body.value["config"]
    assert (config["profile_idc"], config["level"], config["bit_depth_luma"]) == (3, "1.1", 10)
    assert (config["chroma_format"], config["full_range"]) == ("4:2:2", False)


@pytest.mark.parametrize(
    "head", ["824983420014100b560838241c184a00", "b124c1a10200a0805ab031c120e0"]
)
def test_vp9_key_frame(head):
    found = video(b"\x91vp09" + bytes.fromhex(head))
    frame = found.body.value["frame"]
    assert (frame["keyframe"], frame["width"], frame["height"]) == (True, 322, 182)
    assert codes(found.body) == []


def test_vp9_inter_frame():
    found = video(b"\xa1vp09" + bytes.fromhex("860040929c2050000008"))
    assert found.body.value["frame"]["keyframe"] is False
    assert found.body.value["composition_time"] is None


def test_vp8():
    found = video(b"\x91vp08" + bytes.fromhex("3059009d012a4201b6000007"))
    frame = found.body.value["frame"]
    assert (frame["keyframe"], frame["width"], frame["height"]) == (True, 322, 182)
