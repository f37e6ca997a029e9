"""Frame headers of old Flash video (SWF 10: Sorenson H.263, Screen video, On2 VP6)."""

import pytest

from tests.dissectors.bodies import codes
from tests.dissectors.media_bodies import video


def frame(body: str):
    found = video(bytes.fromhex(body))
    node = found.body.find("frame")
    return found, {child.name: child.value for child in node.children}


def test_h263():
    """A keyframe of FFmpeg's flv1 encoder, 160x120."""
    found, read = frame("12 00008403119e72aa0300")
    assert codes(found.body) == []
    assert (read["picture_start_code"], read["version"], read["picture_size"]) == (1, 1, 6)
    assert (read["picture_type"], read["deblocking"], read["quantizer"]) == (0, 1, 3)
    assert found.body.value["frame"] == {"width": 160, "height": 120}
    assert found.body.find("frame").label.startswith("Sorenson H.263 intra picture, 160x120")


@pytest.mark.parametrize(("code", "width"), [(0, 8), (1, 16)])
def test_h263_with_a_size_of_its_own(code, width):
    """PictureSize 0 and 1: width and height follow in 8 or 16 bits each."""
    fields = (1, 17), (1, 5), (7, 8), (code, 3), (200, width), (100, width), (1, 2), (0, 1), (5, 5)
    bits = "".join(format(value, f"0{size}b") for value, size in fields)
    bits += "0" * (-len(bits) % 8)
    raw = int(bits, 2).to_bytes(len(bits) // 8, "big")
    found, read = frame("22" + (raw + bytes(4)).hex())
    assert (read["width"], read["height"], read["quantizer"]) == (200, 100, 5)
    assert found.body.value["frame"] == {"width": 200, "height": 100}


def test_screen_video():
    """Two words of block size (16 more) and image size; version 2 has flags behind them."""
    found, read = frame("13 30643044 02b678")
    assert (read["block_width"], read["image_width"]) == (64, 100)
    assert (read["block_height"], read["image_height"]) == (64, 68)
    assert found.body.value["frame"] == {"width": 100, "height": 68}
    _, read = frame("16 30603040 03 0209")
    assert (read["has_iframe_image"], read["has_palette_info"]) == (True, True)


def test_vp6():
    """An intra picture of 8 by 10 macroblocks; the first byte says that 4 columns are hidden."""
    found, read = frame("14 40 1e 36 080a080a")
    assert (read["frame_mode"], read["quantizer"], read["version"]) == (0, 15, 6)
    assert (read["coded_rows"], read["coded_columns"]) == (8, 10)
    assert found.body.value["frame"] == {"keyframe": True, "width": 156, "height": 128}
    # Simple profile: the offset of the coefficients stands before the size.
    found, read = frame("14 00 1e 30 0022 080a080a ff")
    assert read["coefficient_offset"] == 0x22
    assert found.body.value["frame"]["width"] == 160
    found, read = frame("24 40 9e 30")
    assert (read["frame_mode"], found.body.value["frame"]["keyframe"]) == (1, False)


def test_every_truncation():
    for body in ("1200008403119e72aa", "13306430440200", "16306030400302", "144078460f13140f"):
        raw = bytes.fromhex(body)
        for size in range(len(raw)):
            video(raw[:size])
