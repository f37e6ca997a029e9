"""TS rules about one track: what triggers each, and what nearly does."""

import pytest

from tests.analyzer.rules.builder import (
    NULL,
    C,
    Talk,
    aac_config,
    avc_config,
    command,
    metadata,
    picture,
    session,
    string,
)
from tests.analyzer.rules.media import finding, merged, pictures, published, severity, sounds

STEADY = range(0, 2000, 40)


def test_clean_stream_has_no_ts_finding():
    talk = published(merged(pictures(STEADY), sounds(n * 10240 // 441 for n in range(86))))
    for rule in ("TS-01", "TS-02", "TS-03", "TS-04", "TS-05", "TS-06", "TS-07", "TS-11"):
        assert severity(talk, rule) is None, rule


def test_backwards():
    talk = published([(40 * n, m) for n, m in enumerate(pictures([0, 40, 80, 60, 100, 140]))])
    item = finding(talk, "TS-01")
    assert (item.severity, item.count, item.track) == ("error", 1, "video")
    assert (item.expected, item.actual) == ("≥ 80 ms", "60 ms")


def test_configurations_with_timestamp_0_do_not_go_back():
    times = [picture(0, True), picture(40), avc_config(0), aac_config(0), picture(80, True)]
    talk = published([(40 * n, message) for n, message in enumerate(times)])
    assert severity(talk, "TS-01") is None


def test_a_second_publish_may_set_the_clock_anew():
    def again(talk: Talk, code: str = "publish") -> Talk:
        talk.send(C, command(code, 7, NULL, string("cam7"), msid=1))
        return talk.send(C, *pictures([0, 40]))

    assert severity(again(published(pictures(STEADY))), "TS-01") is None
    assert severity(again(published(pictures(STEADY)), "receiveAudio"), "TS-01") == "error"


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([*range(0, 2000, 40), 1960, 2000, 2000], "warning"),  # 2 of 52
        ([*range(0, 8000, 40), 7960, 8000], None),  # 1 of 201
        ([0, 40, *[80] * 11, 120, 160], "error"),  # 10 steps of 0
        ([0, 40, *[80] * 10, 120, 160], "warning"),
    ],
)
def test_repeated_timestamps(times, expected):
    talk = published([(40 * n, m) for n, m in enumerate(pictures(times))])
    assert severity(talk, "TS-02") == expected


def test_jump_and_pause():
    jump = published([(40 * n, m) for n, m in enumerate(pictures([0, 40, 1081, 1121]))])
    assert "clock jumps by 1.04 s" in finding(jump, "TS-03").text
    pause = published(pictures([0, 40, 1081, 1121]))
    assert "is silent for 1.04 s" in finding(pause, "TS-03").text
    assert severity(published(pictures([0, 40, 1040, 1080])), "TS-03") is None


def test_still_pictures_are_no_jumps():
    assert severity(published(pictures(range(0, 20000, 2000))), "TS-03") is None


def test_relative_timestamps():
    deltas = [0, *[38, 42] * 70]
    talk = published([(40 * n, m) for n, m in enumerate(pictures(deltas))])
    item = finding(talk, "TS-04")
    assert (item.severity, item.confidence) == ("error", "definite")
    assert item.actual == "differences"
    short = published([(40 * n, m) for n, m in enumerate(pictures(deltas[:120]))])  # 4.8 s
    assert severity(short, "TS-04") is None


def test_a_clock_set_back_again_and_again():
    talk = published([(40 * n, m) for n, m in enumerate(pictures([0, 200] * 70))])
    assert finding(talk, "TS-04").confidence == "likely"
    sawtooth = [40 * n % 480 for n in range(150)]
    talk = published([(40 * n, m) for n, m in enumerate(pictures(sawtooth))])
    item = finding(talk, "TS-04")
    causes = {d.rule: d.cause for d in session(talk).diagnostics}
    assert (item.severity, causes["TS-01"]) == ("error", item.id)


WRAP = 1 << 24


def test_cut_to_24_bits():
    times = [WRAP - 81, WRAP - 41, WRAP - 2, 39, 79]
    talk = published([(40 * n, m) for n, m in enumerate(pictures(times))])
    assert severity(talk, "TS-05") == "error"
    assert severity(talk, "TS-01") is None  # one fault, one finding
    good = published(pictures([WRAP - 81, WRAP - 41, WRAP - 1, WRAP + 39]))
    assert severity(good, "TS-05") is None


def test_crossing_2_31_and_2_32():
    half, whole = 1 << 31, 1 << 32
    broken = published([(40 * n, m) for n, m in enumerate(pictures([half - 40, half - 1, 0, 40]))])
    item = finding(broken, "TS-06")
    assert (item.severity, severity(broken, "TS-01")) == ("error", None)
    soon = finding(published(pictures([half - 3_600_000, half - 3_599_960])), "TS-06")
    assert soon.severity == "note"
    assert "2^31 ms in 1.0 h" in soon.text
    later = published(pictures([half - 90_000_000]))
    assert severity(later, "TS-06") is None
    above = published(pictures([half, half + 40]))
    assert severity(above, "TS-06") == "warning"
    over = [(40 * n, m) for n, m in enumerate(pictures([whole - 80, whole - 40, 0, 40]))]
    item = finding(published(over), "TS-06")
    assert item.severity == "warning"  # it starts above 2^31, and crosses 2^32 as it should


def test_huge_first_timestamp():
    assert severity(published(pictures([0xFFFFFF, 0x1000027])), "TS-07") == "warning"
    assert severity(published(pictures([0xFFFFFE - 40, 0xFFFFFE])), "TS-07") is None


@pytest.mark.parametrize(
    ("ppm", "expected"), [(400, None), (600, "note"), (9_900, "note"), (11_000, "warning")]
)
def test_media_clock_against_wall_clock(ppm, expected):
    items = [
        (wall, picture(round(wall * (1 + ppm / 1e6)), True)) for wall in range(0, 130_000, 500)
    ]
    assert severity(published(items), "TS-10") == expected


def test_media_clock_needs_two_minutes():
    items = [(wall, picture(wall * 102 // 100, True)) for wall in range(0, 110_000, 500)]
    assert severity(published(items), "TS-10") is None


def test_audio_off_the_grid():
    grid = [n * 10240 // 441 for n in range(100)]
    rough = [time + (3 if n % 10 == 0 else 0) for n, time in enumerate(grid)]
    talk = published(sounds(rough), headers=(metadata(), aac_config()))
    assert severity(talk, "TS-11") == "note"
    fine = [time + (3 if n % 50 == 0 else 0) for n, time in enumerate(grid)]
    assert severity(published(sounds(fine)), "TS-11") is None
    bounded = [time + n % 2 for n, time in enumerate(grid)]  # 2 ms are rounding
    assert severity(published(sounds(bounded)), "TS-11") is None
