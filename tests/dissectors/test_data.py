"""RTMP 1.0 §7.1.2, FLV 10.1 §E.5 and the handlers of real encoders."""

import pytest

from tests.dissectors.bodies import codes, dissect, ecma, lines, num, obj, string

METADATA = ecma(
    ("duration", num(0)),
    ("width", num(1280)),
    ("framerate", num(29.97)),
    ("videocodecid", num(7)),
    ("audiocodecid", num(0x4F707573)),
    ("stereo", b"\x01\x01"),
)


def test_set_data_frame():
    found = dissect(18, string("@setDataFrame") + string("onMetaData") + METADATA)
    assert found.title == "AMF0 Data @setDataFrame('onMetaData')"
    assert found.info == "@setDataFrame('onMetaData')"
    assert found.body.name == "data"
    assert found.body.value["name"] == "@setDataFrame"
    assert found.body.value["values"][0] == "onMetaData"
    assert found.body.value["values"][1]["width"] == 1280
    assert lines(found.body)[1:] == [
        "    String '@setDataFrame'",
        "    String 'onMetaData'",
        "    ECMA array (6 items)",
        "        Property 'duration' Number 0 s",
        "        Property 'width' Number 1280 pixels",
        "        Property 'framerate' Number 29.97 frames/s",
        "        Property 'videocodecid' Number 7",
        "            Video codec: H.264",
        "        Property 'audiocodecid' Number 1332770163",
        "            Audio codec: Opus (FourCC 'Opus')",
        "        Property 'stereo' Boolean true",
    ]


@pytest.mark.parametrize(
    ("value", "codec"),
    [
        (num(1635135537), "AV1 (FourCC 'av01')"),
        (num(12), "H.265 (not in the specification, used by Chinese CDNs)"),
        (string("avc1"), "H.264"),
        (num(0x20414243), "FourCC ' ABC'"),
    ],
)
def test_video_codec_ids(value, codec):
    found = dissect(18, string("onMetaData") + obj(("videocodecid", value)))
    assert lines(found.body)[-1].strip() == f"Video codec: {codec}"


def test_tracks_of_enhanced_rtmp():
    tracks = obj(("1", obj(("width", num(640)))))
    found = dissect(18, string("onMetaData") + obj(("videoTrackIdInfoMap", tracks)))
    assert lines(found.body)[-1].strip() == "Property 'width' Number 640 pixels"


@pytest.mark.parametrize(
    ("body", "info"),
    [
        (string("onMetaData") + obj(), "onMetaData()"),
        (string("@clearDataFrame") + string("onMetaData"), "@clearDataFrame('onMetaData')"),
        (string("onStatus") + obj(("code", string("NetStream.Data.Start"))), None),
        (string("onPlayStatus") + obj(("code", string("NetStream.Play.Complete"))), None),
        (string("|RtmpSampleAccess") + b"\x01\x01\x01\x00", "|RtmpSampleAccess()"),
        (string("onTextData") + obj(("text", string("hi"))), "onTextData()"),
    ],
)
def test_titles(body, info):
    found = dissect(18, body)
    if info is None:
        code = found.body.value["code"]
        info = f"{found.body.value['name']}('{code}')"
    assert (found.title, found.info) == (f"AMF0 Data {info}", info)


def test_sample_access():
    found = dissect(18, string("|RtmpSampleAccess") + b"\x01\x01\x01\x00")
    shown = [line.strip() for line in lines(found.body)]
    assert shown[-3:] == [
        "The client may read audio samples",
        "Boolean false",
        "The client may not read video samples",
    ]
    assert found.body.value["values"] == [True, False]


def test_ffmpeg_timecode_track_is_no_error():
    found = dissect(18, b"\0\0\0\x01")
    assert found.title == "AMF0 Data (not AMF)"
    assert found.body.value["raw"] == {"$hex": "00000001", "length": 4}
    assert codes(found.body) == ["not_amf"]


def test_amf3_data_with_and_without_selector():
    body = string("onMetaData") + b"\x11\x0a\x0b\x01" + bytes.fromhex("0361040101")
    for prefix in (b"\0", b""):
        found = dissect(15, prefix + body)
        assert found.title == "AMF3 Data onMetaData()"
        assert found.body.value["values"] == [{"a": 1}]


def test_value_without_handler():
    assert codes(dissect(18, num(1)).body) == ["handler_name"]


def test_empty():
    assert dissect(18, b"").title == "AMF0 Data"
