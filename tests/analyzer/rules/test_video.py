"""VID rules by headers and times: what triggers each, and what nearly does."""

import pytest

from tests.analyzer.rules.builder import (
    Talk,
    avc_config,
    good,
    metadata,
    picture,
)
from tests.analyzer.rules.media import (
    audio,
    finding,
    pictures,
    published,
    severity,
    video,
)


def test_first_frame_is_no_keyframe():
    talk = published([picture(0), picture(40), picture(80, True), picture(120)])
    assert "after 2 frames, 80 ms" in finding(talk, "VID-09").text
    assert severity(published(pictures(range(0, 200, 40))), "VID-09") is None


@pytest.mark.parametrize(
    ("gop", "expected"),
    [(50, None), (51, "note"), (100, "note"), (101, "warning"), (251, "error")],
)
def test_long_gop(gop, expected):
    talk = published(pictures(range(0, 40 * (gop + 2), 40), gop))
    assert severity(talk, "VID-10") == expected


def test_no_keyframe_at_all():
    talk = published([picture(40 * n) for n in range(252)])
    assert "no keyframe in 10" in finding(talk, "VID-10").text
    assert severity(published([picture(40 * n) for n in range(200)]), "VID-10") is None


def test_irregular_gops():
    keys = {0, 10, 50, 60, 100}
    uneven = [picture(40 * n, n in keys) for n in range(110)]
    assert "irregular" in finding(published(uneven), "VID-10").text
    even = [picture(40 * n, n in {0, 24, 48, 74, 100}) for n in range(110)]
    assert severity(published(even), "VID-10") is None


@pytest.mark.parametrize(("depth", "expected"), [(4, None), (5, "warning")])
def test_reordered_frames(depth, expected):
    """After each group of `depth` pictures comes one that is shown before them."""
    group = depth + 1
    early = [picture(40 * n, n == 0, cts=40 * group * (n % group != depth)) for n in range(30)]
    assert severity(published(early), "VID-12") == expected


def test_uncommon_codec():
    h263 = published([video(40 * n, "22 00 00 84 00 81") for n in range(3)], (metadata(),))
    assert finding(h263, "VID-13").actual == "h263"
    speex = published([audio(20 * n, b"\xb2" + bytes(60)) for n in range(3)], (metadata(),))
    assert finding(speex, "VID-13").actual == "speex"
    assert severity(good(), "VID-13") is None


def test_dropped_frames():
    def talk(every: int) -> Talk:
        kept = [n for n in range(200) if n % every or not n]
        return published([picture(40 * n, n % 50 == 0) for n in kept])

    assert severity(talk(12), "VID-14") == "warning"  # 8 %
    assert severity(talk(25), "VID-14") is None  # 4 %


def thinned(*kept: int, onset: int = 38) -> Talk:
    """At 25 a second until `onset`, then with the given steps, over and over."""
    numbers = list(range(onset))
    while numbers[-1] < 300:
        for step in kept:
            numbers.append(numbers[-1] + step)
    return published([picture(40 * n, key=not n) for n in numbers])


def test_most_frames_are_dropped_from_some_time_on():
    item = finding(thinned(*[3] * 10, 1, 2), "VID-14")
    assert item.severity == "warning" and "40.0 ms" in item.text
    assert finding(thinned(2), "VID-14").severity == "warning"


def test_a_rate_that_follows_the_picture_drops_nothing():
    assert severity(thinned(1, 2, 5, 3, 9, 2, 1, 14), "VID-14") is None
    assert severity(thinned(3, onset=15), "VID-14") is None, "never at this rate for long"
    assert severity(thinned(10), "VID-14") is None, "a still picture"


def test_only_keyframes_are_left():
    sparse = [picture(40 * n, n % 20 == 0) for n in range(500) if n < 200 or n % 20 == 0 or n > 380]
    assert severity(published(sparse), "VID-14") == "error"


def test_variable_frame_rate_is_no_loss():
    times = [time for n in range(100) for time in (100 * n, 100 * n + 30 + n % 40)]
    assert severity(published(pictures(times)), "VID-14") is None
    skipping = [33 * n for n in range(300) if n % 8 not in (1, 4)]
    assert severity(published(pictures(skipping)), "VID-14") is None


def test_bitrate_off_target():
    def talk(declared: float, peak: int = 300) -> Talk:
        items = [picture(40 * n, n % 50 == 0, size=peak if n == 60 else 300) for n in range(150)]
        return published(items, (metadata(videodatarate=declared), avc_config()))

    assert severity(talk(62), "VID-16") is None  # 309 bytes, 25 times a second
    assert "declared are 100" in finding(talk(100), "VID-16").text
    assert "peaks" in finding(talk(115, peak=40_000), "VID-16").text
    assert severity(talk(0), "VID-16") is None


def test_short_streams_have_no_bitrate():
    talk = published(pictures(range(0, 4000, 40)), (metadata(videodatarate=5000.0), avc_config()))
    assert severity(talk, "VID-16") is None


def test_repeated_timestamps_are_no_lost_frames():
    times = [40 * n - (40 if n % 8 == 5 else 0) for n in range(200)]
    talk = published([(40 * n, message) for n, message in enumerate(pictures(times))])
    assert severity(talk, "VID-14") is None
    assert severity(talk, "TS-02") == "warning"
