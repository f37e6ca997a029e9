"""Configurations against ffprobe: encode, take the records, compare. Skipped without FFmpeg."""

import json
import shutil
import subprocess

import pytest

from dissectors.messages import audio, video
from tests.dissectors.media_bodies import AUDIO, VIDEO, dissect

FFMPEG, FFPROBE = shutil.which("ffmpeg"), shutil.which("ffprobe")
pytestmark = pytest.mark.skipif(not (FFMPEG and FFPROBE), reason="ffmpeg or ffprobe not installed")

DEPTHS = {"yuv420p": 8, "yuvj420p": 8, "yuv420p10le": 10, "yuv444p": 8, "yuv422p10le": 10}


def run(*command):
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    if done.returncode:
        pytest.skip(f"this FFmpeg cannot: {done.stderr.decode(errors='replace')[-200:]}")
    return done.stdout


def probe(path):
    text = run(FFPROBE, "-v", "error", "-show_streams", "-of", "json", str(path))
    return json.loads(text)["streams"][0]


def flv_bodies(data):
    """(tag type, body) of every tag of an FLV file (FLV 10.1 §E.3, §E.4.1)."""
    position = 13
    while position + 11 <= len(data):
        size = int.from_bytes(data[position + 1 : position + 4], "big")
        yield data[position] & 0x1F, data[position + 11 : position + 11 + size]
        position += 15 + size


def box(data, name):
    """The payload of the first MP4 box called `name` (ISO/IEC 14496-12 §4.2)."""
    at = data.index(name)
    return data[at + 4 : at - 4 + int.from_bytes(data[at - 4 : at], "big")]


def encode_video(path, size, rate, *options):
    source = f"testsrc=size={size}:rate={rate}:duration=0.2"
    run(FFMPEG, "-v", "error", "-y", "-f", "lavfi", "-i", source, *options, str(path))
    return path.read_bytes()


X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt")
H264_CASES = {
    "cropped": ("1918x1078", "25", *X264, "yuv420p"),
    "small": ("322x182", "30000/1001", "-c:v", "libx264", "-pix_fmt", "yuv420p"),
    "interlaced": (
        "322x180", "25", "-c:v", "libx264", "-flags", "+ildct+ilme", "-x264opts", "tff=1",
        "-pix_fmt", "yuv420p",
    ),
    "high10": ("320x240", "50", "-c:v", "libx264", "-pix_fmt", "yuv420p10le"),
    "444": ("321x241", "25", *X264, "yuv444p"),
    "422, 10 bit": ("336x190", "60", *X264, "yuv422p10le"),
    "baseline": ("320x240", "15", "-c:v", "libx264", "-profile:v", "baseline", "-pix_fmt",
                 "yuv420p"),
    "main, full range": ("320x240", "25", "-c:v", "libx264", "-profile:v", "main", "-pix_fmt",
                         "yuvj420p"),
}  # fmt: skip


@pytest.mark.parametrize("name", H264_CASES)
def test_h264(name, tmp_path):
    path = tmp_path / "x.flv"
    bodies = list(flv_bodies(encode_video(path, *H264_CASES[name])))
    expected = probe(path)
    header = next(body for kind, body in bodies if kind == VIDEO and video.config_record(body))
    config = dissect(VIDEO, header).body.value["config"]
    assert config["profile"] == expected["profile"]
    assert config["level_idc"] == expected["level"]
    compare_picture(config, expected, H264_CASES[name][1])
    assert config["interlaced"] is (expected["field_order"] != "progressive")
    assert config["full_range"] in (None, expected.get("color_range") == "pc")


def compare_picture(config, expected, rate):
    """`rate` is what the encoder was told; ffprobe estimates it from millisecond timestamps."""
    assert (config["width"], config["height"]) == (expected["width"], expected["height"])
    assert config["bit_depth_luma"] == DEPTHS[expected["pix_fmt"]]
    assert config["chroma_format"].replace(":", "") in expected["pix_fmt"]
    if config["frame_rate"]:
        assert "{}/{}".format(*config["frame_rate"]) == (rate if "/" in rate else f"{rate}/1")


X265 = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none", "-pix_fmt")
MP4_CASES = {
    "hevc main": (b"hvcC", b"hvc1", "1918x1078", "25", *X265, "yuv420p"),
    "hevc main10": (b"hvcC", b"hvc1", "322x182", "30000/1001", *X265, "yuv420p10le"),
    "hevc 444": (b"hvcC", b"hvc1", "162x98", "50", *X265, "yuv444p"),
    "av1": (b"av1C", b"av01", "322x182", "25", "-c:v", "libaom-av1", "-cpu-used", "8", "-pix_fmt",
            "yuv420p"),
}  # fmt: skip

PROFILES = {"Rext": "Format Range Extensions"}
"""FFmpeg's short names."""


@pytest.mark.parametrize("name", MP4_CASES)
def test_enhanced_codecs(name, tmp_path):
    kind, fourcc, *options = MP4_CASES[name]
    path = tmp_path / "x.mp4"
    record = box(encode_video(path, *options), kind)
    expected = probe(path)
    config = dissect(VIDEO, b"\x90" + fourcc + record).body.value["config"]
    profile = PROFILES.get(expected["profile"], expected["profile"])
    assert (config["profile"], config["level_idc"]) == (profile, expected["level"])
    compare_picture(config, expected, options[1])


AAC_CASES = [(44100, "mono"), (48000, "stereo"), (8000, "mono"), (48000, "5.1"), (48000, "7.1"),
             (96000, "3.0"), (22050, "hexagonal")]  # fmt: skip


@pytest.mark.parametrize(("rate", "layout"), AAC_CASES)
def test_aac(rate, layout, tmp_path):
    path = tmp_path / "x.flv"
    source = f"aevalsrc=sin(440*t):s={rate}:d=0.2,aformat=channel_layouts={layout}"
    run(FFMPEG, "-v", "error", "-f", "lavfi", "-i", source, "-c:a", "aac", str(path))
    expected = probe(path)
    bodies = [body for kind, body in flv_bodies(path.read_bytes()) if kind == AUDIO]
    config = dissect(AUDIO, next(b for b in bodies if audio.config_record(b))).body.value["config"]
    assert config["profile"] == expected["profile"]
    assert config["sample_rate"] == int(expected["sample_rate"])
    assert config["channels"] == expected["channels"]


HE_AAC = ["2b8a0800", "138856e5a0", "eb8a0800", "138856e5a54880"]
"""Object type 5 and 29, hierarchical and backward compatible signalling over 22,050 Hz mono."""


@pytest.mark.parametrize("config", HE_AAC)
def test_he_aac_rate(config, tmp_path):
    """No free HE encoder is at hand: an LC stream gets the other configuration.

    ffprobe names the profile by the SBR data, which are not there, but believes the rate.
    """
    path = tmp_path / "x.flv"
    source = "aevalsrc=sin(440*t):s=22050:d=0.5"
    run(FFMPEG, "-v", "error", "-f", "lavfi", "-i", source, "-c:a", "aac", str(path))
    data = path.read_bytes()
    out = bytearray(data[:13])
    for kind, body in flv_bodies(data):
        if kind == AUDIO and body[1] == 0:
            body = body[:2] + bytes.fromhex(config)
        out += bytes([kind]) + len(body).to_bytes(3, "big") + bytes(7) + body
        out += (11 + len(body)).to_bytes(4, "big")
    path.write_bytes(out)
    summary = dissect(AUDIO, b"\xaf\0" + bytes.fromhex(config)).body.value["config"]
    assert summary["sample_rate"] == int(probe(path)["sample_rate"]) == 44100
    assert summary["core_sample_rate"] == 22050
