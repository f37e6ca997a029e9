"""The wire-format vectors of layers flv-video and flv-audio."""

import json
from pathlib import Path

import pytest

from dissectors.cursor import Cursor
from dissectors.fields import Field
from dissectors.messages import audio, video
from dissectors.messages import media_names as names
from tests.dissectors.bodies import codes
from tests.dissectors.media_bodies import AUDIO, VIDEO, dissect

VECTORS = json.loads((Path(__file__).parents[1] / "vectors.json").read_text())["vectors"]


def of(layer):
    return [pytest.param(v, id=v["name"]) for v in VECTORS if v["layer"] == layer]


def common(summary, expected, family):
    """What enhanced audio and enhanced video vectors say alike."""
    if "fourcc" in expected:
        assert summary["fourcc"] == expected["fourcc"]
    if summary["enhanced"] and "packet_type" in expected:
        assert summary["packet_type"] == family[expected["packet_type"]].key
    if "multitrack_type" in expected:
        assert summary["multitrack"] == names.MULTITRACK_TYPES[expected["multitrack_type"]].key
        tracks = summary["tracks"] or [summary]
        assert [t["track_id"] for t in tracks] == [t["id"] for t in expected["tracks"]]
        for got, want in zip(tracks, expected["tracks"], strict=True):
            assert got["fourcc"] == want.get("fourcc", expected.get("fourcc"))
            assert got.get("composition_time") == want.get("composition_time")
    for entry in expected.get("modex", []):
        assert summary["nano_offset"] == entry["nanos"]


@pytest.mark.parametrize("vector", of("flv-video"))
def test_video(vector):
    body, expected = bytes.fromhex(vector["hex"]), vector["expected"]
    summary = dissect(VIDEO, body).body.value
    assert summary["enhanced"] is expected.get("ex", False)
    common(summary, expected, names.VIDEO_PACKET_TYPES)
    if "frame_type" in expected:
        assert summary["frame_type"] == names.FRAME_TYPES[expected["frame_type"]].key
    if "codec_id" in expected:
        assert summary["codec"] == names.VIDEO_CODEC_IDS[expected["codec_id"]].key
    if "avc_packet_type" in expected:
        assert summary["packet_type"] == names.AVC_PACKET_TYPES[expected["avc_packet_type"]].key
    if "composition_time" in expected:
        assert summary["composition_time"] == expected["composition_time"]
    if "command" in expected:
        assert summary["command"] == names.COMMANDS[expected["command"]].key
    if "values" in expected:
        assert summary["metadata"] == {"colorInfo": {"colorConfig": {}}}
    units = [(u["length"], u.get("type", u.get("hevc_type"))) for u in summary["nal_units"] or []]
    if "nalus" in expected:
        wanted = [(u["len"], u.get("type", u.get("hevc_type"))) for u in expected["nalus"]]
        assert units == wanted
    if "obus" in expected:
        assert [(o["type"], o["length"]) for o in summary["obus"]] == [
            (o["type"], o["size"]) for o in expected["obus"]
        ]


CONFIG_KEYS = {
    "profile": "profile_idc",
    "level": "level_idc",
    "length_size": "nal_length_size",
    "bit_depth": "bit_depth_luma",
    "level_idx": "level_idc",
    "freq": "core_sample_rate",
    "ext_freq": "sample_rate",
    "aot": "object_type",
    "core_aot": "core_object_type",
    "input_rate": "input_sample_rate",
    "gain": "output_gain",
    "min_block": "min_block_size",
    "max_block": "max_block_size",
    "min_frame": "min_frame_size",
    "max_frame": "max_frame_size",
    "rate": "sample_rate",
    "bps": "bit_depth",
}
RECORDS = ("avcC", "hvcC", "av1C", "vpcC", "asc", "opus_head", "streaminfo")


def with_record():
    for parameter in of("flv-video") + of("flv-audio"):
        vector = parameter.values[0]
        for key in RECORDS:
            if key in vector["expected"]:
                yield pytest.param(vector, vector["expected"][key], id=vector["name"])


@pytest.mark.parametrize(("vector", "record"), list(with_record()))
def test_configuration(vector, record):
    type_id = VIDEO if vector["layer"] == "flv-video" else AUDIO
    config = dissect(type_id, bytes.fromhex(vector["hex"])).body.value["config"]
    compared = 0
    for key, value in record.items():
        ours = CONFIG_KEYS.get(key, key)
        if ours in config and type(config[ours]) is type(value):
            assert config[ours] == value, key
            compared += 1
    assert compared >= 2


@pytest.mark.parametrize("vector", of("flv-audio"))
def test_audio(vector):
    expected = vector["expected"]
    found = dissect(AUDIO, bytes.fromhex(vector["hex"]))
    summary = found.body.value
    common(summary, expected, names.AUDIO_PACKET_TYPES)
    assert summary["enhanced"] is (expected["sound_format"] == names.EX_AUDIO)
    if not summary["enhanced"]:
        assert summary["codec"] == names.SOUND_FORMATS[expected["sound_format"]].key
    if "rate_bits" in expected:
        assert summary["sound_rate"] == names.SOUND_RATES[expected["rate_bits"]][0]
        assert summary["sound_size"] == (8, 16)[expected["size_bit"]]
        assert summary["sound_type"] == ("mono", "stereo")[expected["type_bit"]]
    if "aac_packet_type" in expected:
        assert summary["packet_type"] == names.AAC_PACKET_TYPES[expected["aac_packet_type"]].key
    if "mp3" in expected:
        wanted = expected["mp3"]
        assert summary["frame"]["bitrate"] == wanted["bitrate"] * 1000
        assert summary["frame"]["sample_rate"] == wanted["freq"]
        assert summary["frame"]["mode"] == wanted["mode"]
    if "toc" in expected:
        assert {key: summary["frame"][key] for key in expected["toc"]} == expected["toc"]
    if "order" in expected:
        order = audio.CHANNEL_ORDERS[expected["order"]]
        assert summary["multichannel"]["order"] == order
        assert summary["multichannel"]["channels"] == expected["channels"]
    if "anomaly" in expected:
        assert codes(found.body)


def damaged():
    """Every truncation and three corruptions of each byte of each vector."""
    for vector in VECTORS:
        if vector["layer"] not in ("flv-video", "flv-audio"):
            continue
        module = video if vector["layer"] == "flv-video" else audio
        body = bytes.fromhex(vector["hex"])
        for size in range(len(body) + 1):
            yield module, body[:size]
        for i in range(len(body)):
            for value in (body[i] ^ 1, body[i] ^ 0x80, 0xFF):
                yield module, body[:i] + bytes([value]) + body[i + 1 :]


def test_damage_raises_nothing_and_peek_agrees():
    """`dissect` checks that leaves tile the body; `peek` sees what the summary says."""
    for module, body in damaged():
        found = dissect(VIDEO if module is video else AUDIO, body)
        assert found.info
        summary = found.body.value
        head = module.peek(body[:16], len(body))
        if body and (head.header_length or len(body) <= 16):
            shared = [key for key in head._fields if key in summary]
            assert {k: getattr(head, k) for k in shared} == {k: summary[k] for k in shared}, body
        for _, codec, record in module.config_record(body):
            assert head.is_config or not head.header_length
            assert codec and len(record) <= len(body)


def test_read_survives_without_dissect():
    """`read` raises nothing but Malformed, which `dissect` catches; an empty body is legal."""
    for module in (audio, video):
        root = Field("x", "RTMP Body")
        module.read(Cursor(b""), root, None)
        assert module.describe(root, None)[1] in ("empty", "silence (empty)")
