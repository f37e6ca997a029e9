"""Video messages: headers, Enhanced RTMP, quick header reads (FLV 10.1 §E.4.3, E-RTMP v2)."""

import pytest

from dissectors.messages import media_head
from dissectors.messages.media_head import VideoHead
from dissectors.messages.video import config_record, peek
from tests.dissectors.bodies import codes, lines, num, obj, string
from tests.dissectors.media_bodies import AVCC, HVCC, unit, video

IDR = unit(b"\x65\x88")


@pytest.mark.parametrize(
    ("body", "info"),
    [
        ("", "empty"),
        ("1702000000", "H.264 keyframe end of sequence"),
        ("5700", "H.264 video info/command frame start seek"),
        ("5701", "H.264 video info/command frame end seek"),
        ("120000840000", "Sorenson H.263 keyframe"),
        ("13314230b6012578", "Screen video keyframe"),
        ("240080", "VP6 inter-frame"),
        ("2b00", "codec 11 inter-frame"),
        ("927663763161", "vcv1 keyframe SequenceEnd"),
        ("9f61766331", "H.264 keyframe"),
        ("d100", "video info/command frame CodedFrames start seek"),
    ],
)
def test_info(body, info):
    found = video(bytes.fromhex(body))
    assert (found.title, found.info) == ("Video Data", info)


def test_old_codecs():
    h263 = video(bytes.fromhex("120000840080a1005b122620202021ffff"))
    assert h263.body.value["frame"] == {"width": 322, "height": 182}
    screen = video(bytes.fromhex("13314230b6012578"))
    assert screen.body.value["frame"] == {"width": 322, "height": 182}
    alpha = video(bytes.fromhex("1500000002" + "0011" + "2233"))
    assert lines(alpha.body)[-1] == "    Alpha: 2 bytes"
    assert codes(alpha.body) == []


def test_unofficial_codec_ids():
    hevc = video(b"\x1c\x00\x00\x00\x00" + bytes.fromhex(HVCC["main10"]))
    assert hevc.info == "HEVC sequence header Main 10 L2.0 322x182"
    assert lines(hevc.body)[1] == "    Control: 0x1c (keyframe H.265)"
    av1 = video(b"\x1d\x00\x00\x00\x00" + bytes.fromhex("81000c000a0b000000043d06d4daf90040"))
    assert av1.info == "AV1 sequence header Main L2.0 322x182"
    vvc = video(b"\x1d\x00\x00\x00\x00\xff\x00\x65")
    assert vvc.body.value["codec"] == "vvc"


@pytest.mark.parametrize("first", [0x97, 0x9C])
def test_high_bit_without_meaning(first):
    body = bytes([first]) + b"\x01\x00\x00\x00" + IDR
    found = video(body)
    assert found.body.value["enhanced"] is False
    assert (found.body.value["frame_type"], found.body.value["packet_type"]) == ("keyframe", "nalu")
    assert "legacy_with_high_bit" in codes(found.body)
    assert peek(body[:16], len(body)).codec == found.body.value["codec"]
    header = bytes([0x97, 0, 0, 0, 0]) + bytes.fromhex(AVCC["crop"])
    assert config_record(header) == [(0, "h264", bytes.fromhex(AVCC["crop"]))]


def test_enhanced_tree():
    found = video(b"\x91hvc1\x00\x00\x50" + unit(b"\x28\x01\x00"), timestamp=1000)
    assert lines(found.body) == [
        "RTMP Body",
        "    [NOTE: no_codec_configuration]",
        "    Control: 0x91 (keyframe PacketTypeCodedFrames)",
        "        1... .... = IsExVideoHeader: 1",
        "        .001 .... = Frame type: keyframe (1)",
        "        .... 0001 = Video packet type: PacketTypeCodedFrames (1)",
        "    FourCC: hvc1",
        "    Composition time: 80",
        "    DTS: 1000 (calculated)",
        "    PTS: 1080 (calculated)",
        "    NAL unit: IDR_N_LP slice (20), 3 bytes",
    ]
    assert found.info == "HEVC keyframe CodedFrames cts=80"


def test_track_configuration_gives_the_length_size():
    record = bytearray.fromhex(AVCC["crop"])
    record[4] = 0xFD
    body = b"\x96\x01avc1\x00\x00\x00\x00" + unit(b"\x65\x88", 2)
    found = video(body, bytes(record))
    assert [u["length"] for u in found.body.value["nal_units"]] == [2]
    assert found.info == "H.264 keyframe CodedFrames cts=0 track=0"


def test_many_tracks_many_codecs():
    one = b"avc1\x00" + unit(b"\x00\x00\x50" + IDR, 3)
    two = b"av01\x01" + unit(b"\x12\x00", 3)
    found = video(b"\x96\x21" + one + two)
    assert found.info == "H.264 keyframe CodedFrames cts=80 tracks=0,1"
    tracks = found.body.value["tracks"]
    assert [(t["track_id"], t["codec"], t["composition_time"]) for t in tracks] == [
        (0, "h264", 80),
        (1, "av1", None),
    ]
    assert [line.strip() for line in lines(found.body) if "Track " in line][:2] == [
        "Track 0: avc1, 9 bytes",
        "Track ID: 0",
    ]


def test_hostile_track_lists_are_bounded():
    found = video(b"\x96\x11avc1" + (b"\x00" + unit(IDR * 10, 3)) * 3000)
    assert codes(found.body)[0] == "limit_tracks"
    assert found.info.endswith("tracks=0,0,0,0,0,0,0,0,…")


def test_multitrack_in_multitrack_is_malformed():
    assert codes(video(b"\x96\x06avc1\x00").body) == ["malformed"]
    assert codes(video(b"\x96\x31avc1\x00").body) == ["malformed"]


def test_modex():
    nano = video(bytes.fromhex("97020f424003") + b"avc1" + IDR)
    assert nano.body.value["nano_offset"] == 1_000_000
    assert "nano_offset_range" in codes(nano.body)
    unknown = video(bytes.fromhex("970000f3") + b"avc1" + IDR)
    assert unknown.body.value["nano_offset"] is None
    assert unknown.body.value["packet_type"] == "coded_frames_x"
    endless = video(b"\x97" + b"\x00\x00\x17" * 100)
    assert codes(endless.body) == ["limit_modex", "malformed"]


def test_metadata():
    colour = obj(("colorConfig", obj(("bitDepth", num(10)), ("colorPrimaries", num(9)))))
    found = video(b"\xd4hvc1" + string("colorInfo") + colour)
    assert found.info == "HEVC Metadata"
    assert found.body.value["frame_type"] is None
    assert found.body.value["metadata"] == {
        "colorInfo": {"colorConfig": {"bitDepth": 10, "colorPrimaries": 9}}
    }


def test_unknown_fourcc_is_opaque():
    found = video(b"\x91abcd\x01\x02")
    assert (found.body.value["codec"], found.body.value["fourcc"]) == (None, "abcd")
    assert codes(found.body) == ["unknown_fourcc"]
    assert lines(found.body)[-1] == "    Data: 2 bytes (0102)"


def test_hostile_fourcc_is_safe():
    found = video(b"\x92\x1b[2J")
    assert found.info == "0x1b5b324a keyframe SequenceEnd"


def test_peek():
    assert peek(b"\x17\x01\x00\x00\x50" + IDR, 11) == VideoHead(
        "h264", None, False, "keyframe", "nalu", 80, header_length=5
    )
    assert peek(b"\x27\x01\xff\xff\xd8", 500).composition_time == -40
    assert peek(b"\x17\x00\x00\x00\x00\x01", 40).is_config
    assert not peek(b"\x17\x00\x00\x00\x00", 5).is_config
    assert peek(b"\x91hvc1\x00\x00\x50\x00\x00", 500) == VideoHead(
        "hevc", "hvc1", True, "keyframe", "coded_frames", 80, header_length=8
    )
    assert peek(b"\x17\x01\x00\x00\x00", 500, "hevc").codec == "hevc"
    long_modex = b"\x97\xff\x00\xff" + bytes(256) + b"\x03avc1"
    assert peek(long_modex[:16], 500).header_length == 0
    assert peek(long_modex, 500).header_length == 265


def test_fast_path_of_peek_equals_the_slow_one():
    for first in range(0x80, 0x100):
        for fourcc in (b"avc1", b"hvc1", b"vvc1", b"av01", b"vp08", b"vp09", b"abcd"):
            head = bytes([first]) + fourcc + b"\xff\xff\xd8\x00\x00\x00\x00\x00\x00\x00\x00"
            assert peek(head, 16) == media_head._ex_video(head)


def test_config_record():
    avcc, hvcc = bytes.fromhex(AVCC["crop"]), bytes.fromhex(HVCC["crop"])
    assert config_record(b"\x17\x00\x00\x00\x00" + avcc) == [(0, "h264", avcc)]
    assert config_record(b"\x17\x00\x00\x00\x00" + hvcc) == [(0, "hevc", hvcc)]
    assert config_record(b"\x17\x00\x00\x00\x00") == []
    assert config_record(b"\x17\x01\x00\x00\x00" + avcc) == []
    assert config_record(b"\x90hvc1" + hvcc) == [(0, "hevc", hvcc)]
    assert config_record(b"\x96\x00avc1\x03" + avcc) == [(3, "h264", avcc)]
    many = b"\x96\x20avc1\x00" + unit(avcc, 3) + b"hvc1\x01" + unit(hvcc, 3)
    assert config_record(many) == [(0, "h264", avcc), (1, "hevc", hvcc)]
    assert config_record(b"\x96\x10avc1\x00" + unit(avcc, 3) + b"\x01" + unit(avcc, 3)[:-1]) == [
        (0, "h264", avcc)
    ]
