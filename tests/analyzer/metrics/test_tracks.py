"""What is computed of one track."""

from types import SimpleNamespace

import numpy as np
import pytest

from analyzer.metrics import MAX_STREAMS, Frames, Track, expand, unwrapped
from tests.analyzer.rules.builder import NULL, C, Talk, avc_config, command, metadata, session
from tests.analyzer.rules.builder import picture as sent_picture
from tests.analyzer.rules.media import pictures, published, sounds, video
from tests.analyzer.rules.test_sync import aggregate, tag
from tests.dissectors.chunk_builder import Message
from tests.dissectors.media_bodies import HVCC


def track(dts, cts=0, keys=(), times=None, segment=0, kind="video", size=100) -> Track:
    """A track of frames; arrival is in real time where not given."""
    count = len(dts)
    time = np.array(dts if times is None else times, np.int64) * 1_000_000
    headers = SimpleNamespace(
        cts_ms=np.broadcast_to(np.array(cts, np.int32), count),
        keyframe=np.isin(np.arange(count), keys),
        codec=np.zeros(count, np.uint8),
    )
    table = SimpleNamespace(column={"time_ns": time}.get)
    columns = SimpleNamespace(
        table=table, row=np.arange(count), size=np.full(count, size), headers=headers
    )
    frames = Frames(
        columns=columns,
        entry=np.arange(count),
        dts_ms=np.array(dts, np.int64),
        segment=np.broadcast_to(np.array(segment), count).copy(),
        inferred=np.zeros(count, bool),
    )
    none = np.zeros(0, np.int64)
    return Track((0, 0, 1, kind, 0), frames, none, none)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ([0, 40, 80], [0, 40, 80]),
        ([2**32 - 40, 0, 40], [2**32 - 40, 2**32, 2**32 + 40]),
        ([20, 2**32 - 20, 20], [20, -20, 20]),
        ([2**31 - 1, 2**31], [2**31 - 1, 2**31]),
    ],
)
def test_wraps_are_removed(raw, expected):
    found = unwrapped(np.array(raw, np.uint32), np.zeros(len(raw), np.int64))
    assert found.tolist() == expected


def test_a_new_clock_begins_as_it_is():
    raw = np.array([2**32 - 40, 0, 0, 40], np.uint32)
    found = unwrapped(raw, np.array([0, 0, 1, 1]))
    assert found.tolist() == [2**32 - 40, 2**32, 0, 40]


def test_a_clock_that_turns_for_centuries_is_none():
    raw = np.array([0, 2**31 - 1, 2**32 - 2] * 2000, np.uint32)
    assert np.abs(unwrapped(raw, np.zeros(len(raw), np.int64))).max() < 2**43


def test_frame_rate():
    thirty = track([n * 1000 // 30 for n in range(301)]).rate
    assert thirty is not None
    assert (thirty.nominal_millihertz, thirty.average_millihertz) == (30000, 30000)
    gap = track([*range(0, 1000, 40), *range(5000, 6000, 40)]).rate
    assert gap is not None
    assert gap.interval_ns == 40_000_000
    assert gap.average_millihertz == round(49 / 5.96 * 1000)
    assert track([0]).rate is None
    assert track([0, 0]).rate is None


def test_duration_counts_the_last_frame():
    assert track(range(0, 1000, 40)).duration_ms == 1000
    assert track([0, 40, 1000, 1040], segment=[0, 0, 1, 1]).span_ms == 80


def test_bitrate():
    found = track(range(0, 4000, 40), size=100)
    assert found.bitrate_bit_s == 20_000
    assert found.bitrate().sums.tolist() == [20_000] * 4
    assert found.bitrate(2000).sums.tolist() == [40_000] * 2
    assert found.peak_bit_s == 20_000


def test_bitrate_of_a_clock_that_jumps_by_days():
    found = track([0, 40, 2**31, 2**31 + 40]).bitrate()
    assert found.sums.tolist() == [1600, 1600]


def test_gops():
    found = track(range(0, 1000, 40), keys=[2, 12, 20]).gops
    assert found.start.tolist() == [2, 12, 20]
    assert found.frames.tolist() == [10, 8, 5]
    assert found.duration_ms.tolist() == [400, 320, 200]
    assert found.closed.tolist() == [True, True, False]
    assert (found.min_ms, found.mean_ms, found.max_ms) == (320, 360, 400)


def test_gops_end_with_their_clock():
    found = track([0, 40, 80, 0, 40], keys=[0, 3], segment=[0, 0, 0, 1, 1]).gops
    assert found.frames.tolist() == [3, 2]
    assert found.duration_ms.tolist() == [120, 80]
    assert not found.closed.any()


def test_backward_and_duplicate():
    found = track([0, 40, 40, 20, 60])
    assert (found.backward.tolist(), found.duplicate.tolist()) == ([3], [2])
    assert not len(track([0, 40, 0], segment=[0, 0, 1]).backward)


def test_reordering():
    """Decoded 0 3 1 2, shown 0 1 2 3 one frame later."""
    found = track(range(0, 320, 40), cts=[40, 120, 0, 0] * 2)
    assert found.reorder.tolist() == [0, 0, 1, 1, 0, 0, 1, 1]


def test_latency():
    found = track([0, 40, 80, 120], times=[100, 120, 200, 260])
    assert (found.latency_ns // 1_000_000).tolist() == [20, 0, 40, 60]
    assert (found.backlog_ns // 1_000_000).tolist() == [0, 0, 40, 60]


def test_pace():
    found = track(range(0, 20000, 100), times=[n * 110 for n in range(200)]).pace
    assert found is not None
    assert abs(found.slope - 1 / 1.1) < 0.005
    assert track([0, 40]).pace is None


# -- from messages ----------------------------------------------------------------------------


def tracks(talk: Talk) -> dict[str, Track]:
    return {item.name: item for item in session(talk).metrics.tracks}


def test_tracks_of_a_publisher():
    found = tracks(published([*pictures(range(0, 400, 40), cts=40), *sounds(range(0, 400, 23))]))
    assert [*found] == ["video", "audio"]
    frames = found["video"].frames
    assert frames.dts_ms.tolist() == [*range(0, 400, 40)]
    assert set((frames.pts_ms - frames.dts_ms).tolist()) == {40}
    assert frames.keyframe.tolist() == [True] + [False] * 9
    assert (found["video"].codec, found["audio"].codec) == ("h264", "aac")
    assert found["video"].configurations[0].values["width"] == 320
    assert found["audio"].configurations[0].values["sample_rate"] == 44100


def test_sizes_and_rows_are_those_of_the_messages():
    talk = published(pictures([0, 40]))
    read = session(talk)
    [found] = [item for item in read.metrics.tracks if item.kind == "video"]
    lengths = [read.value(row, "length") for row in found.frames.row.tolist()]
    assert found.frames.size.tolist() == lengths
    assert [read.value(row, "timestamp") for row in found.frames.row.tolist()] == [0, 40]


def test_the_configuration_decides_the_codec():
    """HEVC came under codec id 7 from OBS before 29.1."""
    config = video(0, b"\x17\0\0\0\0" + bytes.fromhex(HVCC["crop"]))
    frames = [video(40, b"\x17\x01\0\0\0\0\0\0\x03\x26\x01\xaf")]
    assert tracks(published(frames, (metadata(), config)))["video"].codec == "hevc"


def test_publishing_again_begins_a_new_segment():
    talk = published(pictures([0, 40, 80]))
    talk.send(C, command("publish", 9, NULL, msid=1), avc_config(), *pictures([0, 40]))
    found = tracks(talk)["video"]
    assert [(run.start, run.stop) for run in found.slices] == [(0, 3), (3, 5)]
    assert found.span_ms == 120


def test_a_hole_in_the_capture_begins_a_new_segment():
    talk = published(pictures([0, 40, 80]))
    talk.send(C, sent_picture(120), lost=True)
    talk.send(C, *pictures([160, 200]))
    found = tracks(talk)["video"]
    assert len(found.slices) == 2
    assert found.steps_ms.tolist() == [40] * (len(found.frames) - 2)


def test_tracks_that_begin_after_a_wrap_count_from_the_same_turn():
    top = 2**32
    items: list[tuple[float, Message]] = [
        (0, sent_picture(top - 40, True)), (40, *sounds([0])), (41, sent_picture(0)),
    ]  # fmt: skip
    found = tracks(published(items))
    assert found["audio"].frames.dts_ms.tolist() == [top]
    assert found["video"].frames.dts_ms.tolist() == [top - 40, top]


def test_hostile_numbers_of_streams_and_tracks_are_left_out():
    frames = [sent_picture(40 * n)._replace(msid=n + 1) for n in range(MAX_STREAMS + 6)]
    read = session(published(frames))
    streams = {item.msid for item in read.metrics.tracks if item.kind == "video"}
    assert len(streams) <= MAX_STREAMS
    assert read.metrics.connection(0).left_out == 6


def test_hostile_aggregates_are_left_out(monkeypatch):
    monkeypatch.setattr(expand, "MAX_PARTS", 5)
    many = [aggregate(*[tag(8, n, b"\xaf\x01\x21") for n in range(4)], time=t) for t in range(4)]
    read = session(published(many))
    assert sum(len(item.frames) for item in read.metrics.tracks) == 8
    assert read.metrics.connection(0).left_out == 2


def test_rates_of_a_clock_that_stands_still_or_is_set_back_are_by_arrival():
    wall = range(0, 4000, 40)
    usual = track(wall).bitrate_bit_s
    for dts in ([min(t, 1000) for t in wall], [t % 2000 for t in wall]):
        broken = track(dts, times=wall)
        assert broken.by_arrival and broken.lasted_ms == 4000
        assert broken.bitrate_bit_s == usual
        assert broken.peak_bit_s == 25 * 800
    twice = [t // 2 * 80 for t in range(100)]  # two messages a picture, sent at once
    assert not track(twice, times=[0] * 100).by_arrival
