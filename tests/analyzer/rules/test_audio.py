"""AUD rules: what triggers each, and what nearly does."""

import pytest

from tests.analyzer.rules.builder import Talk, aac_config, avc_config, metadata, session, sound
from tests.analyzer.rules.media import (
    audio,
    finding,
    merged,
    pictures,
    published,
    severity,
    sounds,
)

AAC = bytes.fromhex("211b80")


def test_frames_before_the_sequence_header():
    late = published([sound(0), aac_config(23), sound(46)], headers=(metadata(),))
    item = finding(late, "AUD-01")
    assert (item.severity, item.count) == ("error", 1)
    never = published(sounds([0, 23, 46]), headers=(metadata(),))
    assert finding(never, "AUD-01").count == 3
    assert severity(published(sounds([0, 23, 46])), "AUD-01") is None


def test_mp3_needs_no_sequence_header():
    mp3 = published(
        [audio(26 * n, b"\x2f\xff\xfb\x90" + bytes(60)) for n in range(5)], (metadata(),)
    )
    assert severity(mp3, "AUD-01") is None


@pytest.mark.parametrize(
    ("configs", "expected"),
    [
        ([(0, b"")], "warning"),
        ([(0, b"\x12")], "warning"),
        ([(0, b""), (900, b"\x12\x10")], "note"),
        ([(0, b""), (1100, b"\x12\x10")], "warning"),
        ([(0, b"\x12\x10")], None),
    ],
)
def test_short_configuration(configs, expected):
    headers = [aac_config(0, config) for time, config in configs if not time]
    late = [aac_config(time, config) for time, config in configs if time]
    talk = published(merged(sounds(range(0, 1500, 23)), late), (metadata(), *headers))
    assert severity(talk, "AUD-02") == expected
    assert severity(talk, "VID-13") is None  # the frames say AAC


def adts(frame: bytes, length: int | None = None) -> bytes:
    """ISO/IEC 14496-3 §1.A.2.2: MPEG-4 AAC LC, 44100 Hz, stereo, no CRC."""
    size = 7 + len(frame) if length is None else length
    head = 0xFFF1 << 40 | 0x50 << 32 | 0x80 << 24
    return (head | size << 13 | 0x1FFC).to_bytes(7, "big") + frame


def test_adts():
    frame = AAC + bytes(50)
    talk = published([audio(23 * n, b"\xaf\x01" + adts(frame)) for n in range(4)])
    item = finding(talk, "AUD-03")
    assert (item.severity, item.count) == ("error", 4)
    chance = published([audio(23 * n, b"\xaf\x01" + adts(frame, 20)) for n in range(4)])
    assert severity(chance, "AUD-03") is None  # raw data may begin with those bits
    assert severity(published(sounds([0, 23])), "AUD-03") is None


def test_flags_of_aac_mean_nothing():
    """AUD-04 is deliberately no rule: mono at 48 kHz under flags of stereo at 44 kHz is right."""
    mono = (metadata(audiosamplerate=48000, audiochannels=1), aac_config(0, b"\x11\x88"))
    talk = published(sounds(range(0, 2000, 21)), mono)
    for rule in ("AUD-01", "AUD-02", "AUD-03", "META-03"):
        assert severity(talk, rule) is None, rule


def test_missing_track():
    video = pictures(range(0, 6000, 40))
    both = published(video, (metadata(), avc_config()))
    assert finding(both, "AUD-05").track == "audio"
    assert severity(both, "AUD-05") == "warning"
    silent = metadata(audiocodecid=0, audiosamplerate=0)
    assert severity(published(video, (silent, avc_config())), "AUD-05") == "note"
    assert severity(published(video[:100], (metadata(), avc_config())), "AUD-05") is None
    with_audio = merged(video, sounds(range(0, 6000, 23)))
    assert severity(published(with_audio), "AUD-05") is None


def test_track_that_ends_early():
    def talk(alone_ms: int) -> Talk:
        video = pictures(range(0, 1000, 40))
        return published(merged(video, sounds(range(0, 1000 + alone_ms, 23))))

    item = finding(talk(5200), "AUD-05")
    assert (item.severity, item.track) == ("warning", "video")
    assert severity(talk(4900), "AUD-05") is None


def test_rules_without_a_subject_do_not_pass():
    def judged(*talks: Talk) -> set[str]:
        return {result.rule for result in session(*talks).judgement.results}

    video = judged(published(pictures(range(0, 400, 40)), (metadata(), avc_config())))
    assert not video & {"AUD-01", "AUD-03", "TS-11", "MUX-03", "VID-04"}
    assert {"TS-01", "VID-01", "VID-06"} <= video
    silent = judged(Talk().publishing())
    assert not silent & {"TS-01", "VID-01", "AUD-01", "NET-03", "META-01", "META-03", "ERT-01"}
