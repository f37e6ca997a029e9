"""H.264 configuration records, parameter sets and NAL units (ISO/IEC 14496-15 §5, H.264 §7)."""

import time

import pytest

from dissectors.codecs.nal import MAX_NAL_UNITS
from tests.dissectors.bodies import codes, lines
from tests.dissectors.media_bodies import AVCC, HVCC, unit, video

HEADER = bytes.fromhex("1700000000")
FRAME = bytes.fromhex("1701000050")
INTER = bytes.fromhex("2701000000")


def config(record):
    return video(HEADER + bytes.fromhex(record)).body.value["config"]


@pytest.mark.parametrize(
    ("name", "profile", "level", "size", "rate"),
    [
        ("crop", "Constrained Baseline", "4.0", (1918, 1078), [25, 1]),
        ("322x182", "High", "1.3", (322, 182), [30000, 1001]),
        ("interlaced", "High", "2.1", (322, 180), [25, 1]),
        ("high10", "High 10", "2.1", (320, 240), [50, 1]),
        ("422", "High 4:2:2", "1.3", (322, 241), [25, 1]),
        ("444", "High 4:4:4 Predictive", "1.3", (321, 241), [25, 1]),
        ("baseline", "Constrained Baseline", "1.2", (320, 240), [15, 1]),
        ("scaling lists", "High", "1.3", (320, 240), [24, 1]),
        ("full range", "Main", "1.3", (320, 240), [25, 1]),
    ],
)
def test_sps(name, profile, level, size, rate):
    found = config(AVCC[name])
    assert (found["profile"], found["level"]) == (profile, level)
    assert (found["width"], found["height"]) == size
    assert found["frame_rate"] == rate
    assert found["nal_length_size"] == 4


def test_sps_details():
    assert config(AVCC["interlaced"])["interlaced"] is True
    assert config(AVCC["high10"])["bit_depth_luma"] == 10
    assert config(AVCC["422"])["chroma_format"] == "4:2:2"
    assert config(AVCC["444"])["chroma_format"] == "4:4:4"
    assert config(AVCC["full range"])["full_range"] is True
    assert config(AVCC["scaling lists"])["sample_aspect_ratio"] == [4, 3]
    assert config(AVCC["baseline"])["colour"] == {"primaries": 1, "transfer": 1, "matrix": 1}


def test_level_1b():
    found = config("0142d00bffe10009" + "6742d00bf90b093e" + "80")
    assert found["level"] == "1b"


def test_tree():
    tree = lines(video(HEADER + bytes.fromhex(AVCC["crop"])).body)
    assert tree[:9] == [
        "RTMP Body",
        "    Control: 0x17 (keyframe H.264)",
        "        0001 .... = Frame type: keyframe (1)",
        "        .... 0111 = Codec: H.264 (7)",
        "    AVC packet type: sequence header (0)",
        "    Composition time: 0",
        "    AVC decoder configuration record: Constrained Baseline L4.0 1918x1078",
        "        Version: 1",
        "        Profile: Constrained Baseline (66)",
    ]
    assert "            Frame rate: 25" in tree
    assert "        PPS: 0 for SPS 0, 4 bytes" in tree
    assert video(HEADER + bytes.fromhex(AVCC["crop"])).info == (
        "H.264 sequence header Constrained Baseline L4.0 1918x1078"
    )


def test_hostile_sps_is_bounded():
    # poc type 1 with 2^32 - 2 reference frames, and nothing behind
    sps = bytes.fromhex("6742001e") + bytes.fromhex("f4 00000001ffffffff fffffffe".replace(" ", ""))
    record = bytes.fromhex("0142001effe1") + unit(sps, 2) + b"\0"
    found = video(HEADER + record)
    assert "malformed_sps" in codes(found.body)
    assert found.body.value["config"]["profile"] == "Baseline"


def test_mismatch_of_record_and_sps():
    record = bytearray.fromhex(AVCC["crop"])
    record[3] = 31
    assert "avc_profile_mismatch" in codes(video(HEADER + bytes(record)).body)


def test_nal_units():
    body = FRAME + unit(b"\x09\xf0") + unit(b"\x06\x05\x01\xaa\x80") + unit(b"\x65" + bytes(99))
    found = video(body, AVCC["crop"], timestamp=40)
    assert found.info == "H.264 keyframe NALU cts=80"
    assert lines(found.body)[6:] == [
        "    DTS: 40 (calculated)",
        "    PTS: 120 (calculated)",
        "    NAL unit: access unit delimiter (9), 2 bytes",
        "    NAL unit: SEI (6), 5 bytes: user data unregistered",
        "    NAL unit: IDR slice (5), 100 bytes",
    ]
    assert found.body.value["nal_units"][2] == {"type": 5, "name": "IDR slice", "length": 100}
    assert (found.body.value["dts"], found.body.value["pts"]) == (40, 120)


def test_pts_wraps():
    body = bytes.fromhex("2701000001") + unit(b"\x41\x9a")
    assert video(body, AVCC["crop"], timestamp=0xFFFFFFFF).body.value["pts"] == 0


@pytest.mark.parametrize("size", [1, 2, 4])
def test_length_size_comes_from_the_configuration(size):
    record = bytearray.fromhex(AVCC["crop"])
    record[4] = 0xFC | size - 1
    found = video(FRAME + unit(b"\x65\x88", size) * 2, bytes(record))
    assert [entry["type"] for entry in found.body.value["nal_units"]] == [5, 5]
    assert codes(found.body) == []


def test_without_configuration():
    found = video(FRAME + unit(b"\x65\x88\x80"))
    assert found.body.value["nal_units"] == [{"type": 5, "name": "IDR slice", "length": 3}]
    assert codes(found.body) == ["no_codec_configuration"]
    opaque = video(FRAME + b"\x65\x88\x80\x10\x00")
    assert opaque.body.value["nal_units"] == []
    assert lines(opaque.body)[-1] == "    Data: 5 bytes"


def test_keyframe_flag_against_content():
    assert codes(video(FRAME + unit(b"\x41\x9a"), AVCC["crop"]).body) == ["keyframe_flag_wrong"]
    assert codes(video(INTER + unit(b"\x65\x88"), AVCC["crop"]).body) == ["keyframe_flag_missing"]
    # open GOP: a recovery point SEI and a non-IDR I picture
    recovery = FRAME + unit(b"\x06\x06\x01\x84\x80") + unit(b"\x41\x9a")
    assert codes(video(recovery, AVCC["crop"]).body) == []


def test_length_beyond_the_body():
    found = video(FRAME + b"\0\0\x10\0\x65\x88", AVCC["crop"])
    assert codes(found.body) == ["nal_unit_cut"]
    assert found.body.value["nal_units"] == [{"type": 5, "name": "IDR slice", "length": 4096}]


def test_annex_b():
    body = FRAME + b"\0\0\0\1\x67\x42\0\x1e\x88" + b"\0\0\0\1\x68\xce" + b"\0\0\1\x65\x88\x80"
    for record in ("", AVCC["crop"]):
        found = video(body, record)
        assert [entry["type"] for entry in found.body.value["nal_units"]] == [7, 8, 5]
        assert "annex_b" in codes(found.body)


def test_length_of_one_is_not_annex_b():
    found = video(FRAME + b"\0\0\0\1\x09" + unit(b"\x65\x88"), AVCC["crop"])
    assert [entry["type"] for entry in found.body.value["nal_units"]] == [9, 5]
    assert codes(found.body) == []


def test_a_length_in_a_message_that_is_cut_short_is_no_start_code():
    """00 00 01 2c is the length of an ordinary slice; only its end was not captured."""
    slice_ = unit(b"\x41\x9a" + bytes(298))
    found = video(INTER + slice_[:100], AVCC["crop"], truncated=True)
    assert found.body.value["nal_units"] == [{"type": 1, "name": "non-IDR slice", "length": 300}]
    assert codes(found.body) == ["nal_unit_cut"]
    second = video(INTER + slice_ + slice_[:50], AVCC["crop"], truncated=True)
    assert [entry["length"] for entry in second.body.value["nal_units"]] == [300, 300]
    annex_b = video(INTER + b"\0\0\0\1\x41\x9a\x00\x10", AVCC["crop"], truncated=True)
    assert "annex_b" in codes(annex_b.body)


def test_annex_b_sequence_header():
    raw = bytes.fromhex(AVCC["crop"])
    found = video(HEADER + b"\0\0\0\1" + raw[8:34] + b"\0\0\0\1" + raw[37:])
    assert found.info == "H.264 sequence header Constrained Baseline L4.0 1918x1078"
    assert "annex_b" in codes(found.body)


def test_many_nal_units_are_capped():
    found = video(FRAME + unit(b"\x65\x88") * (MAX_NAL_UNITS + 5), AVCC["crop"])
    assert len(found.body.value["nal_units"]) == MAX_NAL_UNITS
    assert codes(found.body) == ["limit_nal_units"]
    text = f"NAL units beyond the first {MAX_NAL_UNITS}: 30 bytes"
    assert lines(found.body)[-1].strip() == text


def test_cost_does_not_depend_on_the_payload():
    def cost(size):
        body = FRAME + unit(b"\x65" + bytes(size))
        best = 1.0
        for _ in range(5):
            start = time.perf_counter()
            video(body, AVCC["crop"])
            best = min(best, time.perf_counter() - start)
        return best

    assert cost(4_000_000) < 10 * cost(100) + 0.001


def test_hevc_under_codec_id_7():
    found = video(HEADER + bytes.fromhex(HVCC["crop"]))
    assert found.info == "HEVC sequence header Main L4.0 1918x1078"
    assert "hevc_as_avc" in codes(found.body)
    frame = video(FRAME + unit(b"\x26\x01\xaf"), HVCC["crop"], "hevc")
    assert frame.body.value["codec"] == "hevc"
    assert frame.body.value["nal_units"][0]["name"] == "IDR_W_RADL slice"
