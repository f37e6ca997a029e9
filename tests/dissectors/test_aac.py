"""AudioSpecificConfig and AAC frames (ISO/IEC 14496-3 §1.6)."""

import pytest

from tests.dissectors.bodies import codes, lines
from tests.dissectors.media_bodies import audio

HEADER = b"\xaf\x00"


@pytest.mark.parametrize(
    ("record", "info"),
    [
        ("120856e500", "LC 44100 Hz mono"),  # as FFmpeg's encoder writes them
        ("119056e500", "LC 48000 Hz stereo"),
        ("101856e500", "LC 96000 Hz 3 channels"),
        ("11b056e500", "LC 48000 Hz 5.1"),
        ("11e056e500", "LC 48000 Hz 7.1"),
        ("158856e500", "LC 8000 Hz mono"),
        ("118004c4040021100c4c61766336332e312e31303256e500", "LC 48000 Hz 4 channels"),
        ("138005c808000108840c4c61766336332e312e31303256e500", "LC 22050 Hz 5.1"),
        ("1210", "LC 44100 Hz stereo"),
        ("2b920800", "HE-AAC 44100 Hz stereo"),  # SBR, explicit and hierarchical
        ("139056e5a0", "HE-AAC 44100 Hz stereo"),  # SBR, explicit and backward compatible
        ("138856e5a54880", "HE-AAC v2 44100 Hz stereo"),  # the same with PS
        ("eb8a0800", "HE-AAC v2 44100 Hz stereo"),  # PS, explicit and hierarchical
        ("17801f4010", "LC 16000 Hz stereo"),  # 24-bit sample rate
        ("f8e85000", "ELD 44100 Hz stereo"),
    ],
)
def test_configuration(record, info):
    assert audio(HEADER + bytes.fromhex(record)).info == f"AAC sequence header {info}"


def test_summary():
    config = audio(HEADER + bytes.fromhex("2b920800")).body.value["config"]
    assert (config["object_type"], config["core_object_type"]) == (5, 2)
    assert (config["core_sample_rate"], config["sample_rate"]) == (22050, 44100)
    assert (config["sbr"], config["frame_length"]) == (True, 1024)
    absent = audio(HEADER + bytes.fromhex("120856e500")).body.value["config"]
    assert (absent["sbr"], absent["ps"]) == (False, None)


def test_parametric_stereo_makes_two_channels_of_one():
    """§8.6.4: what a decoder puts out; channelConfiguration describes the core."""
    found = audio(HEADER + bytes.fromhex("eb8a0800")).body
    config = found.value["config"]
    assert (config["channels"], config["core_channels"]) == (2, 1)
    assert "        Channels: mono (1)" in lines(found)


def fields(record):
    """Names and values of the fields of a configuration, padding left out."""
    found = audio(HEADER + bytes.fromhex(record))
    assert codes(found.body) == []
    tree = found.body.find("configuration")
    return {node.name: node.value for node in tree.walk() if not node.plumbing}


def bits_read(record):
    """The masks of the fields: every bit of the string once."""
    tree = audio(HEADER + bytes.fromhex(record)).body.find("configuration")
    masks = [node.mask for node in tree.leaves() if node.mask]
    assert sum(masks) == (1 << 4 * len(record)) - 1
    return masks


@pytest.mark.parametrize(
    "record", ["1210", "120856e500", "eb8a0800", "138856e5a54880", "f8e85000", "17801f4010"]
)
def test_every_bit_has_its_field(record):
    bits_read(record)


def test_program_config_element():
    """channelConfiguration 0: FFmpeg's encoder writes it for 4.0 and other rare layouts."""
    record = "118004c4040021100c4c61766336332e312e31303256e500"
    found = fields(record)
    assert found["program_config_element"] == 4
    assert found["num_front_elements"] == 1
    assert found["num_back_elements"] == 1
    assert found["comment"] == "Lavc63.1.102"


def test_error_resilient_types():
    """§4.4.1: object types 17, 19, 20 and 23 have resilience flags, and epConfig follows."""
    found = fields("8a1140")
    assert (found["audio_object_type"], found["extension_flag"]) == (17, 1)
    assert (found["section_data_resilience"], found["scalefactor_data_resilience"]) == (0, 1)
    assert found["ep_config"] == 0


def test_what_is_not_decoded_says_so():
    usac = audio(HEADER + bytes.fromhex("f94640220f")).body
    assert any("Not decoded: " in line for line in lines(usac))


def test_a_config_that_ends_early_invents_nothing():
    found = audio(HEADER + b"\x17").body
    config = found.value["config"]
    assert config["object_type"] == 2
    assert (config["sample_rate"], config["channels"], config["frame_length"]) == (None,) * 3
    assert not any("Sample rate" in line for line in lines(found)[7:])


def test_tree():
    assert lines(audio(HEADER + b"\x12\x10").body) == [
        "RTMP Body",
        "    Control: 0xaf (AAC 44 kHz 16 bit stereo)",
        "        1010 .... = Format: AAC (10)",
        "        .... 11.. = Sample rate: 44 kHz (3), ignored",
        "        .... ..1. = Sample size: 16 bit (1)",
        "        .... ...1 = Channels: stereo (1)",
        "    AAC packet type: sequence header (0)",
        "    AudioSpecificConfig: LC 44100 Hz stereo",
        "        0001 0... .... .... = Object type: LC (2)",
        "        .... .010 0... .... = Sample rate: 44100 Hz (4)",
        "        .... .... .001 0... = Channels: stereo (2)",
        "        .... .... .... .0.. = Frame length: 1024 samples (0)",
        "        .... .... .... ..0. = Depends on core coder: 0",
        "        .... .... .... ...0 = Extension flag: 0",
        "        Profile: LC (calculated)",
    ]


def test_damage():
    assert "malformed_audio_specific_config" in codes(audio(HEADER + b"\x12").body)
    assert "reserved_sample_rate" in codes(audio(HEADER + b"\x16\x90").body)
    assert codes(audio(HEADER).body) == ["empty_configuration"]


def test_frames():
    raw = audio(b"\xaf\x01\x21\x10")
    assert (raw.title, raw.info) == ("Audio Data", "AAC raw")
    assert raw.body.value["packet_type"] == "raw"
    adts = audio(b"\xaf\x01" + bytes.fromhex("fff15080021ffc21"))
    assert codes(adts.body) == ["adts_in_aac"]


def test_control_byte_that_decoders_ignore():
    assert codes(audio(b"\xae\x00\x12\x08").body) == ["aac_control"]
    assert codes(audio(b"\xae\x01\x21\x10").body) == []
