"""Rules about audio against video: what triggers each, and what nearly does."""

import struct

import pytest

from analyzer.check.aggregates import Measured
from analyzer.check.aggregates import find as check_aggregate
from tests.analyzer.rules.builder import (
    C,
    S,
    Talk,
    aac_config,
    avc_config,
    metadata,
    picture,
    session,
    sound,
)
from tests.analyzer.rules.media import (
    HEADERS,
    finding,
    merged,
    pictures,
    published,
    sending,
    severity,
    sounds,
)
from tests.dissectors.chunk_builder import Message


@pytest.mark.parametrize(
    ("offset", "expected"), [(200, None), (201, "warning"), (1000, "warning"), (1001, "error")]
)
def test_start_offset(offset, expected):
    late = merged(pictures(range(0, 3000, 40)), sounds(range(offset, 3000, 23)))
    assert severity(published(late), "TS-08") == expected
    early = merged(pictures(range(offset, 3000, 40)), sounds(range(0, 3000, 23)))
    assert severity(published(early), "TS-08") == expected


def test_a_start_offset_that_only_the_timestamps_have():
    media = merged(pictures(range(0, 3000, 40)), sounds(range(0, 3000, 23)))
    shifted = [(m.time, m._replace(time=m.time + 1500) if m.type == 8 else m) for m in media]
    text = finding(published(shifted), "TS-08").text
    assert text.startswith("audio begins 1.5 s after the other track by its timestamps, though it")
    really = merged(pictures(range(0, 3000, 40)), sounds(range(1500, 3000, 23)))
    assert finding(published(really), "TS-08").text.endswith("after the other track")


def test_start_offset_is_of_presentation():
    """The decoding time of pictures is shifted by the reordering delay."""
    shifted = [picture(40 * n, n % 25 == 0, cts=320) for n in range(50)]
    talk = published(merged(shifted, sounds(range(320, 2000, 23))))
    assert severity(talk, "TS-08") is None


def test_audio_that_arrives_late_with_good_timestamps():
    def talk(wait: int) -> Talk:
        late = merged(pictures(range(40, 1000, 40)), sounds(range(0, 1000, 23)))
        return published([(0, picture(0, True)), *[(wait + m.time, m) for m in late]])

    assert "audio comes 1.1 s after the other track" in finding(talk(1100), "TS-08").text
    assert severity(talk(950), "TS-08") is None


def test_player_that_joins_gets_video_later():
    talk = Talk().playing().send(S, metadata(), avc_config(), aac_config())
    media = merged(pictures(range(700, 3000, 40)), sounds(range(0, 3000, 23)))
    item = finding(sending(talk, media, S), "TS-08")
    assert item.severity == "note" and "joins" in (item.help or "")


def test_slow_pictures_come_with_their_audio():
    """Of one picture a second, audio may wait for the second one."""

    def talk(apart: int) -> Talk:
        late = merged(pictures(range(apart, 8 * apart, apart)), sounds(range(0, 4000, 23)))
        items = [(1200 + m.time, m) for m in late]
        return published([(0, picture(0, True)), *items])

    assert severity(talk(1000), "TS-08") is None
    assert severity(talk(100), "TS-08") == "warning"


@pytest.mark.parametrize("kind", ["audio", "video"])
@pytest.mark.parametrize(("percent", "expected"), [(104, None), (140, "error"), (70, "error")])
def test_a_clock_at_a_wrong_rate_needs_no_minute(kind, percent, expected):
    """Of five seconds it is told; what follows from it stands below."""
    sent = [(m.time, m) for m in merged(pictures(range(0, 5000, 40)), sounds(range(0, 5000, 23)))]
    wrong = {"audio": 8, "video": 9}[kind]
    talk = published(
        (wall, m._replace(time=m.time * percent // 100) if m.type == wrong else m)
        for wall, m in sent
    )
    assert severity(talk, "TS-09") == expected
    if expected:
        assert f"the clock of {kind} runs {percent / 100:.1f}" in finding(talk, "TS-09").text
        worse = [d for d in session(talk).diagnostics if d.severity != "note"]
        beside = {d.rule for d in worse if d.cause is None} - {"TS-09"}
        assert beside <= {"META-03"}, "the frame rate declared is the one meant"


def test_audio_that_was_held_back_has_no_wrong_clock():
    """It comes at once after two seconds, and then as it is made."""
    media = merged(pictures(range(0, 6000, 40)), sounds(range(0, 6000, 23)))
    sent = [(max(m.time, 2000) if m.type == 8 else m.time, m) for m in media]
    sent.sort(key=lambda item: item[0])
    assert severity(published(sent), "TS-09") is None


def test_a_file_sent_at_once_has_no_wrong_clock():
    media = merged(pictures(range(0, 9000, 40)), sounds(range(0, 9000, 23)))
    assert severity(published((m.time / 5, m) for m in media), "TS-09") is None


@pytest.mark.parametrize(
    ("ms_per_s", "expected"),
    [(0.8, None), (1.5, "warning"), (-1.5, "warning"), (12, "error")],
)
def test_drift(ms_per_s, expected):
    items = []
    for wall in range(0, 66_000, 200):
        items.append((wall, picture(wall, wall % 2000 == 0)))
        items.append((wall + 5, sound(wall + 5 + round(wall * ms_per_s / 1000))))
    assert severity(published(items), "TS-09") == expected


def test_drift_needs_a_minute():
    items = []
    for wall in range(0, 55_000, 200):
        items += [(wall, picture(wall, True)), (wall + 5, sound(wall + 5 + wall // 20))]
    read = session(published(items))
    results = [item for item in read.judgement.results if item.rule == "TS-09"]
    assert [item.status for item in results] == ["inconclusive"]


@pytest.mark.parametrize(("ms", "expected"), [(950, None), (1100, "warning"), (3200, "error")])
def test_interleave(ms, expected):
    """The other track comes in blocks of `ms`."""
    items: list[tuple[float, Message]] = []
    for start in range(0, 4 * ms, ms):
        block = range(start, start + ms, 50)
        items += [(start + ms, picture(time, time == start)) for time in block]
        items += [(start + ms, sound(time)) for time in block]
    talk = published(items)
    found = [item for item in session(talk).diagnostics if item.rule == "MUX-01"]
    by_order = [item for item in found if "media time" in item.text]
    assert (by_order[0].severity if by_order else None) == expected


def test_silence_of_one_track():
    def talk(silent_ms: int) -> Talk:
        gap = [*range(0, 1000, 23), *range(1000 + silent_ms, 4000, 23)]
        return published(merged(pictures(range(0, 4000, 40)), sounds(gap)))

    assert "no audio arrives" in finding(talk(1100), "MUX-01").text
    assert severity(talk(950), "MUX-01") is None


def test_large_picture_blocks_audio():
    def talk(size: int) -> Talk:
        made = Talk().publishing().send(C, *HEADERS)
        made.chunk_size(C, 60000)
        for number in range(10):
            made.send(C, sound(23 * number)).wait(20)
        return made.send(C, picture(240, True, size=size)).send(C, sound(253))

    assert severity(talk(200_000), "MUX-02") == "note"  # 143 segments, 0.3 ms each
    assert severity(talk(40_000), "MUX-02") is None


def tag(type_id: int, time: int, data: bytes, stream: int = 0, pointer: int = 0) -> bytes:
    """RTMP 1.0 §7.1.6: an FLV tag with its back pointer."""
    head = struct.pack(">B", type_id) + len(data).to_bytes(3, "big") + time.to_bytes(3, "big")
    end = struct.pack(">I", pointer or 11 + len(data))
    return head + b"\0" + stream.to_bytes(3, "big") + data + end


def aggregate(*tags: bytes, time: int = 100) -> Message:
    return Message(6, 22, 1, time, b"".join(tags))


def test_aggregates():
    one, two = sound(0).body, picture(10).body
    good = aggregate(tag(8, 500, one), tag(9, 510, two))
    assert severity(published([good]), "MUX-03") == "note"  # from a publisher
    wrong = aggregate(tag(8, 500, one, pointer=7), tag(9, 510, two))
    assert severity(published([wrong]), "MUX-03") == "warning"
    named = aggregate(tag(8, 500, one, stream=1))
    assert severity(published([named]), "MUX-03") == "warning"
    player = Talk().playing().send(S, metadata(), avc_config(), aac_config())
    assert severity(player.send(S, good), "MUX-03") is None


def test_times_inside_aggregates_count_from_the_first():
    talk = published([aggregate(tag(8, 500, sound(0).body), tag(8, 523, sound(0).body))])
    [audio] = [track for track in session(talk).metrics.tracks if track.kind == "audio"]
    assert audio.frames.dts_ms.tolist() == [100, 123]


@pytest.mark.parametrize("rule", ["TS-09", "MUX-01", "NET-03", "NET-04", "VID-14", "VID-12"])
@pytest.mark.parametrize(
    "clock", [lambda n: 40 * n - (3000 if n > 200 else 0), lambda n: 40 * min(n, 200)]
)
def test_a_broken_clock_is_compared_with_nothing(rule, clock):
    """TS-01 or TS-02 has said it; no skew, no starvation, no lost frames follow from it."""
    times = [clock(n) for n in range(400)]
    items = [(40 * n, picture(time, n % 25 == 0)) for n, time in enumerate(times)]
    items += [(23 * n, sound(23 * n)) for n in range(690)]
    read = session(published(sorted(items, key=lambda item: item[0])))
    results = [item for item in read.judgement.results if item.rule == rule]
    assert "inconclusive" in {item.status for item in results}
    assert not [item for item in read.diagnostics if item.rule == rule]


def test_inferred_clocks_are_not_compared():
    """Of a start in the middle, timestamps count from an unknown base for each track."""
    talk = Talk().publishing()
    talk.chunks[C].style.compress = 1
    media = merged(pictures(range(0, 8000, 40)), sounds(range(3000, 8000, 23)))
    sending(talk.send(C, *HEADERS), media)
    talk.packets = talk.packets[len(talk.packets) // 2 :]
    read = session(talk)
    (stream,) = read.metrics.connection(0).streams
    assert stream.inferred and stream.video.frames.inferred.all()
    assert stream.skew is None and stream.start_offset_ms is None and stream.lag_ms == {}
    assert stream.starvation is None and stream.video.rate is not None
    assert not {item.rule for item in read.diagnostics} & {"TS-08", "TS-09", "MUX-01", "NET-03"}
    for name in ("av_skew.max", "av_offset"):
        assert check_aggregate(name).samples(Measured(read), name).values == []
