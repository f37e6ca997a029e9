"""Metrics of real captures: what the encoder was told, `captures/lab.py`."""

from pathlib import Path

import pytest

from analyzer.metrics import Stream
from analyzer.session import Session

LAB = Path(__file__).parents[3] / "captures" / "lab"


def stream(name: str) -> Stream:
    read = Session([str(LAB / name)])
    read.run()
    [found] = read.metrics.connection(0).streams
    assert all(track.configurations for track in found.tracks if track.config_rows.size)
    read.close()
    return found


@pytest.mark.parametrize(
    "name",
    ["nginx-vod-start.pcap", "nginx-no-bframes.pcap", "gst-rtmp2sink.pcap", "ffmpeg-listen.pcap"],
)
def test_15_pictures_a_second_with_a_keyframe_every_second(name):
    video = stream(name).video
    assert video is not None
    assert video.codec == "h264"
    assert video.rate is not None
    assert video.rate.nominal_millihertz == pytest.approx(15_000, abs=10)
    assert set(video.gops.duration_ms[video.gops.closed].tolist()) <= {1000}
    assert video.bitrate_bit_s is not None
    assert not len(video.backward)


@pytest.mark.parametrize(
    ("name", "codecs"),
    [
        ("ertmp-hevc-aac.pcap", ["hevc", "aac"]),
        ("ertmp-av1-opus.pcap", ["av1", "opus"]),
        ("ertmp-vp9-flac.pcap", ["vp9", "flac"]),
        ("ertmp-vvc-mp3.pcap", ["vvc", "mp3"]),
        ("ertmp-avc-ac3.pcap", ["h264", "ac3"]),
        ("ertmp-avc-eac3.pcap", ["h264", "eac3"]),
        ("ertmp-multitrack-mixed.pcap", ["h264", "hevc", "aac", "opus"]),
    ],
)
def test_enhanced_codecs_and_their_skew(name, codecs):
    found = stream(name)
    assert [track.codec for track in found.tracks] == codecs
    assert found.skew is not None
    assert found.skew.max_ms <= 5
    for track in found.tracks:
        if track.kind == "video":
            assert len(track.frames) == 23


def test_what_is_given_up_is_computed_again():
    read = Session([str(LAB / "nginx-no-bframes.pcap")])
    read.run()
    metrics = read.metrics
    [found] = metrics.connection(0).streams
    before = [track.latency_ns.tolist() for track in found.tracks], found.media_clock
    metrics.relax()
    assert "media_clock" not in vars(found)
    assert before[0] == [track.latency_ns.tolist() for track in found.tracks]
    assert all((one == two).all() for one, two in zip(before[1], found.media_clock, strict=True))
    read.close()
