"""NET-03, NET-04, NET-05: media time against the wall clock."""

import pytest

from tests.analyzer.rules.builder import C, S, Talk, avc_config, metadata, picture
from tests.analyzer.rules.media import finding, published, sending, severity
from tests.analyzer.talk import command
from tests.dissectors.bodies import NULL, string
from tests.dissectors.chunk_builder import Message

Items = list[tuple[float, Message]]


def at_pace(pace: float, seconds: int, start: float = 0) -> Items:
    """Ten pictures per second of media, sent at `pace` seconds of media per second."""
    return [(start + 100 * n / pace, picture(100 * n, n % 20 == 0)) for n in range(10 * seconds)]


def then(first: Items, pace: float, seconds: int) -> Items:
    """Go on at another pace."""
    wall, time = first[-1][0], first[-1][1].time
    more = range(1, 10 * seconds + 1)
    return first + [(wall + 100 * n / pace, picture(time + 100 * n, n % 20 == 0)) for n in more]


@pytest.mark.parametrize(
    ("pace", "expected"), [(1.0, None), (0.92, None), (0.85, "warning"), (0.45, "error")]
)
def test_starvation(pace, expected):
    assert severity(published(at_pace(pace, 20)), "NET-03") == expected


def test_starvation_that_is_caught_up():
    dip = then(then(then(at_pace(1, 10), 0.7, 3), 2, 5), 1, 10)
    assert severity(published(dip), "NET-03") is None


def test_no_frames_for_three_seconds():
    silent = at_pace(1, 3)
    silent += [(wall + 6100, picture(3000 + m.time)) for wall, m in at_pace(1, 3)]
    item = finding(published(silent), "NET-03")
    assert item.severity == "error"
    assert item.text.startswith("no frame arrives for 3.2 s")
    short = at_pace(1, 3)
    short += [(wall + 5800, picture(5800 + m.time)) for wall, m in at_pace(1, 3)]
    assert severity(published(short), "NET-03") is None


@pytest.mark.parametrize(("wait", "expected"), [(2900, None), (3500, "error")])
def test_an_encoder_that_hangs_before_its_end(wait, expected):
    talk = published(at_pace(1, 5)).wait(wait).fin(C)
    assert severity(talk, "NET-03") == expected


def test_silence_behind_the_end_of_the_publication_is_none():
    farewell = command("FCUnpublish", 6, NULL, string("cam7"))
    talk = published(at_pace(1, 5)).send(C, farewell).wait(9000).fin(C)
    assert severity(talk, "NET-03") is None


def test_bandwidth_is_set_against_what_is_declared():
    headers = (metadata(videodatarate=800, audiodatarate=100), avc_config())
    item = finding(published(at_pace(0.5, 20), headers), "NET-03")
    assert item.actual is not None
    assert item.actual.endswith("of 900 declared")


def test_files_are_sent_ahead_and_then_wait():
    talk = Talk().playing().send(S, metadata(duration=60.0), avc_config())
    assert severity(sending(talk, then(at_pace(10, 20), 0.3, 10), S), "NET-03") is None
    live = Talk().playing().send(S, metadata(duration=0.0), avc_config())
    assert severity(sending(live, then(at_pace(10, 20), 0.3, 10), S), "NET-03") is not None


def test_delay_that_stays():
    def talk(seconds: int) -> Talk:
        slow = then(at_pace(1, 5), 0.5, seconds)
        return published(then(slow, 1, 5))

    assert severity(talk(3), "NET-04") == "warning"  # 3 s late
    assert "not drained" in finding(talk(3), "NET-04").text
    assert severity(talk(1), "NET-04") is None


def test_delay_that_is_made_up_for():
    talk = published(then(then(then(at_pace(1, 5), 0.5, 3), 2, 6), 1, 5))
    assert "shrinks again" in finding(talk, "NET-04").text


@pytest.mark.parametrize(("pace", "expected"), [(0.995, None), (0.98, "warning")])
def test_delay_that_grows_slowly(pace, expected):
    assert severity(published(at_pace(pace, 62)), "NET-04") == expected


def test_a_burst_at_the_start_is_no_growing_delay():
    assert severity(published(then(at_pace(20, 5), 1, 10)), "NET-04") is None


def test_media_from_before_the_start():
    late = then(at_pace(50, 4), 1, 10)  # 4 s at once
    assert severity(published(late), "NET-05") == "note"
    assert severity(published(then(at_pace(50, 1), 1, 10)), "NET-05") is None
    assert severity(published(at_pace(1, 14)), "NET-05") is None
    assert severity(published(at_pace(20, 200)), "NET-05") is None  # a file, sent at full speed
