"""Assertions: true, false, or nothing to measure."""

import pytest

from analyzer.check import assertions
from analyzer.check.aggregates import AGGREGATES, Measured
from analyzer.filters import FilterError
from analyzer.session import Session
from tests.analyzer import talk


def measured(name: str) -> Measured:
    session = Session([str(talk.CAPTURES / name)])
    session.run()
    return Measured(session)


@pytest.fixture(scope="module")
def good() -> Measured:
    """A publisher and a player of H.264 at 25 frames per second with a keyframe each second."""
    return measured("real/publish-play-nginx.pcap")


@pytest.fixture(scope="module")
def denied() -> Measured:
    """A publisher whose publish the server answers by closing."""
    return measured("lab/nginx-publish-denied.pcap")


@pytest.fixture(scope="module")
def late() -> Measured:
    """Captured from the middle on."""
    return measured("lab/nginx-late-start.pcap")


def status(of: Measured, text: str, kind: str = "expect") -> str:
    return assertions.compile(kind, text).check(of).status


PASSING = [
    "publish.started",
    "play.started and connections == 2",
    "video.codec == h264",
    'video.codec in {"h264", "hevc"}',
    "video.codec != hevc",
    "gop.max <= 2s",
    "gop.max >= 900ms and gop.max < 1100ms",
    "video.frame_rate in {24.9 .. 25.1}",
    "video.width == 320 and video.height == 180",
    "audio.sample_rate == 44100",
    "video.bitrate < 6M and audio.bitrate <= 160k",
    "duration < 1min",
    "errors == 0",
    "not rule.CMD-05",
    "video.frames",
    'command.name == "publish"',
    'command.name == "publish" and msid == 1',
    'publish.started and command.name == "FCPublish"',
    'not command.name == "_error"',
    "(av_skew.max < 1s or errors > 100) and not gop.max > 4s",
]


@pytest.mark.parametrize("text", PASSING)
def test_holds(good: Measured, text: str) -> None:
    assert status(good, text) == "pass"
    assert status(good, text, "forbid") == "fail"


FAILING = [
    "connections == 1",
    "video.codec == hevc",
    "gop.max <= 500ms",
    "not publish.started",
    "rule.CMD-05",
    'command.name == "nonsense"',
    "not video.codec == h264",
    'publish.started and command.name == "nonsense"',
]


@pytest.mark.parametrize("text", FAILING)
def test_does_not_hold(good: Measured, text: str) -> None:
    assert status(good, text) == "fail"
    assert status(good, text, "forbid") == "pass"


def test_a_refused_publish_did_not_start(denied: Measured) -> None:
    assert status(denied, "publish.started") == "fail"
    assert status(denied, "connect.accepted") == "pass"
    assert status(denied, "rule.CMD-05") == "pass"


@pytest.mark.parametrize("kind", ["expect", "forbid"])
@pytest.mark.parametrize(
    "text", ["gop.max <= 2s", "video.codec == h264", "av_skew.max < 100ms", "first_media < 1s"]
)
def test_nothing_to_measure_is_inconclusive(denied: Measured, text: str, kind: str) -> None:
    """The classic bug of gates: all of no samples pass."""
    assert status(denied, text, kind) == "inconclusive"


def test_absence_of_media_is_certain_where_all_was_captured(denied: Measured) -> None:
    assert status(denied, "video.codec") == "fail"
    assert status(denied, "video.codec", "forbid") == "pass"


def test_compared_fields_that_no_message_has_are_inconclusive(denied: Measured) -> None:
    assert status(denied, 'video.frame_type == "keyframe"') == "inconclusive"
    assert status(denied, "video", "forbid") == "pass"


def test_what_was_not_captured_is_unknown(late: Measured) -> None:
    assert status(late, "publish.started") == "inconclusive"
    assert status(late, 'command.name == "connect"') == "inconclusive"
    assert status(late, "video.frames > 10") == "pass"


def test_unknown_spreads_by_kleenes_logic(denied: Measured) -> None:
    assert status(denied, "gop.max < 2s or connections == 1") == "pass"
    assert status(denied, "gop.max < 2s and connections == 1") == "inconclusive"
    assert status(denied, "gop.max < 2s and connections == 7") == "fail"
    assert status(denied, "not gop.max < 2s") == "inconclusive"


def test_every_track_counts(good: Measured) -> None:
    """Two connections carry video: an expectation is for both, a prohibition for either."""
    longest = measured("lab/nginx-two-players.pcap")
    assert status(longest, "connection.role in {publish, play}") == "pass"
    assert status(longest, "connection.role == publish") == "fail"
    assert status(longest, "connection.role == publish", "forbid") == "fail"


def test_the_reason_names_value_and_place(good: Measured) -> None:
    checked = assertions.compile("expect", "gop.max <= 500ms").check(good)
    assert "1.000 s" in checked.why and "c0 c2s video" in checked.why


@pytest.mark.parametrize(
    ("text", "part", "message"),
    [
        ("gop.max <= 2", "2", "duration with its unit"),
        ("gop.max <= fast", "fast", "duration with its unit"),
        ("video.bitrate < 6Q", "6Q", "bit rate"),
        ("gop.maxx < 2s", "gop.maxx", "did you mean 'gop.max'"),
        ("publish.startet", "publish.startet", "did you mean 'publish.started'"),
        ("publish.started and", "", "ends where a field should stand"),
        ("publish.started = true", "=", "'=='"),
        ("connections contains 2", "2", "text field"),
        ("", "", "empty"),
    ],
)
def test_errors_point_at_the_wrong_part(text: str, part: str, message: str) -> None:
    with pytest.raises(FilterError) as caught:
        assertions.compile("expect", text)
    error = caught.value
    assert message in error.message
    if part:
        assert error.text[error.position :].startswith(part)


def test_every_aggregate_answers_on_every_kind_of_capture(
    good: Measured, denied: Measured, late: Measured
) -> None:
    for session in (good, denied, late, measured("edge/rtmps.pcap")):
        for aggregate in AGGREGATES:
            samples = aggregate.samples(session, aggregate.name)
            assert len(samples.values) == len(samples.where)
            assert samples.values or samples.missing or aggregate.name == "rule.ID"
