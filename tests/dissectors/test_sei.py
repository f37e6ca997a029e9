"""SEI messages of H.264 and H.265 access units (ITU-T H.264 §7.3.2.3, H.265 §7.3.5)."""

from tests.dissectors.bodies import codes
from tests.dissectors.media_bodies import AVCC, HVCC, unit, video

FRAME = bytes.fromhex("1c01000000")
# x265's mastering display: three pairs, white point, 1000 and 0.0001 cd/m². Its last value has an
# emulation prevention byte: 00 00 00 01 stands in the unit as 00 00 03 00 01.
MASTERING = "8918 33c2 86c4 1d4c 0bb8 84d0 3e80 3d13 4042 0098 9680 0000 0300 01"
LIGHT = "9004 03e8 0190"


def messages(data: str, record: str = HVCC["main10"]):
    found = video(FRAME + unit(bytes.fromhex("4e01" + data)), record, "hevc")
    assert codes(found.body) == []
    return [node for node in found.body.walk() if node.name == "sei_message"]


def values(node):
    return {child.name: child.value for child in node.children}


def test_sizes_do_not_count_emulation_prevention_bytes():
    display, light = messages(f"{MASTERING} {LIGHT} 80")
    assert (display.value, display.length) == (137, 2 + 25)
    assert values(display) == {
        "green": [0.265, 0.69],
        "blue": [0.15, 0.06],
        "red": [0.68, 0.32],
        "white_point": [0.3127, 0.329],
        "max_luminance": 1000.0,
        "min_luminance": 0.0001,
    }
    assert values(light) == {"max_content_light_level": 1000, "max_pic_average_light_level": 400}


def test_an_emulation_prevention_byte_between_two_messages_is_no_type():
    # A payload that ends with 00 00 before a message of type 1 (H.264 §7.4.1).
    first, second = messages("90 04 03e8 0000 03 01 01 ff 80")
    assert (first.value, second.value) == (144, 1)


def test_type_128_is_no_trailing_bits():
    [node] = messages("80 02 abcd 80")
    assert node.label.startswith("structure of pictures information (128), 2 bytes")


def test_user_data_is_named():
    body = FRAME.replace(b"\x1c", b"\x17") + unit(
        bytes.fromhex("060517") + bytes(range(16)) + b"x264 1\0\x80"
    )
    found = video(body, AVCC["crop"])
    [node] = [node for node in found.body.walk() if node.name == "sei_message"]
    assert values(node) == {"uuid": bytes(range(16)).hex(), "text": "x264 1"}


def test_a_message_cut_by_the_unit():
    found = video(FRAME + unit(bytes.fromhex("4e01 89 18 33c2")), HVCC["main10"], "hevc")
    assert codes(found.body) == ["sei_cut"]
