"""META rules: what triggers each, and what nearly does."""

import pytest

from tests.analyzer.rules.builder import (
    NULL,
    C,
    S,
    Talk,
    aac_config,
    avc_config,
    command,
    found,
    good,
    metadata,
    num,
    obj,
    session,
    string,
)
from tests.analyzer.rules.media import (
    finding,
    merged,
    pictures,
    published,
    sending,
    severity,
    sounds,
    video,
)
from tests.dissectors.chunk_builder import Message
from tests.dissectors.media_bodies import HVCC

BARE = (avc_config(), aac_config())


def media(seconds: float = 2) -> list[Message]:
    end = round(1000 * seconds)
    return merged(pictures(range(0, end, 40)), sounds(n * 10240 // 441 for n in range(end // 24)))


def data(time: int, name: str, *values: bytes, csid: int = 4) -> Message:
    return Message(csid, 18, 1, time, string(name) + b"".join(values))


def test_missing_or_late():
    assert severity(published(media()), "META-01") is None
    assert "no onMetaData" in finding(published(media(), BARE), "META-01").text
    late = merged(media(), [metadata()._replace(time=1000)])
    assert "after the first frame" in finding(published(late, BARE), "META-01").text
    later = merged(media(5), [metadata()._replace(time=3500)])
    assert "3.5 s after" in finding(published(later, BARE), "META-01").text
    joined = sending(Talk().playing().send(S, *BARE), media(), S)
    assert severity(joined, "META-01") == "note"


def test_without_tracks():
    empty = Message(4, 18, 1, 0, string("onMetaData") + obj(("encoder", string("x"))))
    assert severity(published(media(), (empty, *BARE)), "META-02") == "warning"
    sized = Message(4, 18, 1, 0, string("onMetaData") + obj(("width", num(320))))
    assert severity(published(media(), (sized, *BARE)), "META-02") is None


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, None),
        ({"width": 640.0}, "warning"),
        ({"width": 0.0}, "note"),
        ({"framerate": 27.0}, None),  # 8 %
        ({"framerate": 30.0}, "warning"),
        ({"framerate": 0.0}, "note"),
        ({"audiosamplerate": 48000.0}, "warning"),
        ({"audiosamplerate": 0.0}, "note"),
        ({"audiochannels": 2.0}, None),
        ({"audiochannels": 1.0}, "warning"),
    ],
)
def test_untrue(said, expected):
    talk = published(media(), (metadata(**said), *BARE))
    assert severity(talk, "META-03") == expected


def test_a_variable_frame_rate_has_no_true_number():
    """Some grab a picture when the screen changes, at most 30 times a second."""
    steps = [33, 33, 100, 66, 33, 133, 66, 100] * 8
    times = [sum(steps[:n]) for n in range(len(steps))]
    headers = (metadata(framerate=30.0), avc_config())
    assert severity(published(pictures(times), headers), "META-03") == "note"
    assert severity(published(pictures(range(0, 5000, 66)), headers), "META-03") == "warning"


def test_sbr_may_be_named_by_either_rate():
    sbr = aac_config(0, bytes.fromhex("2b11880800"))  # HE-AAC, 24000 Hz, with SBR 48000 Hz
    for rate in (24000, 48000):
        headers = (metadata(audiosamplerate=rate), avc_config(), sbr)
        assert severity(published(media(), headers), "META-03") is None


def test_audio_bitrate_far_from_the_declared_one():
    for rate, expected in ((128.0, "note"), (33.0, None)):  # 93 bytes every 23 ms are 32 kbit/s
        talk = published(media(7), (metadata(audiodatarate=rate), *BARE))
        assert severity(talk, "META-03") == expected


def test_a_track_that_is_announced_and_never_sent():
    headers = (metadata(), avc_config())
    item = finding(published(pictures(range(0, 6000, 40)), headers), "META-03")
    assert (item.severity, item.track) == ("warning", "audio")
    read = session(published(pictures(range(0, 4000, 40)), headers))
    [result] = [item for item in read.judgement.results if item.rule == "META-03"]
    assert result.status == "inconclusive"


def test_codec_id_forms():
    assert severity(good(), "META-04") is None
    hvc1 = int.from_bytes(b"hvc1", "big")
    hevc = video(0, b"\x90hvc1" + bytes.fromhex(HVCC["crop"]))
    frames = [video(40 * n, b"\x91hvc1\0\0\0\0\0\0\x03\x26\x01\xaf") for n in range(5)]
    number = published(frames, (metadata(videocodecid=hvc1), hevc))
    assert "FourCC 'hvc1' as a number" in finding(number, "META-04").text
    seven = published(frames, (metadata(videocodecid=7.0), hevc))
    assert finding(seven, "META-04").text == "videocodecid is 7, hevc is sent"
    text = Message(4, 18, 1, 0, string("onMetaData") + obj(("videocodecid", string("avc1"))))
    assert "the string 'avc1'" in finding(published(media(), (text, *BARE)), "META-04").text


CUE = data(500, "onCuePoint", obj(("name", string("x"))))


def test_timed_data_is_listed():
    item = finding(published(merged(media(), [CUE])), "META-05")
    assert (item.severity, item.text) == ("note", "1 timed data message: onCuePoint")
    assert severity(published(media()), "META-05") is None


def test_timed_data_that_the_player_does_not_get():
    publisher = published(merged(media(3), [CUE]))
    for relayed, expected in ((media(3), "warning"), (merged(media(3), [CUE]), "note")):
        player = Talk(client="10.0.0.9", port=50001).playing()
        player.send(S, metadata(), *BARE)
        item = found([publisher, sending(player, relayed, S)], "META-05")
        assert item is not None
        assert item.severity == expected


def test_commands_are_no_data():
    talk = published(media()).send(C, command("onCuePoint", 0, NULL))
    assert severity(talk, "META-05") is None
