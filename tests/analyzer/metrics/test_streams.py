"""Audio against video, media against the clock, start-up, and the JSON of all of it."""

import json
from collections.abc import Iterator
from importlib.resources import files

import jsonschema
import pytest

from analyzer import metrics
from analyzer.metrics import STAGES, Stream
from analyzer.metrics.report import connection
from tests.analyzer.rules.builder import (
    C,
    S,
    Talk,
    avc_config,
    good,
    metadata,
    picture,
    session,
    sound,
)
from tests.analyzer.rules.media import merged, pictures, published, sounds, video
from tests.analyzer.rules.test_sync import aggregate, tag
from tests.dissectors.chunk_builder import Message

SECOND = 1_000_000_000


def stream(items: list[Message] | list[tuple[float, Message]]) -> Stream:
    [found] = session(published(items)).metrics.connection(0).streams
    return found


def both(offset: int = 0, drift: float = 0, seconds: int = 20) -> list[tuple[float, Message]]:
    """Video and audio every 50 ms; the audio's timestamps are `offset` and `drift` ms/s off."""
    items: list[tuple[float, Message]] = []
    for wall in range(0, 1000 * seconds, 50):
        items.append((wall, picture(1000 + wall, wall % 1000 == 0)))
        items.append((wall, sound(1000 + wall + offset + round(drift * wall / 1000))))
    return items


@pytest.mark.parametrize("offset", [-300, 0, 300])
def test_skew(offset):
    skew = stream(both(offset)).skew
    assert skew is not None
    # A frame's place is between its neighbours: half a step of the other track.
    assert all(abs(value + offset - 25) <= 1 for value in skew.skew_ms.tolist())
    assert skew.drift_us_s == pytest.approx(0, abs=5)


def test_drift():
    skew = stream(both(drift=2)).skew
    assert skew is not None
    assert skew.drift_us_s == pytest.approx(-2000, rel=0.02)
    assert stream(both(drift=2, seconds=5)).skew.drift_us_s is None  # type: ignore[union-attr]


def test_rare_pictures_are_no_skew():
    items = merged(pictures(range(0, 10_000, 1000), gop=1), sounds(range(0, 10_000, 50)))
    skew = stream(items).skew
    assert skew is not None
    assert skew.max_ms <= 60


def test_a_burst_is_no_skew():
    media = merged(pictures(range(0, 5000, 50)), sounds(range(0, 5000, 50)))
    skew = stream([(0, message) for message in media]).skew
    assert skew is not None
    assert skew.max_ms <= 50


def test_interleave_distance():
    items = [*pictures([0, 40, 80]), *sounds([0, 23, 46, 69, 92])]
    lag = stream([(n, message) for n, message in enumerate(items)]).lag_ms
    assert lag["audio"].tolist() == [80, 57, 34, 11, -12]
    assert lag["video"].tolist() == [0, 0, 0]  # nothing of audio before them
    assert stream(pictures([0, 40])).lag_ms == {}


def test_starvation():
    slow = [(2 * n * 100, picture(n * 100, n % 10 == 0)) for n in range(100)]
    found = stream(slow).starvation
    assert found is not None
    assert found.width_ns == 5 * SECOND
    assert all(abs(share - 500) <= 20 for share in found.per_mille.tolist())
    assert stream(pictures(range(0, 4000, 40))).starvation is None


def test_start_offset():
    items = merged([picture(40 * n, n == 0, cts=80) for n in range(20)], sounds([180, 203]))
    assert stream(items).start_offset_ms == 100


def test_parts_of_aggregates_are_frames():
    parts = [tag(9, 500, picture(0, True).body), tag(8, 510, sound(0).body)]
    found = stream([aggregate(*parts), *pictures([140])])
    assert found.video is not None
    assert found.audio is not None
    assert found.video.frames.dts_ms.tolist() == [100, 140]
    assert found.audio.frames.dts_ms.tolist() == [110]
    assert found.video.frames.keyframe.tolist() == [True, True]


def test_parts_of_many_tracks_are_frames():
    body = bytes.fromhex("000028000000026588")
    many = b"\x96\x21" + b"".join(
        fourcc + bytes([track]) + len(body).to_bytes(3, "big") + body
        for track, fourcc in ((0, b"avc1"), (3, b"hvc1"))
    )
    found = stream([video(0, many), video(40, many)])
    names = {track.name: track for track in found.tracks if len(track.frames)}
    assert [*names] == ["video", "video/3"]
    assert names["video/3"].codec == "hevc"
    assert names["video/3"].frames.cts_ms.tolist() == [40, 40]
    assert found.video is names["video"]


def test_stages():
    stages = session(good()).metrics.connection(0).startup
    times = {stage.name: stage.time_ns for stage in stages}
    assert [stage.name for stage in stages] == [*STAGES]
    order = [times[name] for name in STAGES[:9]]
    assert order == sorted(order)
    assert times["keyframe"] == times["video"]


def test_stages_that_were_not_reached():
    silent = Talk().connected()
    names = [stage.name for stage in session(silent).metrics.connection(0).startup]
    assert names == ["tcp", "handshake", "connect", "connect_reply"]


def test_players_and_publishers_are_told_apart():
    talk = Talk().playing().send(S, metadata(), avc_config(), *pictures([0, 40]))
    [found] = session(talk).metrics.connection(0).streams
    assert (found.direction, found.msid) == (1, 1)


def test_metadata():
    talk = published(pictures([0])).send(C, metadata(width=1.5))
    values = [item.values["width"] for item in session(talk).metrics.connection(0).metadata]
    assert values == [320, 1.5]


def test_metadata_beyond_the_limit_is_not_decoded(monkeypatch):
    monkeypatch.setattr(metrics, "MAX_METADATA", 300)
    talk = published(pictures([0])).send(C, metadata(), metadata())
    found = session(talk).metrics.connection(0).metadata
    assert [item.decoded for item in found] == [True, False, False]
    assert found[1].values == {}


@pytest.mark.parametrize(
    "talk",
    [
        good(),
        published(both()),
        published([picture(0)]),
        Talk().connected(),
        published([*pictures([0, 0, 0]), *sounds([5])]),
    ],
)
def test_json(talk):
    schema = json.loads((files("analyzer") / "export" / "schema.json").read_text())
    wanted = schema["$defs"]["connection"]["properties"]["metrics"]
    found = connection(session(talk).metrics.connection(0))
    jsonschema.validate(found, wanted | {"$defs": schema["$defs"]})
    json.dumps(found, allow_nan=False)
    assert not any(isinstance(value, float) for value in leaves(found))


def leaves(value: object) -> Iterator[object]:
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from leaves(item)
    else:
        yield value
