"""Audio messages: headers, Enhanced RTMP, codecs (FLV 10.1 §E.4.2, E-RTMP v2)."""

import pytest

from dissectors.messages.audio import config_record, peek
from dissectors.messages.media_head import AudioHead
from tests.dissectors.bodies import codes, lines
from tests.dissectors.media_bodies import audio, unit

AC3 = "0b779c391e40ebf8403eff99"
EAC3 = "0b77037f3f87c00020802020"
STREAMINFO = "0400040000031100037b0ac44370000033aee85193fb3aa4805a4fdaf88a3a858264"


@pytest.mark.parametrize(
    ("body", "info"),
    [
        ("", "silence (empty)"),
        ("af012110", "AAC raw"),
        ("2ffffb9064", "MP3 128 kbit/s 44100 Hz joint stereo"),
        ("26fff340c4", "MP3 32 kbit/s 22050 Hz mono"),
        ("72d5", "G.711 A-law"),
        ("82ff", "G.711 µ-law"),
        ("b200", "Speex"),
        ("3f0000", "PCM"),
        ("1a80", "ADPCM"),
        ("c000", "sound format 12"),
        ("9161632d33" + AC3, "AC-3 CodedFrames 448 kbit/s 48000 Hz 5.1"),
        ("9165632d33" + EAC3, "E-AC-3 CodedFrames 48000 Hz 5.1"),
        ("912e6d7033fffb9064", "MP3 CodedFrames 128 kbit/s 44100 Hz joint stereo"),
        ("914f707573fcfffe", "Opus CodedFrames"),
        ("90664c6143" + STREAMINFO, "FLAC SequenceStart 44100 Hz stereo"),
    ],
)
def test_info(body, info):
    found = audio(bytes.fromhex(body))
    assert (found.title, found.info) == ("Audio Data", info)


def test_rates_that_say_nothing():
    tree = lines(audio(b"\x82\xff").body)
    assert tree[1] == "    Control: 0x82 (G711U 5.5 kHz 16 bit mono)"
    assert "        .... 00.. = Sample rate: 5.5 kHz (0), ignored: it is 8000 Hz" in tree


@pytest.mark.parametrize("head", ["", "80000022", "664c614380000022"])
def test_flac_forms(head):
    found = audio(b"\x90fLaC" + bytes.fromhex(head + STREAMINFO))
    config = found.body.value["config"]
    assert (config["sample_rate"], config["channels"], config["bit_depth"]) == (44100, 2, 24)
    assert config["samples"] == 13230
    assert ("flac_without_marker" in codes(found.body)) is (head == "")


def test_opus_mapping():
    record = bytes.fromhex("4f707573486561640106380180bb00000000010402000401020305")
    config = audio(b"\x90Opus" + record).body.value["config"]
    assert (config["channels"], config["stream_count"], config["coupled_count"]) == (6, 4, 2)
    assert config["channel_mapping"] == [0, 4, 1, 2, 3, 5]
    assert "opus_head_magic" in codes(audio(b"\x90Opusgarbage!").body)


def test_multichannel():
    native = audio(b"\x94ac-3\x01\x06\x00\x00\x00\x3f")
    assert native.body.value["multichannel"]["mapping"] == ["FL", "FR", "FC", "LFE1", "BL", "BR"]
    custom = audio(b"\x94mp4a\x02\x03\x00\xfe\xff")
    assert custom.body.value["multichannel"]["mapping"] == ["FL", "unused", "unknown"]
    wrong = audio(b"\x94ac-3\x01\x02\x00\x00\x00\x3f")
    assert codes(wrong.body) == ["channel_count_mismatch"]


def test_multitrack_is_packet_type_5():
    many = b"\x95\x11mp4a\x00" + unit(b"\x21\x10", 3) + b"\x01" + unit(b"\x21\x10\x04", 3)
    found = audio(many)
    assert found.info == "AAC CodedFrames tracks=0,1"
    assert lines(found.body)[4] == (
        "    Audio Multitrack Control: 0x11 (AvMultitrackTypeManyTracks PacketTypeCodedFrames)"
    )


def test_peek():
    assert peek(b"\xaf\x01\x21\x10", 4) == AudioHead("aac", None, False, "raw", header_length=2)
    assert peek(b"\xaf\x00\x12\x10", 4).is_config
    assert peek(b"\x2f\xff", 300) == AudioHead("mp3", header_length=1)
    assert peek(b"\x91Opus\xfc", 90) == AudioHead(
        "opus", "Opus", True, "coded_frames", header_length=5
    )
    nano = peek(b"\x97\x02\x05\x16\x15\x01Opus\xfc", 90)
    assert (nano.nano_offset, nano.header_length) == (333333, 10)


def test_config_record():
    assert config_record(b"\xaf\x00\x12\x10") == [(0, "aac", b"\x12\x10")]
    assert config_record(b"\xaf\x01\x12\x10") == []
    assert config_record(b"\x90ac-3") == [(0, "ac3", b"")]
    assert config_record(b"\x95\x00mp4a\x01\x11\x90") == [(1, "aac", b"\x11\x90")]
    assert config_record(b"\x90mp4a") == []
